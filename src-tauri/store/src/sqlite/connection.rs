//! How connections are opened, and why each setting is what it is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags};

use super::{sums, vec_extension};

/// How long SQLite itself waits for a program that ignores the write lock. Shorter than a request's deadline, so that
/// the engine can say what happened and try again.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The log is cut back to this size after a checkpoint (64 MiB).
const WAL_BYTES_KEPT: i64 = 64 * 1024 * 1024;

/// Fencing number of a connection, as its SQL function `fence_epoch()` answers it; 0 stands for NULL, "may not write".
pub(super) type FenceCell = Arc<AtomicI64>;

/// Opens the connection that writes. `fence` answers `fence_epoch()` in the triggers of the schema.
pub(super) fn open_writing(path: &Path, fence: &FenceCell) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    register_fence(&connection, fence)?;
    // A reading of the page size is enough to make SQLite look at the file: a foreign file fails here, not later.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
        row.get::<_, i64>(0)
    })?;
    Ok(connection)
}

/// Opens a connection to look at a database that may not be ours: closing it leaves the file and its log as they are.
pub(super) fn open_looking(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    configure(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens a damaged database to take out of it what can be read: what is wrong in the schema hides only itself.
pub(super) fn open_salvaging(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Before anything reads the schema (sqlite.org/pragma.html#pragma_writable_schema).
    connection.pragma_update(None, "writable_schema", true)?;
    configure(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens a connection that can only read.
pub(super) fn open_reading(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens a connection that copies the store into another file.
///
/// It is not `query_only`, which would forbid that too, but it knows no `fence_epoch()` and so cannot write memories.
pub(super) fn open_copying(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    Ok(connection)
}

/// Opens a finished copy that nobody writes: leaves nothing beside it.
pub(super) fn open_sealed(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    Ok(connection)
}

/// Opens a database in memory, to see what the schema looks like in a new store.
pub(super) fn open_in_memory(fence: &FenceCell) -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    configure(&connection)?;
    register_fence(&connection, fence)?;
    Ok(connection)
}

/// Settings that every connection has (sqlite.org/pragma.html, sqlite.org/howtocorrupt.html, sqlite.org/security.html).
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    vec_extension::register(connection)?;
    sums::register(connection)?;
    // A "stored" answer is a promise that survives power loss: sync at every commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    #[cfg(target_os = "macos")]
    {
        // There, fsync does not reach the disk.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    }
    connection.pragma_update(None, "foreign_keys", true)?;
    // Schema and functions in a file somebody else made are not trusted.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // A stray pointer into mapped pages would corrupt the file.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -4096)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    overwrite(connection, Overwrite::Cheaply)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    Ok(())
}

/// How far removed content is overwritten (sqlite.org/pragma.html#pragma_secure_delete).
#[derive(Clone, Copy)]
pub(super) enum Overwrite {
    /// Where that costs no extra write: inside pages that stay, not in pages that are set free.
    Cheaply,
    /// Everywhere, for what must leave no trace.
    Wholly,
}

/// Sets how far content is overwritten that is removed from now on, also within a transaction.
pub(super) fn overwrite(connection: &Connection, how: Overwrite) -> rusqlite::Result<()> {
    let value = match how {
        Overwrite::Cheaply => "FAST",
        Overwrite::Wholly => "ON",
    };
    connection.pragma_update(None, "secure_delete", value)
}

/// Moves the log into the database and empties it. Waits for nobody; false if something was in the way.
pub(super) fn checkpoint(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        row.get::<_, bool>(0)
    });
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(!is_busy?)
}

/// Makes `fence_epoch()` answer what `fence` holds. A connection without it cannot write: the triggers fail.
fn register_fence(connection: &Connection, fence: &FenceCell) -> rusqlite::Result<()> {
    let fence = Arc::clone(fence);
    // INNOCUOUS: otherwise triggers may not call it while the schema is not trusted. Not deterministic: it changes.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("fence_epoch", 0, flags, move |_| {
        let epoch = fence.load(Ordering::Relaxed);
        Ok((epoch != 0).then_some(epoch))
    })
}
