//! What lies on the pages of a damaged database, whether a table leads there or not.
//!
//! One flipped bit in the root of a table hides all of its rows from SQLite, and one in the first page the whole file. The
//! rows are still there. They are taken for what they are by their checksums: a row on whatever page counts as whole if some
//! page has its key and its checksum, or if it has its checksum itself.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, params};

use super::pages::{Cell, Frames, Pages};
use super::raw_row::{self, Raw, RawRow};
use super::sums::{self, Summed};
use super::temporary::Temporary;

/// The rows, as tables that have the names of those of a store, and their checksums.
pub(super) struct Salvage {
    pub(super) connection: Connection,
    /// Rows that match their checksum.
    pub(super) whole_rows: u64,
    _file: Temporary,
}

/// How well a row is proven; more is better. A page may still hold what a row and its checksum were before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Proof {
    /// Only by a checksum that its page does not list.
    OldSum,
    /// By a checksum that is listed; the row is not.
    Sum,
    /// Both are listed.
    Both,
}

/// Pages between two reports.
const REPORT_EVERY: u64 = 1_000;

/// Key and checksum of a row, as a page with checksums has them.
type Pair = (i64, i64);

impl Salvage {
    /// Reads all pages of `database`, which nobody has open, twice, and keeps their rows in `file`, which is empty. `report`
    /// is told how many pages were read, and of how many.
    pub(super) fn of(
        database: &Path,
        frames: Frames,
        file: Temporary,
        report: &mut dyn FnMut(u64, u64),
    ) -> rusqlite::Result<Self> {
        let mut pages = Pages::open(database, frames).map_err(of_disk)?;
        let mut gathering = Gathering::new(file.path())?;
        let expected = 2 * u64::from(*pages.numbers().end());
        let mut read = 0;
        let mut cells = |number: u32| {
            if read % REPORT_EVERY == 0 {
                report(read, expected);
            }
            read += 1;
            pages.rows(number).map_err(of_disk)
        };
        let numbers = 1..=u32::try_from(expected / 2).expect("it was one");
        for number in numbers.clone() {
            for cell in cells(number)? {
                gathering.note_pair(number, &cell);
            }
        }
        for number in numbers {
            for cell in cells(number)? {
                gathering.take(cell)?;
            }
        }
        gathering.finish(file)
    }
}

struct Gathering {
    connection: Connection,
    /// The page of each pair, and whether that says that it is there.
    pairs: HashMap<Pair, (u32, bool)>,
    /// How well the rows are proven that were taken, by table and key.
    taken: HashMap<(&'static str, i64), Proof>,
    /// Which table the checksums of a page are of: that of the first row that matches one of them.
    tables: HashMap<u32, &'static str>,
    whole_rows: u64,
}

impl Gathering {
    fn new(into: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(into)?;
        // It is thrown away with its file.
        connection.pragma_update(None, "journal_mode", "OFF")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        for table in sums::ALL {
            let (name, key) = (table.name, table.key());
            let columns = table.columns[1..].join(", ");
            // The memories' last number is kept as a store keeps it.
            connection.execute_batch(&format!(
                "CREATE TABLE {name} ({key} INTEGER PRIMARY KEY AUTOINCREMENT, {columns});
                 CREATE TABLE {name}_sums (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL);"
            ))?;
        }
        connection.execute_batch("BEGIN")?;
        Ok(Self {
            connection,
            pairs: HashMap::new(),
            taken: HashMap::new(),
            tables: HashMap::new(),
            whole_rows: 0,
        })
    }

    fn note_pair(&mut self, page: u32, cell: &Cell) {
        if let [Raw::Null, Raw::Integer(sum)] = cell.values[..] {
            let pair = self.pairs.entry((cell.key, sum)).or_insert((page, false));
            if cell.is_listed {
                *pair = (page, true);
            }
        }
    }

    /// Takes a row if it matches a checksum; of a memory, also one that does not, unless there is a better one.
    fn take(&mut self, cell: Cell) -> rusqlite::Result<()> {
        if let [Raw::Text(table), Raw::Integer(last)] = &cell.values[..]
            && table == sums::MEMORIES.name.as_bytes()
            && cell.is_listed
        {
            return self.note_last(*last);
        }
        let (key, is_listed) = (cell.key, cell.is_listed);
        for Candidate { table, row, sum } in candidates(cell) {
            if sum == Some(row.sum) {
                let proof = if is_listed {
                    Proof::Both
                } else {
                    Proof::OldSum
                };
                return self.keep(table, &row, proof);
            }
            let pair = self.pairs.get(&(key, row.sum)).copied();
            if let Some((page, is_sum_listed)) = pair.filter(|_| !table.is_in_row) {
                let proof = match (is_sum_listed, is_listed) {
                    (false, _) => Proof::OldSum,
                    (true, false) => Proof::Sum,
                    (true, true) => Proof::Both,
                };
                if is_sum_listed {
                    self.tables.entry(page).or_insert(table.name);
                }
                return self.keep(table, &row, proof);
            }
            if is_listed && raw_row::is_of_memories(table) && self.is_none_better(key)? {
                row.replace(&self.connection, table)?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, table: &'static Summed, row: &RawRow, proof: Proof) -> rusqlite::Result<()> {
        let place = (table.name, row.key());
        match self.taken.get(&place) {
            Some(before) if *before >= proof => return Ok(()),
            Some(_) => {}
            None => self.whole_rows += 1,
        }
        self.taken.insert(place, proof);
        row.replace(&self.connection, table)?;
        self.keep_sum("REPLACE", table.name, row.key(), row.sum)
    }

    fn is_none_better(&self, key: i64) -> rusqlite::Result<bool> {
        if self.taken.contains_key(&(sums::MEMORIES.name, key)) {
            return Ok(false);
        }
        let other = RawRow::read(&self.connection, &sums::MEMORIES, key)?;
        Ok(other.is_none_or(|other| !other.has_its_hash()))
    }

    fn note_last(&self, last: i64) -> rusqlite::Result<()> {
        self.connection.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
            params![sums::MEMORIES.name, last],
        )?;
        Ok(())
    }

    fn keep_sum(&self, how: &str, table: &str, key: i64, sum: i64) -> rusqlite::Result<()> {
        let sql = format!("{how} INTO {table}_sums (id, sum) VALUES (?1, ?2)");
        self.connection.prepare_cached(&sql)?.execute([key, sum])?;
        Ok(())
    }

    /// Keeps the checksums whose rows were not found as well: those rows are missing.
    fn finish(self, file: Temporary) -> rusqlite::Result<Salvage> {
        for ((key, sum), (page, is_listed)) in &self.pairs {
            if let Some(table) = self.tables.get(page).filter(|_| *is_listed) {
                self.keep_sum("INSERT OR IGNORE", table, *key, *sum)?;
            }
        }
        self.connection.execute_batch("COMMIT")?;
        Ok(Salvage {
            connection: self.connection,
            whole_rows: self.whole_rows,
            _file: file,
        })
    }
}

/// What a row can be.
struct Candidate {
    table: &'static Summed,
    row: RawRow,
    /// The checksum that it has itself, if rows of that table do.
    sum: Option<i64>,
}

/// Returns what a row can be. Columns that were added to a table later are missing in rows that are older
/// (sqlite.org/lang_altertable.html#altertabaddcol).
fn candidates(cell: Cell) -> impl Iterator<Item = Candidate> {
    let Cell { key, values, .. } = cell;
    let is_row = values.len() > 2 && values[0] == Raw::Null;
    let fitting = sums::ALL.into_iter().filter_map(move |table| {
        let (values, sum) = match values.split_last()? {
            (Raw::Integer(sum), values) if table.is_in_row => (values, Some(*sum)),
            _ if table.is_in_row => return None,
            _ => (&values[..], None),
        };
        let missing = table.columns.len().checked_sub(values.len())?;
        let added = added_later(table);
        let first = added.len().checked_sub(missing)?;
        let stored = values.iter().skip(1).cloned();
        let all = std::iter::once(Raw::Integer(key)).chain(stored);
        let all = all.chain(added[first..].iter().cloned()).collect();
        let row = RawRow::new(table, all);
        Some(Candidate { table, row, sum })
    });
    fitting.filter(move |_| is_row)
}

/// Returns what the columns have that a migration has added, in rows before it.
fn added_later(table: &Summed) -> Vec<Raw> {
    let empty = || Raw::Text(Vec::new());
    match table.name {
        name if name == sums::STORE_META.name => vec![empty()],
        name if name == sums::HISTORY.name => vec![Raw::Null],
        _ => Vec::new(),
    }
}

/// Tells a failure of the disk as SQLite tells one.
fn of_disk(error: std::io::Error) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_READ);
    rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
}
