//! The derived tables: tags to filter by and words, made from the memories, and bits, made from vectors.

use rusqlite::Connection;

use crate::maintenance::Rebuilt;

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
pub(super) fn check_words(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "INSERT INTO memory_words (memory_words, rank) VALUES ('integrity-check', 1)",
    )
}

/// Makes all of them again from the truth.
pub(super) fn rebuild(connection: &Connection) -> rusqlite::Result<()> {
    fill_tags(connection)?;
    fill_words(connection)?;
    fill_bits(connection)
}

/// Rebuilds the tags to filter by from the tags of the memories.
fn fill_tags(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DELETE FROM memory_tags;
         INSERT OR IGNORE INTO memory_tags (tag, memory_id)
         SELECT j.value, m.id
         FROM memories m, json_each(CASE WHEN json_valid(m.tags) THEN m.tags ELSE '[]' END) j",
    )
}

fn fill_words(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("INSERT INTO memory_words (memory_words) VALUES ('rebuild')")
}

/// Rebuilds the table, which also closes the holes that removed vectors left in its blocks.
fn fill_bits(connection: &Connection) -> rusqlite::Result<()> {
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
