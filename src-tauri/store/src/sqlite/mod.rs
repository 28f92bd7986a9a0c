//! The backend for one machine: a SQLite database in the store directory.

mod aside;
mod backup;
mod backup_folder;
mod before_migration;
mod browse;
mod by_hash;
mod by_ids;
mod commit_log;
mod compact;
mod connection;
mod contents;
mod count;
mod damage;
mod derived;
mod displaced;
mod donors;
mod fencing;
mod files;
mod filling;
mod filter;
mod fusion;
mod header;
mod last_commit;
mod lenient;
mod lost;
mod memories;
mod memory_row;
mod meta;
mod open;
mod pages;
mod parts;
mod passing;
mod paths;
mod raw_row;
mod reader;
mod rebuild;
mod repair;
mod restore;
mod salvage;
mod schema;
mod search;
mod stop;
mod sums;
mod temporary;
#[cfg(test)]
mod tests;
mod vec_extension;
mod vector_bits;
mod vector_id;
mod vectors;
mod version;
mod words;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use commonplace_lock::{Locks, SharedStoreLock, TakeOver, WriteLock};
use rusqlite::Connection;

use crate::backend::{Backend, Reader, StoreFacts, Writer};
use crate::error::{FenceError, ReadError, WriteError};
use crate::maintenance::{BackupError, BackupMade, BackupStep, BackupTo, CheckStep, Damage};
use crate::ops::Epoch;
use crate::platform;
use connection::FenceCell;
use files::Files;

pub use backup_folder::{kept_backups, last_backup_ms};
pub use compact::compact;
pub use count::count_memories;
pub use displaced::Displaced;
pub use fusion::Fusion;
pub use lost::{accept_lost_writes, lost_writes};
pub use rebuild::rebuild;
pub use repair::repair;
pub use restore::restore;

/// Connections for reading that are kept open when nobody uses them.
const POOL_LEN_MAX: usize = 33;

/// An open store. Many threads may use it at once; many instances may have the same store open.
pub struct SqliteStore {
    path: PathBuf,
    /// The files that the connections have open.
    files: Files,
    /// True once the log of displaced files has been emptied; see [`Files::settle`].
    is_settled: AtomicBool,
    /// The one writing connection and what it knows of the epoch. Never waited for by readers.
    writing: Mutex<Writing>,
    /// Reading connections that are not in use.
    idle: Mutex<Vec<Connection>>,
    fusion: Fusion,
    /// The last commit, outside the database.
    note: last_commit::Note,
    /// Held while a backup is made; protects nothing but its being one.
    backing_up: Mutex<()>,
    /// Shared for as long as this store is open, so that nobody restores or migrates beneath it.
    open: SharedStoreLock,
}

/// The writing connection.
struct Writing {
    connection: Connection,
    /// What `fence_epoch()` answers on this connection.
    fence: FenceCell,
    /// True after an error that may have left something wrong in the memory of the connection; see [`Writing::renew`].
    is_suspect: bool,
}

impl Writing {
    fn new(connection: Connection, fence: FenceCell) -> Self {
        Self {
            connection,
            fence,
            is_suspect: false,
        }
    }

    /// Reopens the connection if an error may have left something wrong in it.
    ///
    /// When the disk fails inside a virtual table, SQLite rolls back while that table is still at work, and what it then
    /// remembers is of a transaction that never was: FTS5 counts its rows from zero after an error while reading its
    /// totals (SQLite 3.54.1, `fts5StorageLoadTotals`) and would write that down with the next memory.
    fn renew(&mut self, store: &SqliteStore) -> Result<(), WriteError> {
        if self.is_suspect {
            // Opened before the old one is closed: it must not be the last one for a moment, which would empty the log.
            let renewed = connection::open_writing(&store.path, &self.fence)
                .map_err(|e| store.write_error(e))?;
            store.check_opened(&renewed)?;
            self.connection = renewed;
            self.is_suspect = false;
        }
        Ok(())
    }
}

impl SqliteStore {
    /// Returns the path of the database.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Uses other numbers to fuse words and meaning; for measuring.
    pub fn with_fusion(mut self, fusion: Fusion) -> Self {
        self.fusion = fusion;
        self
    }

    fn write_error(&self, source: rusqlite::Error) -> WriteError {
        WriteError::from_sqlite(&self.path, source)
    }

    fn read_error(&self, source: rusqlite::Error) -> ReadError {
        ReadError::from_sqlite(&self.path, source)
    }

    fn take_idle(&self) -> Result<Connection, ReadError> {
        self.check_files()?;
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.map_or_else(|| self.open_reading(), Ok)
    }

    fn open_reading(&self) -> Result<Connection, ReadError> {
        let connection = connection::open_reading(&self.path).map_err(|e| self.read_error(e))?;
        self.check_opened(&connection)?;
        Ok(connection)
    }

    /// Looks whether the open files are still those of the store. If not, nobody gets a connection of the pool any more,
    /// and the log is emptied into the file that it belongs to.
    fn check_files(&self) -> Result<(), Displaced> {
        let looked = self.files.check(&self.open);
        match &looked {
            Ok(()) => self.is_settled.store(false, Ordering::Relaxed),
            Err(displaced) => self.settle(displaced),
        }
        looked
    }

    /// Does the same for a connection that was opened by name after the last look: it may have joined other files.
    fn check_opened(&self, connection: &Connection) -> Result<(), Displaced> {
        self.check_files()
            .inspect_err(|_| files::leave_alone(connection))
    }

    fn settle(&self, displaced: &Displaced) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().for_each(files::leave_alone);
        idle.clear();
        if self.is_settled.load(Ordering::Relaxed) || matches!(displaced, Displaced::Life(_)) {
            return;
        }
        // If it is in use, the next look does it.
        if let Ok(writing) = self.writing.try_lock() {
            tracing::error!(%displaced, "the files of the store were displaced");
            let is_settled = self.files.settle(&writing.connection);
            self.is_settled.store(is_settled, Ordering::Relaxed);
        }
    }

    /// Says whether what was acknowledged is only in files that are open: the database has no name any more, or its log
    /// could not be emptied into it.
    fn is_only_open(&self) -> bool {
        match self.check_files() {
            Ok(()) | Err(Displaced::Life(_)) => false,
            Err(Displaced::Database { moved_to: None, .. }) => true,
            Err(_) => !self.is_settled.load(Ordering::Relaxed),
        }
    }

    /// Opens a connection to back up from by name, or takes the one that is open if the files are displaced.
    fn source_of_backup(
        &self,
        job: backup::Job<'_>,
        folder: &Path,
    ) -> Result<Source<'_>, BackupError> {
        if self.check_files().is_ok() {
            let own = connection::open_copying(job.database)
                .map_err(|e| BackupError::from_sqlite(job.database, folder, e))?;
            if self.check_opened(&own).is_ok() {
                return Ok(Source::Own(own));
            }
        }
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Source::Writing(writing))
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < POOL_LEN_MAX {
            idle.push(connection);
        }
    }

    fn size_of(&self, suffix: &str) -> u64 {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        std::fs::metadata(name).map_or(0, |metadata| metadata.len())
    }
}

/// The connection that a backup reads from.
enum Source<'a> {
    /// One of its own, beside the writes.
    Own(Connection),
    /// The writing one: a name leads to displaced files no more.
    Writing(MutexGuard<'a, Writing>),
}

impl Source<'_> {
    fn connection(&mut self) -> &mut Connection {
        match self {
            Self::Own(connection) => connection,
            Self::Writing(writing) => &mut writing.connection,
        }
    }
}

impl Drop for SqliteStore {
    /// Leaves everything as it is that is under the names of displaced files.
    fn drop(&mut self) {
        if self.check_files().is_err() {
            let writing = self
                .writing
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner);
            files::leave_alone(&writing.connection);
        }
    }
}

impl Backend for SqliteStore {
    fn begin_write<'a>(&'a self, lock: &'a WriteLock) -> Result<Box<dyn Writer + 'a>, WriteError> {
        // Before the connection is waited for: it may be busy with writing displaced files out.
        self.check_files()?;
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(writer::SqliteWriter::begin(self, writing, lock)?))
    }

    fn fence_off(&self, take_over: &TakeOver) -> Result<Epoch, FenceError> {
        self.check_files().map_err(WriteError::from)?;
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        fencing::fence_off(&self.path, &writing, take_over)
    }

    fn is_in_transaction(&self) -> Result<bool, ReadError> {
        // A connection of its own: the writing one may be in the middle of a transaction of this very instance.
        let connection = self.take_idle()?;
        let answer = fencing::is_in_transaction(&connection).map_err(|e| self.read_error(e))?;
        self.give_back(connection);
        Ok(answer)
    }

    fn reader(&self) -> Result<Box<dyn Reader + '_>, ReadError> {
        let connection = self.take_idle()?;
        Ok(Box::new(reader::SqliteReader::begin(self, connection)?))
    }

    fn facts(&self) -> StoreFacts {
        StoreFacts {
            database: self.path.clone(),
            database_bytes: self.size_of(""),
            wal_bytes: self.size_of("-wal"),
            sqlite_version: rusqlite::version(),
            vec_version: vec_extension::VERSION,
            schema_version: schema::VERSION,
            lost_writes: lost::known(&self.path, &self.note.incarnation()),
            note_trouble: self.note.trouble(),
        }
    }

    fn displaced(&self) -> Option<Displaced> {
        self.check_files().err()
    }

    fn check(&self, report: &mut dyn FnMut(CheckStep)) -> Result<Option<Damage>, ReadError> {
        // A connection of its own: FTS5's part of the check does not look whether the index has changed since this
        // connection searched, and would take what was written meanwhile for damage.
        self.check_files()?;
        let connection = self.open_reading()?;
        let damage = damage::look(&connection, report).map_err(|e| self.read_error(e))?;
        Ok((!damage.is_empty()).then_some(damage))
    }

    fn backup(
        &self,
        locks: &Locks,
        folder: &Path,
        to: &BackupTo,
        now_ms: i64,
        report: &mut dyn FnMut(BackupStep) -> bool,
    ) -> Result<BackupMade, BackupError> {
        let _alone = match self.backing_up.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(BackupError::UnderWay),
            Err(TryLockError::Poisoned(alone)) => alone.into_inner(),
            Ok(alone) => alone,
        };
        let job = backup::Job {
            database: &self.path,
            locks,
            now_ms,
        };
        let mut source = self.source_of_backup(job, folder)?;
        let made = job.run_on(source.connection(), to, report)?;
        backup_folder::note_last(folder, &made);
        Ok(made)
    }

    fn rescue(
        &self,
        locks: &Locks,
        folder: &Path,
        now_ms: i64,
    ) -> Result<Option<BackupMade>, BackupError> {
        if !self.is_only_open() {
            return Ok(None);
        }
        let dir = folder
            .parent()
            .expect("backups lie in the directory of a store");
        if !dir.is_dir() {
            let gone = std::io::ErrorKind::NotFound.into();
            return Err(BackupError::io("find the directory", dir)(gone));
        }
        let into = |place: &Path| {
            platform::make_private_dir(place)
                .map_err(BackupError::io("make the directory", place))?;
            let to = BackupTo::File {
                path: backup_folder::new_rescued(place, now_ms),
                replace: false,
            };
            self.backup(locks, folder, &to, now_ms, &mut |_| true)
        };
        let made = into(folder).or_else(|error| {
            tracing::error!(%error, "the files of the store have no name any more; writing them out beside them");
            into(dir)
        });
        made.map(Some)
    }

    fn checkpoint(&self, _lock: &WriteLock) -> Result<bool, WriteError> {
        self.check_files()?;
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        commonplace_lock::fail_point::reached("checkpoint");
        connection::checkpoint(&writing.connection).map_err(|e| self.write_error(e))
    }
}
