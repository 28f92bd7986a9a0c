//! The migrations, in order. They are only added, never changed.
//!
//! Version N is what the database has after the first N migrations. Each one says whether programs that know only the
//! versions before it may still open the file; so far none may, and opening refuses every newer version.

use rusqlite::{Connection, Transaction};

use super::sums;

/// Marks the file as ours: the letters "CmPl".
pub(super) const APPLICATION_ID: i32 = 0x436d_506c;

/// The newest version this program knows.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

const MIGRATIONS: &[fn(&Connection) -> rusqlite::Result<()>] = &[
    |connection| connection.execute_batch(FIRST),
    |connection| connection.execute_batch(WRITERS),
    |connection| connection.execute_batch(MOVES),
    // Programs of version 3 must not write here: they do not know the function that the triggers call.
    sums::migrate,
];

/// The version from which on rows have checksums.
pub(super) const SUMS_SINCE: i64 = 4;

/// Tables whose every change is refused unless it comes from the connection that holds the current epoch.
const FENCED: &[&str] = &[
    "memories",
    "memory_tags",
    "memory_vectors",
    "memory_history",
    "commit_log",
];

const FIRST: &str = r#"
CREATE TABLE store_meta (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    store_uuid      TEXT    NOT NULL,
    incarnation     TEXT    NOT NULL,   -- a new random value after every restore
    epoch           INTEGER NOT NULL,   -- fencing number, only grows
    generation      INTEGER NOT NULL,   -- of the lock file that is in force
    holder          TEXT    NOT NULL,   -- instance that committed last
    created_ms      INTEGER NOT NULL
) STRICT;

-- The truth. Everything below that is called derived can be built again from here and from memory_vectors.
CREATE TABLE memories (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    content_hash    TEXT    NOT NULL,
    text            TEXT    NOT NULL,
    tags            TEXT    NOT NULL,   -- JSON array
    memory_type     TEXT,
    project         TEXT    NOT NULL,   -- '' = none
    metadata        TEXT    NOT NULL,   -- JSON object
    created_ms      INTEGER NOT NULL,
    updated_ms      INTEGER NOT NULL,
    deleted_ms      INTEGER,
    client          TEXT    NOT NULL,
    client_version  TEXT,
    session         TEXT,
    host_name       TEXT,
    chunks_indexed  INTEGER             -- NULL = its vectors are still to be made
) STRICT;

CREATE UNIQUE INDEX memories_one_text_per_project ON memories (project, content_hash) WHERE deleted_ms IS NULL;
CREATE INDEX memories_by_hash ON memories (content_hash);
CREATE INDEX memories_by_created ON memories (created_ms, id) WHERE deleted_ms IS NULL;
CREATE INDEX memories_deleted ON memories (deleted_ms) WHERE deleted_ms IS NOT NULL;
CREATE INDEX memories_unindexed ON memories (id) WHERE deleted_ms IS NULL AND chunks_indexed IS NULL;

CREATE TABLE memory_tags (
    tag             TEXT    NOT NULL,
    memory_id       INTEGER NOT NULL REFERENCES memories (id),
    PRIMARY KEY (tag, memory_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memory_tags_by_memory ON memory_tags (memory_id);

-- One unit vector of 384 little-endian f32 for each chunk of a text.
CREATE TABLE memory_vectors (
    id              INTEGER PRIMARY KEY CHECK (id = memory_id * 4096 + chunk),
    memory_id       INTEGER NOT NULL REFERENCES memories (id),
    chunk           INTEGER NOT NULL CHECK (chunk BETWEEN 0 AND 4095),
    vector          BLOB    NOT NULL CHECK (length(vector) = 1536)
) STRICT;
CREATE INDEX memory_vectors_by_memory ON memory_vectors (memory_id);

-- What a memory was before each change.
CREATE TABLE memory_history (
    id              INTEGER PRIMARY KEY,
    memory_id       INTEGER NOT NULL REFERENCES memories (id),
    seq             INTEGER NOT NULL,   -- the write that replaced it
    change          TEXT    NOT NULL,   -- update, delete, undelete
    at_ms           INTEGER NOT NULL,
    client          TEXT    NOT NULL,
    text            TEXT    NOT NULL,
    tags            TEXT    NOT NULL,
    memory_type     TEXT,
    metadata        TEXT    NOT NULL
) STRICT;
CREATE INDEX memory_history_by_memory ON memory_history (memory_id);

-- One row for each acknowledged write, without gaps: the order of commits.
CREATE TABLE commit_log (
    seq             INTEGER PRIMARY KEY,
    epoch           INTEGER NOT NULL,
    kind            TEXT    NOT NULL,
    op_id           TEXT,
    request_hash    TEXT,               -- of the write that op_id stands for
    outcome         TEXT    NOT NULL,   -- JSON
    client          TEXT    NOT NULL,
    at_ms           INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX commit_log_by_op_id ON commit_log (op_id) WHERE op_id IS NOT NULL;

-- Derived: words of living memories.
CREATE VIEW memories_living AS
    SELECT id, text, tags FROM memories WHERE deleted_ms IS NULL;
CREATE VIRTUAL TABLE memory_words USING fts5 (
    text, tags,
    content = 'memories_living', content_rowid = 'id',
    tokenize = 'porter unicode61 remove_diacritics 2'
);

-- Derived: one bit for each dimension of the vectors of living memories; rowid = memory_vectors.id.
CREATE VIRTUAL TABLE memory_vector_bits USING vec0 (bits bit[384]);

-- A deleted word leaves no trace in the index, not even until the next merge.
INSERT INTO memory_words (memory_words, rank) VALUES ('secure-delete', 1);

-- A change of this row is a change under the epoch that it has afterwards, and the epoch only grows.
CREATE TRIGGER store_meta_fence_update BEFORE UPDATE ON store_meta
    WHEN fence_epoch() IS NOT NEW.epoch OR NEW.epoch < OLD.epoch
    BEGIN SELECT RAISE(ABORT, 'fenced: only the holder of the write lock may write here'); END;
CREATE TRIGGER store_meta_fence_delete BEFORE DELETE ON store_meta
    BEGIN SELECT RAISE(ABORT, 'fenced: a store always has this row'); END;
"#;

/// Who wrote, and from whom the write lock was taken over. Programs of version 1 must not write here: their rows would
/// name nobody, and they would not know that they were taken over.
const WRITERS: &str = "
ALTER TABLE commit_log ADD COLUMN instance TEXT NOT NULL DEFAULT '';     -- that committed it; '' before version 2
ALTER TABLE commit_log ADD COLUMN generation INTEGER NOT NULL DEFAULT 0; -- of the lock file it was committed under
ALTER TABLE store_meta ADD COLUMN taken_from TEXT NOT NULL DEFAULT '';   -- instance that the lock was taken over from
";

/// A memory can move to another project. Programs of version 2 must not write here: they would keep no project in the
/// history.
const MOVES: &str = "
ALTER TABLE memory_history ADD COLUMN project TEXT;                      -- NULL: written before version 3
";

/// Made after the one row of `store_meta` is there.
const ONE_ROW: &str = "
CREATE TRIGGER store_meta_fence_insert BEFORE INSERT ON store_meta
    BEGIN SELECT RAISE(ABORT, 'fenced: a store has this row once'); END;
";

/// Brings the database from `from` to [`VERSION`] inside `transaction`.
pub(super) fn migrate(
    transaction: &Transaction<'_>,
    from: i64,
    first: &FirstRow,
) -> rusqlite::Result<()> {
    migrate_to(transaction, from, VERSION, first)
}

/// Does the same up to version `to`; tests make old stores with it.
pub(super) fn migrate_to(
    transaction: &Transaction<'_>,
    from: i64,
    to: i64,
    first: &FirstRow,
) -> rusqlite::Result<()> {
    for migration in &MIGRATIONS[from as usize..to as usize] {
        migration(transaction)?;
    }
    if from == 0 {
        insert_first_row(transaction, first)?;
        transaction.execute_batch(ONE_ROW)?;
        transaction.execute_batch(&fence_triggers())?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", to)
}

/// What a new store is told about itself.
pub(super) struct FirstRow {
    pub(super) store_uuid: String,
    pub(super) incarnation: String,
    pub(super) now_ms: i64,
}

fn insert_first_row(transaction: &Transaction<'_>, first: &FirstRow) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO store_meta (id, store_uuid, incarnation, epoch, generation, holder, created_ms)
         VALUES (1, ?1, ?2, 0, 0, '', ?3)",
        (&first.store_uuid, &first.incarnation, first.now_ms),
    )?;
    Ok(())
}

/// Triggers that make every writer fail which does not hold the current epoch, or does not know `fence_epoch` at all.
fn fence_triggers() -> String {
    let mut sql = String::new();
    for table in FENCED {
        for operation in ["INSERT", "UPDATE", "DELETE"] {
            sql.push_str(&format!(
                "CREATE TRIGGER {table}_fence_{} BEFORE {operation} ON {table}
                     WHEN fence_epoch() IS NOT (SELECT epoch FROM store_meta WHERE id = 1)
                     BEGIN SELECT RAISE(ABORT, 'fenced: only the holder of the write lock may write here'); END;\n",
                operation.to_lowercase()
            ));
        }
    }
    sql
}

/// Reads the schema version and the application id.
pub(super) fn versions(connection: &Connection) -> rusqlite::Result<(i64, i32)> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok((version, application))
}

/// A table, index, view or trigger of the schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Object {
    kind: String,
    pub(super) name: String,
    sql: Option<String>,
}

/// Reads the schema, but for the tables that virtual tables keep for themselves and SQLite's own.
pub(super) fn objects(connection: &Connection) -> rusqlite::Result<Vec<Object>> {
    connection
        .prepare(
            r"SELECT type, name, sql
             FROM sqlite_schema
             WHERE name NOT LIKE 'memory\_words\_%' ESCAPE '\'
               AND name NOT LIKE 'memory\_vector\_bits\_%' ESCAPE '\'
               AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
             ORDER BY name",
        )?
        .query_map([], |row| {
            Ok(Object {
                kind: super::lenient::text(row, 0)?,
                name: super::lenient::text(row, 1)?,
                sql: super::lenient::name(row, 2)?,
            })
        })?
        .collect()
}

/// Says whether the schema is that of [`VERSION`], whatever the head of the file says: a flipped bit there makes an older or
/// a newer store of it, or a foreign file. So a migration must change some object of the schema.
pub(super) fn is_newest(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(objects(connection)? == wanted()?)
}

/// Says what is wrong with the head of a file whose schema is the newest although the head says that it is newer, none, or
/// that of another program; None for any other file.
pub(super) fn wrong_head(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let (version, application) = versions(connection)?;
    let is_ours = application == APPLICATION_ID && (1..=VERSION).contains(&version);
    if is_ours || !is_newest(connection)? {
        return Ok(None);
    }
    Ok(Some(format!(
        "its head says that it is version {version} of application {application:#x}, but its schema is that of version {VERSION} of a store"
    )))
}

/// Returns the schema that a store of the newest version has.
pub(super) fn wanted() -> rusqlite::Result<Vec<Object>> {
    let fence = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(i64::MAX));
    let mut connection = super::connection::open_in_memory(&fence)?;
    let first = FirstRow {
        store_uuid: String::new(),
        incarnation: String::new(),
        now_ms: 0,
    };
    let transaction = connection.transaction()?;
    migrate(&transaction, 0, &first)?;
    objects(&transaction)
}
