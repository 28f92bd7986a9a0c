//! Compaction: the database without the room that deleted memories left, with the store for itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::paths;
use super::version;
use commonplace_lock::{ExclusiveStoreLock, Locks, Wait};
use rusqlite::Connection;

use super::temporary::with_suffix;
use super::{before_migration, connection, lost, open};
use crate::error::OpenError;
use crate::maintenance::{Compacted, MaintenanceError};

/// Gives unused room of the store in `dir` back to the disk. Blocks; waits at most `wait` for others to close the store.
///
/// `locks` are those of `dir`, and the caller does not have the store open. Needs about as much free space as the
/// database is large, for a while. A crash on the way leaves the store as it was.
///
/// # Errors
/// See [`MaintenanceError`].
pub fn compact(
    dir: &Path,
    locks: &Locks,
    wait: Duration,
    now_ms: i64,
) -> Result<Compacted, MaintenanceError> {
    let alone = Alone::take(
        dir,
        locks,
        "compaction",
        wait,
        now_ms,
        before_migration::keep,
    )?;
    let bytes_before = alone.bytes();
    let work = || {
        // What is merged needs less room, and the words of deleted memories are gone from it.
        alone
            .connection
            .execute_batch("INSERT INTO memory_words (memory_words) VALUES ('optimize')")?;
        alone.connection.execute_batch("VACUUM")?;
        connection::checkpoint(&alone.connection).map(drop)
    };
    work().map_err(|e| MaintenanceError::from_sqlite(&alone.database, e))?;
    Ok(Compacted {
        bytes_before,
        bytes_after: alone.bytes(),
    })
}

/// One of the functions of [`before_migration`].
type Keep = fn(&Path, &Path, &Locks, i64, &ExclusiveStoreLock) -> Result<(), OpenError>;

/// A store that is open for maintenance, and nowhere else.
pub(super) struct Alone {
    pub(super) database: PathBuf,
    pub(super) connection: Connection,
    /// Given back last.
    _lock: ExclusiveStoreLock,
}

impl Alone {
    /// Takes the store of `dir` for `purpose` and opens it at the newest schema; `keep` backs it up before a migration.
    pub(super) fn take(
        dir: &Path,
        locks: &Locks,
        purpose: &str,
        wait: Duration,
        now_ms: i64,
        keep: Keep,
    ) -> Result<Self, MaintenanceError> {
        let database = paths::database_path(dir)?;
        if paths::size_of(&database) <= 1 {
            open::refuse_orphaned_log(&database)?;
            return Err(MaintenanceError::NoStore { path: database });
        }
        let lock = locks
            .take_store(purpose, Wait::up_to(wait))
            .map_err(MaintenanceError::Locked)?;
        let noticed = lost::Look::at(&database, locks, now_ms).notice_alone(&lock);
        noticed.map_err(|e| version::open_error(&database, e))?;
        keep(dir, &database, locks, now_ms, &lock)?;
        open::bring_up_to_date(&database, now_ms)?;
        let fence = Arc::new(AtomicI64::new(0));
        let connection = connection::open_writing(&database, &fence)
            .map_err(|e| version::open_error(&database, e))?;
        open::switch_to_wal(&database, &connection)?;
        fence.store(epoch(&database, &connection)?, Ordering::Relaxed);
        Ok(Self {
            database,
            connection,
            _lock: lock,
        })
    }

    /// Returns the size of database and log.
    fn bytes(&self) -> u64 {
        paths::size_of(&self.database) + paths::size_of(&with_suffix(&self.database, "-wal"))
    }
}

fn epoch(database: &Path, connection: &Connection) -> Result<i64, MaintenanceError> {
    connection
        .query_row("SELECT epoch FROM store_meta WHERE id = 1", [], |row| {
            row.get(0)
        })
        .map_err(|e| MaintenanceError::from_sqlite(database, e))
}
