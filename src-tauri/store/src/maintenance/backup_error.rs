//! What can go wrong with a backup.

use std::io;
use std::path::{Path, PathBuf};

use super::Damage;

/// Tells why a backup was not made. The store was not changed, and no half file was left under the name asked for.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Another backup of this instance is under way.
    #[error("a backup of this store is under way already: wait until it is finished and ask again")]
    UnderWay,
    /// Something has the name already.
    #[error("`{path}` exists: choose another name, or replace this earlier backup with --force")]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// What has the name is not a backup, so it is not replaced either.
    #[error(
        "`{path}` exists and is not an earlier backup ({reason}): it is never replaced; choose another name"
    )]
    NotReplaceable {
        /// The target.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// The name belongs to the database that is to be backed up.
    #[error("`{path}` belongs to the live database: choose another name for its backup")]
    LiveDatabase {
        /// The target.
        path: PathBuf,
    },
    /// The directory of the target is not there.
    #[error("there is no directory `{dir}` for the backup: make it first, or choose another place")]
    NoDirectory {
        /// The directory.
        dir: PathBuf,
    },
    /// The target cannot be a file name.
    #[error("`{path}` is not a name for a backup ({reason}): name a file")]
    BadName {
        /// The target.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// The disk of the target is full.
    #[error(
        "the disk of `{dir}` is full: no backup was made, and the store is unharmed; free some space or choose another disk"
    )]
    DiskFull {
        /// The directory of the target.
        dir: PathBuf,
    },
    /// The system refused a step.
    #[error(
        "could not {operation} `{path}`: {source}; no backup was made. Check that this user may write there"
    )]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store itself is damaged, so a copy of it would be as well.
    #[error(
        "no backup of `{path}` was made and older ones were kept, because the database is damaged: {reason}"
    )]
    StoreDamaged {
        /// The database.
        path: PathBuf,
        /// What is damaged, and which command mends it.
        reason: String,
    },
    /// The copy is not what was copied.
    #[error(
        "the copy of `{path}` was not intact and was removed: {reason}; check the disk and try again"
    )]
    CopyDiffers {
        /// The database.
        path: PathBuf,
        /// How it differs.
        reason: String,
    },
    /// Who asked does not want it any more.
    #[error("the backup was given up before it was finished")]
    GaveUp,
    /// A thread could not be started.
    #[error("could not start a thread for the backup: {0}; the system is out of memory or threads")]
    Thread(io::Error),
    /// Any other answer of SQLite.
    #[error("the backup of `{path}` failed: {source}")]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl BackupError {
    /// Makes a converter for `map_err`; a full disk is told as such.
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull {
                dir: path.parent().unwrap_or(path).to_owned(),
            },
            _ => Self::Io {
                operation,
                path: path.to_owned(),
                source,
            },
        }
    }

    /// Words an answer of SQLite while `database` was copied into `dir`.
    pub(crate) fn from_sqlite(database: &Path, dir: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = database.to_owned();
        match source.sqlite_error_code() {
            Some(Code::DiskFull) => Self::DiskFull {
                dir: dir.to_owned(),
            },
            Some(Code::OperationInterrupted) => Self::GaveUp,
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::StoreDamaged {
                path,
                reason: Damage::of_structure(source.to_string()).to_string(),
            },
            // A store always has its row of `store_meta`.
            None if source == rusqlite::Error::QueryReturnedNoRows => Self::StoreDamaged {
                path,
                reason: Damage::of_structure("it does not know who it is").to_string(),
            },
            _ => Self::Sqlite { path, source },
        }
    }
}

/// Tells why a file cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum UnfitBackup {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is not a file.
    #[error("it is not a regular file")]
    NotAFile,
    /// It is the database of this very store.
    #[error("it is the live database of this store")]
    Live,
    /// It is the database of a store that is open, or was not closed.
    #[error(
        "there is a log beside it (`{0}`), so it is a store's own database and not a backup; make a backup of that store first"
    )]
    HasLog(PathBuf),
    /// It is not a SQLite database.
    #[error("it is not a database")]
    NotADatabase,
    /// It is a database of another program.
    #[error("it is not a Commonplace store (application id {0:#010x})")]
    Foreign(i32),
    /// It was written by a newer program.
    #[error(
        "it has schema {found}, and this program knows up to {known}; use the newer Commonplace"
    )]
    NewerSchema {
        /// Its schema version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// Its end is missing.
    #[error("it is cut off: it has {found} of {expected} bytes")]
    Truncated {
        /// Bytes it has.
        found: u64,
        /// Bytes its head promises.
        expected: u64,
    },
    /// It is damaged.
    #[error("it is damaged: {0}")]
    Damaged(String),
}
