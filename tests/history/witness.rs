//! What the store holds when everybody has closed it, read without the program that wrote it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};
use serde_json::Value;

use super::record::words;

/// One row of the commit log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Commit {
    pub(crate) seq: i64,
    pub(crate) epoch: i64,
    /// Of the lock file it was committed under.
    pub(crate) generation: i64,
    pub(crate) instance: String,
    pub(crate) kind: String,
    pub(crate) op_id: Option<String>,
    pub(crate) outcome: Value,
    pub(crate) at_ms: i64,
}

/// One row of `memories`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) id: i64,
    pub(crate) hash: String,
    pub(crate) text: String,
    /// Sorted.
    pub(crate) tags: Vec<String>,
    pub(crate) is_deleted: bool,
    /// Vectors it should have; None while they are still to be made.
    pub(crate) chunks: Option<i64>,
}

/// Everything that is compared.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Witness {
    /// In the order of commits.
    pub(crate) log: Vec<Commit>,
    pub(crate) memories: BTreeMap<i64, Kept>,
    /// Tags by memory, as the table for filtering has them.
    pub(crate) tags: BTreeSet<(i64, String)>,
    /// Memories that the index of words has.
    pub(crate) word_ids: BTreeSet<i64>,
    /// Memories that the index of words finds by the first word of their own text.
    pub(crate) found_by_word: BTreeSet<i64>,
    /// How many vectors each memory has.
    pub(crate) vectors: BTreeMap<i64, i64>,
    /// Rows of the index of vectors: memory and how many.
    pub(crate) vector_bits: BTreeMap<i64, i64>,
    /// Writes that have replaced a state of a memory: `seq`, memory, and the name of the change.
    pub(crate) changes: BTreeSet<(i64, i64, String)>,
    /// What SQLite's own check says about the tables; empty if nothing.
    pub(crate) damage: Vec<String>,
    /// Fencing number of the store.
    pub(crate) epoch: i64,
}

impl Witness {
    /// Reads the database of the store `dir`. Nobody else may have it open.
    pub(crate) fn read(dir: &Path) -> rusqlite::Result<Self> {
        Self::read_file(&dir.join("commonplace.db"))
    }

    /// Reads a database or a backup of one.
    pub(crate) fn read_file(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let memories: BTreeMap<i64, Kept> = rows(
            &connection,
            "SELECT id, content_hash, text, tags, deleted_ms IS NOT NULL, chunks_indexed
             FROM memories
             ORDER BY id",
            |row| kept(row).map(|kept| (kept.id, kept)),
        )?;
        Ok(Self {
            log: rows(
                &connection,
                "SELECT seq, epoch, generation, instance, kind, op_id, outcome, at_ms
                 FROM commit_log
                 ORDER BY seq",
                commit,
            )?,
            tags: rows(&connection, "SELECT memory_id, tag FROM memory_tags", pair)?,
            word_ids: rows(&connection, "SELECT id FROM memory_words_docsize", |row| {
                row.get(0)
            })?,
            found_by_word: found_by_word(&connection, &memories)?,
            vectors: rows(
                &connection,
                "SELECT memory_id, count(*) FROM memory_vectors GROUP BY memory_id",
                pair,
            )?,
            // The table behind vec0, which this program does not know.
            vector_bits: rows(
                &connection,
                "SELECT rowid / 4096, count(*) FROM memory_vector_bits_rowids GROUP BY rowid / 4096",
                pair,
            )?,
            changes: rows(
                &connection,
                "SELECT seq, memory_id, change FROM memory_history",
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?,
            damage: damage(&connection)?,
            epoch: connection.query_row("SELECT epoch FROM store_meta", [], |row| row.get(0))?,
            memories,
        })
    }
}

fn rows<T, C: FromIterator<T>>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<C> {
    connection.prepare(sql)?.query_map([], read)?.collect()
}

fn pair<A: rusqlite::types::FromSql, B: rusqlite::types::FromSql>(
    row: &Row<'_>,
) -> rusqlite::Result<(A, B)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn commit(row: &Row<'_>) -> rusqlite::Result<Commit> {
    let outcome: String = row.get(6)?;
    Ok(Commit {
        seq: row.get(0)?,
        epoch: row.get(1)?,
        generation: row.get(2)?,
        instance: row.get(3)?,
        kind: row.get(4)?,
        op_id: row.get(5)?,
        outcome: serde_json::from_str(&outcome).unwrap_or_default(),
        at_ms: row.get(7)?,
    })
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let tags: String = row.get(3)?;
    Ok(Kept {
        id: row.get(0)?,
        hash: row.get(1)?,
        text: row.get(2)?,
        tags: words(&serde_json::from_str(&tags).unwrap_or_default()),
        is_deleted: row.get(4)?,
        chunks: row.get(5)?,
    })
}

/// Asks the index of words for the marker of each memory.
fn found_by_word(
    connection: &Connection,
    memories: &BTreeMap<i64, Kept>,
) -> rusqlite::Result<BTreeSet<i64>> {
    let mut ask =
        connection.prepare("SELECT rowid FROM memory_words WHERE memory_words MATCH ?1")?;
    let mut found = BTreeSet::new();
    for kept in memories.values() {
        let word = format!("\"{}\"", super::record::marker(&kept.text));
        let ids: BTreeSet<i64> = ask
            .query_map([word], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        found.extend(ids.contains(&kept.id).then_some(kept.id));
    }
    Ok(found)
}

/// Runs SQLite's own check on every ordinary table, and on the keys between them.
fn damage(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let tables: Vec<String> = rows(
        connection,
        "SELECT name FROM sqlite_schema
         WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'
         ORDER BY name",
        |row| row.get(0),
    )?;
    let mut damage = Vec::new();
    for table in tables {
        let said: Vec<String> = rows(
            connection,
            &format!("PRAGMA integrity_check('{table}')"),
            |row| row.get(0),
        )?;
        let bad = said.into_iter().filter(|line| line != "ok");
        damage.extend(bad.map(|line| format!("{table}: {line}")));
    }
    let orphans: Vec<String> = rows(connection, "PRAGMA foreign_key_check", |row| row.get(0))?;
    damage.extend(
        orphans
            .into_iter()
            .map(|table| format!("{table}: a row without its memory")),
    );
    Ok(damage)
}
