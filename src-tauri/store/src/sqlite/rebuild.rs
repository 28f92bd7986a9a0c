//! Rebuild of the derived tables from the truth: tags to filter by and words from the memories, bits from vectors. With the
//! store for itself.

use std::path::Path;
use std::time::Duration;

use commonplace_lock::Locks;
use rusqlite::{Connection, TransactionBehavior};

use super::before_migration;
use super::compact::Alone;
use crate::maintenance::{MaintenanceError, Rebuilt};

/// Makes the derived tables of the store in `dir` anew and says what was wrong with them. Blocks; waits at most `wait`
/// for others to close the store.
///
/// `locks` are those of `dir`, and the caller does not have the store open. One transaction: a crash on the way leaves
/// the store as it was.
///
/// # Errors
/// See [`MaintenanceError`].
pub fn rebuild(
    dir: &Path,
    locks: &Locks,
    wait: Duration,
    now_ms: i64,
) -> Result<Rebuilt, MaintenanceError> {
    let keep = before_migration::keep_unless_damaged;
    let mut alone = Alone::take(dir, locks, "rebuild", wait, now_ms, keep)?;
    let mut work = || {
        let transaction = alone
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut found = look(&transaction)?;
        found.words_wrong = check_words(&transaction).err().map(|e| e.to_string());
        rebuild_tags(&transaction)?;
        rebuild_words(&transaction)?;
        rebuild_bits(&transaction)?;
        transaction.commit()?;
        Ok(found)
    };
    work().map_err(|e| MaintenanceError::from_sqlite(&alone.database, e))
}

/// Compares the derived tables with the truth, but for the words one by one, which needs a connection that may write.
pub(super) fn look(connection: &Connection) -> rusqlite::Result<Rebuilt> {
    let count =
        |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0).map(|n| n as u64));
    // A table that cannot be read at all is wrong in all its rows.
    let wrong = |sql: &str, all: u64| count(sql).unwrap_or(all);
    let memories = count("SELECT count(*) FROM memories_living")?;
    let vectors = count(
        "SELECT count(*) FROM memory_vectors v JOIN memories m ON m.id = v.memory_id WHERE m.deleted_ms IS NULL",
    )?;
    Ok(Rebuilt {
        memories,
        vectors,
        words_missing: wrong(
            "SELECT count(*) FROM memories_living WHERE id NOT IN (SELECT id FROM memory_words_docsize)",
            memories,
        ),
        words_surplus: wrong(
            "SELECT count(*) FROM memory_words_docsize WHERE id NOT IN (SELECT id FROM memories_living)",
            0,
        ),
        words_wrong: None,
        bits_wrong: wrong(
            "SELECT count(*)
             FROM memory_vectors v
             JOIN memories m ON m.id = v.memory_id AND m.deleted_ms IS NULL
             LEFT JOIN memory_vector_bits b ON b.rowid = v.id
             WHERE b.bits IS NOT vec_quantize_binary(v.vector)",
            vectors,
        ),
        bits_surplus: wrong(
            "SELECT count(*)
             FROM memory_vector_bits_rowids
             WHERE rowid NOT IN (SELECT v.id
                                 FROM memory_vectors v
                                 JOIN memories m ON m.id = v.memory_id
                                 WHERE m.deleted_ms IS NULL)",
            0,
        ),
    })
}

/// Compares the index of words with the texts, word for word (FTS5, section 6.4).
fn check_words(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "INSERT INTO memory_words (memory_words, rank) VALUES ('integrity-check', 1)",
    )
}

/// Makes the tags to filter by anew from the tags of the memories.
pub(super) fn rebuild_tags(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DELETE FROM memory_tags;
         INSERT OR IGNORE INTO memory_tags (tag, memory_id)
         SELECT j.value, m.id
         FROM memories m, json_each(CASE WHEN json_valid(m.tags) THEN m.tags ELSE '[]' END) j",
    )
}

pub(super) fn rebuild_words(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("INSERT INTO memory_words (memory_words) VALUES ('rebuild')")
}

/// Makes the table anew, which also closes the holes that removed vectors left in its blocks.
pub(super) fn rebuild_bits(connection: &Connection) -> rusqlite::Result<()> {
    let create: String = connection.query_row(
        "SELECT sql FROM sqlite_schema WHERE name = 'memory_vector_bits'",
        [],
        |row| row.get(0),
    )?;
    connection.execute_batch("DROP TABLE memory_vector_bits")?;
    connection.execute_batch(&create)?;
    connection.execute_batch(
        "INSERT INTO memory_vector_bits (rowid, bits)
         SELECT v.id, vec_quantize_binary(v.vector)
         FROM memory_vectors v
         JOIN memories m ON m.id = v.memory_id
         WHERE m.deleted_ms IS NULL
         ORDER BY v.id",
    )
}
