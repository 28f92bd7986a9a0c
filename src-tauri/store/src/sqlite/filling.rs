//! How a fresh store is filled from a damaged one and its backups, row by row.

use std::collections::BTreeSet;

use rusqlite::{Connection, ErrorCode, Transaction};

use super::aside::Aside;
use super::damage::start_of;
use super::derived;
use super::donors::Donors;
use super::raw_row::{self, RawRow};
use super::sums::{self, Summed};
use crate::maintenance::{Mended, MendedMemory, RepairStep, Repaired};
use crate::memory::MemoryId;

/// Rows between two reports.
const REPORT_EVERY: usize = 500;

/// How often a walk over a table that cannot be read leaps on, twice as far each time.
const LEAPS_MAX: u32 = 62;

/// What a fresh store is filled from, and what came of it.
pub(super) struct Filling<'a, 'r> {
    pub(super) source: &'a Connection,
    /// What lies on the pages of the damaged database, where not all tables lead to theirs.
    pub(super) pages: Option<&'a Connection>,
    pub(super) donors: &'a Donors,
    pub(super) aside: Aside,
    pub(super) repaired: Repaired,
    pub(super) report: &'r mut dyn FnMut(RepairStep),
}

impl Filling<'_, '_> {
    /// Fills one table.
    pub(super) fn table(&mut self, into: &Transaction<'_>, table: &Summed) -> rusqlite::Result<()> {
        let keys = self.keys(table);
        let expected = keys.len() as u64;
        for (n, key) in keys.into_iter().enumerate() {
            if n % REPORT_EVERY == 0 {
                (self.report)(RepairStep::Rows {
                    table: table.name,
                    rows: n as u64,
                    rows_expected: expected,
                });
            }
            self.row(into, table, key)?;
        }
        Ok(())
    }

    /// Returns every key that there may be a row for. Only where the damaged database does not tell all of them, those of
    /// the backups count: a memory that was purged must not come back from one.
    fn keys(&mut self, table: &Summed) -> BTreeSet<i64> {
        let (mut keys, is_complete) = walk(self.source, table.name, table.key());
        let (known, knows_all) = walk(self.source, &format!("{}_sums", table.name), "id");
        keys.extend(known);
        if let Some(pages) = self.pages {
            // The checksums tell which rows there are; without them, the rows themselves.
            let told = if knows_all { 0 } else { 2 };
            let names = [table.name.to_owned(), format!("{}_sums", table.name)];
            for (name, key) in names.iter().zip([table.key(), "id"]).take(told) {
                keys.extend(walk(pages, name, key).0);
            }
        }
        if !is_complete && !knows_all {
            self.repaired.cut_tables.push(table.name);
            keys.extend(self.donors.keys(table));
        }
        keys
    }

    fn row(&mut self, into: &Transaction<'_>, table: &Summed, key: i64) -> rusqlite::Result<()> {
        // What cannot be read is not there.
        let row = RawRow::read(self.source, table, key).ok().flatten();
        let known = self.known_sum(table, key);
        if let Some(row) = &row
            && known == Some(row.sum)
        {
            return self.insert(into, table, key, row, None);
        }
        let on_a_page = self.on_a_page(table, key);
        if let Some(row) = &on_a_page
            && known == Some(row.sum)
        {
            self.repaired.salvaged_rows += 1;
            return self.insert(into, table, key, row, None);
        }
        let row = row.or(on_a_page);
        let exact = known.and_then(|sum| self.donors.exact(table, key, sum));
        if let Some((row, donor)) = exact {
            let how = Mended::FromBackup(donor.path.clone());
            return self.insert(into, table, key, &row, Some(how));
        }
        let whole = self.donors.newest_whole(table, key);
        match (row, whole) {
            (Some(row), Some((same, _))) if row.sum == same.sum => {
                self.insert(into, table, key, &row, Some(Mended::ChecksumWasWrong))
            }
            (Some(row), whole) => {
                let older =
                    whole.map(|(row, donor)| (row, Mended::OlderFromBackup(donor.path.clone())));
                self.uncertain(into, table, key, row, known, older)
            }
            (None, Some((older, donor))) if raw_row::is_of_memories(table) => {
                let how = Mended::OlderFromBackup(donor.path.clone());
                self.insert(into, table, key, &older, Some(how))
            }
            (None, _) => {
                self.tell(table, key, None, Mended::Gone);
                Ok(())
            }
        }
    }

    fn known_sum(&self, table: &Summed, key: i64) -> Option<i64> {
        let sum = |from| raw_row::kept_sum(from, table, key).ok().flatten();
        sum(self.source).or_else(|| self.pages.and_then(sum))
    }

    fn on_a_page(&self, table: &Summed, key: i64) -> Option<RawRow> {
        RawRow::read(self.pages?, table, key).ok().flatten()
    }

    /// Decides about a row that does not match its checksum, and that no backup has as it was.
    fn uncertain(
        &mut self,
        into: &Transaction<'_>,
        table: &Summed,
        key: i64,
        row: RawRow,
        known: Option<i64>,
        older: Option<(RawRow, Mended)>,
    ) -> rusqlite::Result<()> {
        let is_memory = raw_row::is_of_memories(table);
        if table.name == sums::VECTORS.name {
            // Made again from the text.
            self.repaired.other_rows += 1;
            return Ok(());
        }
        let is_believed = if is_memory {
            row.has_its_hash()
        } else {
            known.is_none()
        };
        if is_believed {
            return self.insert(into, table, key, &row, Some(Mended::KeptByHash));
        }
        self.aside
            .keep(table, &row, "it does not match its checksum");
        match older {
            Some((older, how)) if is_memory => self.insert(into, table, key, &older, Some(how)),
            _ => {
                self.tell(table, key, Some(&row), Mended::PutAside);
                Ok(())
            }
        }
    }

    /// Puts a row into the fresh store. One that cannot live beside the others is put aside.
    fn insert(
        &mut self,
        into: &Transaction<'_>,
        table: &Summed,
        key: i64,
        row: &RawRow,
        how: Option<Mended>,
    ) -> rusqlite::Result<()> {
        match row.insert(into, table) {
            Ok(()) => {
                if let Some(how) = how {
                    self.tell(table, key, Some(row), how);
                }
                Ok(())
            }
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                // Vectors of a memory that was put aside are made again if it comes back.
                if table.name != sums::VECTORS.name {
                    self.aside.keep(table, row, &error.to_string());
                }
                self.tell(table, key, Some(row), Mended::PutAside);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn tell(&mut self, table: &Summed, key: i64, row: Option<&RawRow>, how: Mended) {
        if !raw_row::is_of_memories(table) {
            self.repaired.other_rows += 1;
            return;
        }
        self.repaired.memories.push(MendedMemory {
            id: MemoryId(key),
            start: row.map(|row| start_of(&row.text())),
            how,
        });
    }

    /// Makes what is derived, and closes the gaps that are left.
    pub(super) fn finish(&mut self, into: &Transaction<'_>) -> rusqlite::Result<()> {
        (self.report)(RepairStep::Indexes);
        into.execute_batch(INCOMPLETE_VECTORS)?;
        derived::rebuild(into)?;
        into.execute_batch(MISSING_COMMITS)?;
        let used = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'memories'";
        let used: i64 = self
            .source
            .query_row(used, [], |row| row.get(0))
            .unwrap_or(0);
        let told = self
            .repaired
            .memories
            .iter()
            .map(|memory| memory.id.0)
            .max();
        // An id is never used twice.
        into.execute(
            "UPDATE sqlite_sequence SET seq = max(seq, ?1, ?2) WHERE name = 'memories'",
            (used, told.unwrap_or(0)),
        )?;
        Ok(())
    }
}

/// A memory has all of its vectors or is to get new ones.
const INCOMPLETE_VECTORS: &str = "
UPDATE memories
SET chunks_indexed = NULL
WHERE chunks_indexed IS NOT NULL
  AND chunks_indexed <> (SELECT count(*) FROM memory_vectors v WHERE v.memory_id = memories.id);
DELETE FROM memory_vectors
WHERE memory_id IN (SELECT id FROM memories WHERE chunks_indexed IS NULL);";

/// The log of commits has no gaps: a write of which nothing is known any more keeps its number.
const MISSING_COMMITS: &str = "
WITH RECURSIVE numbers (seq) AS (
    SELECT 1 WHERE EXISTS (SELECT 1 FROM commit_log)
    UNION ALL
    SELECT seq + 1 FROM numbers WHERE seq < (SELECT max(seq) FROM commit_log)
)
INSERT INTO commit_log (seq, epoch, kind, outcome, client, at_ms)
SELECT n.seq,
       coalesce((SELECT c.epoch FROM commit_log c WHERE c.seq < n.seq ORDER BY c.seq DESC LIMIT 1), 1),
       'unknown', '{\"did\":\"unknown\"}', '',
       coalesce((SELECT c.at_ms FROM commit_log c WHERE c.seq < n.seq ORDER BY c.seq DESC LIMIT 1), 0)
FROM numbers n
WHERE n.seq NOT IN (SELECT seq FROM commit_log)
ORDER BY n.seq;";

/// Returns all keys of a table that can be read, and whether that are all of them. Pages that cannot be read are leapt over.
fn walk(connection: &Connection, table: &str, key: &str) -> (BTreeSet<i64>, bool) {
    let sql = format!("SELECT {key} FROM {table} WHERE {key} > ?1 ORDER BY {key}");
    let (mut keys, mut after, mut leaps) = (BTreeSet::new(), i64::MIN, 0);
    let mut is_complete = true;
    loop {
        let before = keys.len();
        let end = step(connection, &sql, after, &mut keys);
        if end.is_ok() || leaps >= LEAPS_MAX {
            return (keys, is_complete && end.is_ok());
        }
        is_complete = false;
        leaps = if keys.len() > before { 0 } else { leaps + 1 };
        let last = keys.last().copied().unwrap_or(0).max(after.max(0));
        after = last.saturating_add(1_i64 << leaps);
    }
}

fn step(
    connection: &Connection,
    sql: &str,
    after: i64,
    keys: &mut BTreeSet<i64>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([after])?;
    while let Some(row) = rows.next()? {
        keys.insert(row.get(0)?);
    }
    Ok(())
}
