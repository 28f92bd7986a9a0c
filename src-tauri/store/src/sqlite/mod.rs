//! The backend for one machine: a SQLite database in the store directory.

mod backup;
mod backup_folder;
mod before_migration;
mod browse;
mod by_ids;
mod commit_log;
mod compact;
mod connection;
mod contents;
mod fencing;
mod filter;
mod fusion;
mod header;
mod memories;
mod open;
mod passing;
mod reader;
mod rebuild;
mod restore;
mod schema;
mod search;
mod temporary;
#[cfg(test)]
mod tests;
mod vec_extension;
mod vector_bits;
mod vectors;
mod words;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, TryLockError};

use commonplace_lock::{Locks, SharedStoreLock, TakeOver, WriteLock};
use rusqlite::Connection;

use crate::backend::{Backend, Reader, StoreFacts, Writer};
use crate::error::{FenceError, ReadError, WriteError};
use crate::maintenance::{BackupError, BackupMade, BackupStep, BackupTo};
use crate::ops::Epoch;
use connection::FenceCell;

pub use backup_folder::{kept_backups, last_backup_ms};
pub use compact::compact;
pub use fusion::Fusion;
pub use rebuild::rebuild;
pub use restore::restore;

/// Connections for reading that are kept open when nobody uses them.
const POOL_LEN_MAX: usize = 33;

/// An open store. Many threads may use it at once; many instances may have the same store open.
pub struct SqliteStore {
    path: PathBuf,
    /// The one writing connection and what it knows of the epoch. Never waited for by readers.
    writing: Mutex<Writing>,
    /// Reading connections that are not in use.
    idle: Mutex<Vec<Connection>>,
    fusion: Fusion,
    /// Held while a backup is made; protects nothing but its being one.
    backing_up: Mutex<()>,
    /// Shared for as long as this store is open, so that nobody restores or migrates beneath it.
    _open: SharedStoreLock,
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

    /// Opens the connection anew if an error may have left something wrong in it.
    ///
    /// When the disk fails inside a virtual table, SQLite rolls back while that table is still at work, and what it then
    /// remembers is of a transaction that never was: FTS5 counts its rows from zero after an error while reading its
    /// totals (SQLite 3.54.1, `fts5StorageLoadTotals`) and would write that down with the next memory.
    fn renew(&mut self, path: &std::path::Path) -> rusqlite::Result<()> {
        if self.is_suspect {
            // Opened before the old one is closed: it must not be the last one for a moment, which would empty the log.
            self.connection = connection::open_writing(path, &self.fence)?;
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

    fn take_idle(&self) -> rusqlite::Result<Connection> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.map_or_else(|| connection::open_reading(&self.path), Ok)
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

impl Backend for SqliteStore {
    fn begin_write<'a>(&'a self, lock: &'a WriteLock) -> Result<Box<dyn Writer + 'a>, WriteError> {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(writer::SqliteWriter::begin(
            &self.path, writing, lock,
        )?))
    }

    fn fence_off(&self, take_over: &TakeOver) -> Result<Epoch, FenceError> {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        fencing::fence_off(&self.path, &writing, take_over)
    }

    fn is_in_transaction(&self) -> Result<bool, ReadError> {
        // A connection of its own: the writing one may be in the middle of a transaction of this very instance.
        let connection = self.take_idle().map_err(|e| self.read_error(e))?;
        let answer = fencing::is_in_transaction(&connection).map_err(|e| self.read_error(e))?;
        self.give_back(connection);
        Ok(answer)
    }

    fn reader(&self) -> Result<Box<dyn Reader + '_>, ReadError> {
        let connection = self.take_idle().map_err(|e| self.read_error(e))?;
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
        }
    }

    fn check(&self) -> Result<Option<String>, ReadError> {
        // A connection of its own: FTS5's part of the check does not look whether the index has changed since this
        // connection searched, and would take what was written meanwhile for damage.
        let connection = connection::open_reading(&self.path).map_err(|e| self.read_error(e))?;
        let answer: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|e| self.read_error(e))?;
        Ok((answer != "ok").then_some(answer))
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
        let made = job.run(to, report)?;
        backup_folder::note_last(folder, &made);
        Ok(made)
    }

    fn checkpoint(&self, _lock: &WriteLock) -> Result<bool, WriteError> {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        commonplace_lock::fail_point::reached("checkpoint");
        connection::checkpoint(&writing.connection).map_err(|e| self.write_error(e))
    }
}
