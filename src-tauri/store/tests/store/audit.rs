//! The invariants of a store, looked at from outside.

use rusqlite::Connection;

use crate::support::TestStore;

/// Checks everything that must hold after each commit.
pub(crate) fn check(store: &TestStore) {
    check_database(&store.plain());
}

/// Checks the database behind `plain`, a connection like that of any other program.
pub(crate) fn check_database(plain: &Connection) {
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = plain.prepare(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let rows = statement.query_map([], |row| row.get::<_, String>(0));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(texts("PRAGMA integrity_check"), ["ok"]);
    let broken_references = plain
        .prepare("PRAGMA foreign_key_check")
        .unwrap()
        .exists([]);
    assert!(!broken_references.unwrap(), "a reference leads nowhere");
    plain
        .execute_batch(
            "INSERT INTO memory_words (memory_words, rank) VALUES ('integrity-check', 1)",
        )
        .expect("the words are those of the living memories");
    for (promise, sql) in NOTHING_FOUND {
        assert_eq!(texts(sql), [""; 0], "{promise}");
    }
}

/// Each query must find nothing.
const NOTHING_FOUND: &[(&str, &str)] = &[
    (
        "every vector of a living memory has its bits",
        "SELECT 'vector ' || v.id FROM memory_vectors v JOIN memories m ON m.id = v.memory_id
         WHERE m.deleted_ms IS NULL AND v.id NOT IN (SELECT rowid FROM memory_vector_bits_rowids)",
    ),
    (
        "there are no bits without a vector of a living memory",
        "SELECT 'bits ' || b.rowid FROM memory_vector_bits_rowids b
         WHERE b.rowid NOT IN (SELECT v.id FROM memory_vectors v JOIN memories m ON m.id = v.memory_id
                               WHERE m.deleted_ms IS NULL)",
    ),
    (
        "a memory knows how many vectors it has",
        "SELECT 'memory ' || m.id FROM memories m
         WHERE coalesce(m.chunks_indexed, 0) <> (SELECT count(*) FROM memory_vectors v WHERE v.memory_id = m.id)",
    ),
    (
        "tags are the same in both places",
        "SELECT 'memory ' || m.id FROM memories m
         WHERE (SELECT group_concat(value, ',' ORDER BY value) FROM json_each(m.tags))
            IS NOT (SELECT group_concat(tag, ',' ORDER BY tag) FROM memory_tags t WHERE t.memory_id = m.id)",
    ),
    (
        "the commit log has no gaps",
        "SELECT 'log ' || count(*) || ' of ' || max(seq) FROM commit_log HAVING count(*) <> max(seq)",
    ),
    (
        "epochs never fall",
        "SELECT 'seq ' || a.seq FROM commit_log a JOIN commit_log b ON b.seq = a.seq + 1 WHERE b.epoch < a.epoch",
    ),
    (
        "the store is at the epoch of its last write",
        "SELECT 'epoch ' || s.epoch FROM store_meta s, (SELECT max(epoch) AS last FROM commit_log) l
         WHERE s.epoch < l.last",
    ),
];
