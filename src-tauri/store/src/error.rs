//! What can go wrong with the store, one enum for each phase of use.

use std::path::PathBuf;

use commonplace_lock::{AcquireError, Found};

use crate::maintenance::BackupError;
use crate::sqlite::Displaced;

/// Tells why a store could not be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path is there, but is not a directory.
    #[error(
        "the store directory `{path}` is a file: choose another with --data-dir, or move the file away"
    )]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// A directory or file could not be made or read.
    #[error(
        "could not {operation} `{path}`: {source}; check that this user may write there and that the disk is not full"
    )]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database has another name as well, so that its log files would be split.
    #[error(
        "`{path}` has {links} hard links: SQLite would keep a log for each name; leave one name and start again"
    )]
    HardLinked {
        /// The database.
        path: PathBuf,
        /// How many names it has.
        links: u64,
    },
    /// The file is not a database of this program.
    #[error(
        "`{path}` is not a Commonplace store (application id {found:#010x}): choose another directory with --data-dir"
    )]
    Foreign {
        /// The database.
        path: PathBuf,
        /// Its application id.
        found: i32,
    },
    /// The database was written by a newer program.
    #[error(
        "`{path}` has schema {found}, and this program knows up to {known}: start the newer Commonplace that wrote it"
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// The SQLite in this program has the WAL-reset bug.
    #[error(
        "this program was built with SQLite {found}, which can lose commits (WAL-reset bug, fixed in 3.51.3): build it with the bundled one"
    )]
    OldSqlite {
        /// Its version.
        found: &'static str,
    },
    /// The database is damaged.
    #[error(
        "the database `{path}` is damaged: {reason}; nothing was changed. `commonplace repair` keeps all that is intact and takes the rest from the backups"
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The database has an older schema, and the backup that is made before a migration could not be made.
    #[error(
        "the store `{path}` has schema {from} and this program needs {to}, but it could not be backed up before the change: {source}. \
         The store is as it was; a backup needs up to {bytes} bytes in `{folder}`, which may be a link to a directory on another disk"
    )]
    NotBackedUp {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        from: i64,
        /// The version that this program would bring it to.
        to: i64,
        /// Where the backup was to be made.
        folder: PathBuf,
        /// How large it can be.
        bytes: u64,
        /// Why it was not made.
        source: Box<BackupError>,
    },
    /// The write-ahead log could not be switched on.
    #[error(
        "the database `{path}` does not accept a write-ahead log (journal mode is `{found}`): the file system is not fit for a store; use a local disk"
    )]
    NoWal {
        /// The database.
        path: PathBuf,
        /// The mode it has.
        found: String,
    },
    /// Another program has another file open under this name.
    #[error(
        "`{path}` {found} while pid {pid} ({program}) has it open: both together would damage the store; nothing was opened. If \
         the file was replaced or removed, end that program, after `commonplace backup --to FILE` has written out what only it \
         still has; if the store is reached through two file systems, use the path of the other program"
    )]
    OtherFile {
        /// The database.
        path: PathBuf,
        /// What is under its name, compared with what the other program has open.
        found: Found,
        /// Process of that program.
        pid: u32,
        /// Its name and role.
        program: String,
    },
    /// The store lock could not be taken.
    #[error(transparent)]
    Locked(#[from] AcquireError),
    /// The files of the write lock could not be made.
    #[error(transparent)]
    Lock(#[from] commonplace_lock::OpenError),
    /// Any other answer of SQLite.
    #[error("could not open the database `{path}`: {source}")]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl OpenError {
    /// Says whether damage of the database is the reason.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::NotBackedUp { source, .. } => {
                matches!(**source, BackupError::StoreDamaged { .. })
            }
            _ => false,
        }
    }
}

/// Tells why a transaction could not be begun, continued or committed. All of its requests are undone.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Another program has the database open for writing; may pass by itself.
    #[error(
        "the database `{path}` is locked by a program that does not use the write lock: {source}; close other programs that have it open"
    )]
    Busy {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// This instance lost the write lock to another one, which took it over.
    #[error(
        "this instance was fenced off: it was stopped or stuck while it held the write lock (generation {held}), and another one took \
         the lock over (generation {current}); nothing was written, ask again"
    )]
    Fenced {
        /// Generation of the lock that is held here.
        held: u64,
        /// Generation the store asks for.
        current: u64,
        /// Whether it was this instance that the lock was taken over from, while it held it.
        was_taken_from_us: bool,
    },
    /// The files that are open are not those of the store any more. Passes by itself once they are put back.
    #[error(transparent)]
    Displaced(#[from] Displaced),
    /// The disk is full.
    #[error(
        "the disk of `{path}` is full: the write was undone and nothing is lost; free some space and try again"
    )]
    DiskFull {
        /// The database.
        path: PathBuf,
    },
    /// The database or its disk cannot be written.
    #[error(
        "`{path}` cannot be written: {reason}; searches go on. Check permissions and whether the disk is mounted read-only; if neither is so, the head of the file is damaged, and `commonplace repair` repairs it"
    )]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The disk reported an error.
    #[error(
        "the disk failed while writing `{path}`: {reason}; the write was undone. Check the disk"
    )]
    Disk {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The disk reported an error in COMMIT. All of the transaction is in the store or nothing of it, and only a later
    /// look can tell: what has reached the log counts as committed if it is read again after a crash.
    #[error(
        "the disk failed while committing to `{path}`: {reason}; whether the write is in the store is not known. Check the disk"
    )]
    InDoubt {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The database is damaged; no further write is tried.
    #[error(
        "the database `{path}` is damaged: {reason}; writing has stopped. `commonplace repair` keeps all that is intact and takes the rest from the backups"
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// Any other answer of SQLite.
    #[error("writing to `{path}` failed: {source}")]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl WriteError {
    /// Says whether trying again may help without anybody doing something.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Fenced { .. })
    }

    /// What an error of COMMIT means.
    ///
    /// A full disk is certain: the commit frame is the last thing that is written, and it did not fit.
    pub(crate) fn from_commit(path: &std::path::Path, source: rusqlite::Error) -> Self {
        match Self::from_sqlite(path, source) {
            Self::Disk { path, reason } => Self::InDoubt { path, reason },
            certain => certain,
        }
    }

    pub(crate) fn from_sqlite(path: &std::path::Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        let reason = source.to_string();
        match source.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Busy { path, source },
            Some(Code::DiskFull) => Self::DiskFull { path },
            Some(Code::ReadOnly | Code::PermissionDenied | Code::CannotOpen) => {
                Self::ReadOnly { path, reason }
            }
            Some(Code::SystemIoFailure) => Self::Disk { path, reason },
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Damaged { path, reason },
            _ => Self::Sqlite { path, source },
        }
    }
}

/// Tells why the write lock could not be moved to another generation. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum FenceError {
    /// The holder has a transaction open.
    #[error(
        "the holder of the write lock has a transaction open on `{path}`, and nobody can take that away from a living program: {source}"
    )]
    InTransaction {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Somebody else took it over before.
    #[error("the write lock has been taken over already: the store is at generation {current}")]
    Outdated {
        /// Generation the store is at.
        current: u64,
    },
    /// The store cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Tells why a search or list could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The files that are open are not those of the store any more. Passes by itself once they are put back.
    #[error(transparent)]
    Displaced(#[from] Displaced),
    /// The database is damaged.
    #[error(
        "the database `{path}` is damaged: {reason}; `commonplace repair` keeps all that is intact and takes the rest from the backups"
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// Any other answer of SQLite.
    #[error("reading `{path}` failed: {source}")]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl ReadError {
    pub(crate) fn from_sqlite(path: &std::path::Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Damaged {
                path,
                reason: source.to_string(),
            },
            _ => Self::Sqlite { path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::ffi;

    use super::*;

    fn write_error(code: i32) -> WriteError {
        let source = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        WriteError::from_sqlite(Path::new("/x/commonplace.db"), source)
    }

    #[test]
    fn each_answer_of_sqlite_becomes_what_a_caller_acts_on() {
        use WriteError as E;
        type Is = fn(&WriteError) -> bool;
        let cases: [(i32, Is); 14] = [
            (ffi::SQLITE_BUSY, |e| matches!(e, E::Busy { .. })),
            (ffi::SQLITE_BUSY_SNAPSHOT, |e| matches!(e, E::Busy { .. })),
            (ffi::SQLITE_LOCKED, |e| matches!(e, E::Busy { .. })),
            (ffi::SQLITE_FULL, |e| matches!(e, E::DiskFull { .. })),
            (ffi::SQLITE_READONLY, |e| matches!(e, E::ReadOnly { .. })),
            (ffi::SQLITE_READONLY_DBMOVED, |e| {
                matches!(e, E::ReadOnly { .. })
            }),
            (ffi::SQLITE_CANTOPEN, |e| matches!(e, E::ReadOnly { .. })),
            (ffi::SQLITE_PERM, |e| matches!(e, E::ReadOnly { .. })),
            (ffi::SQLITE_IOERR, |e| matches!(e, E::Disk { .. })),
            (ffi::SQLITE_IOERR_FSYNC, |e| matches!(e, E::Disk { .. })),
            (ffi::SQLITE_CORRUPT, |e| matches!(e, E::Damaged { .. })),
            (ffi::SQLITE_CORRUPT_VTAB, |e| matches!(e, E::Damaged { .. })),
            (ffi::SQLITE_NOTADB, |e| matches!(e, E::Damaged { .. })),
            (ffi::SQLITE_CONSTRAINT, |e| matches!(e, E::Sqlite { .. })),
        ];
        for (code, is_expected) in cases {
            let error = write_error(code);
            assert!(is_expected(&error), "{code}: {error:?}");
            let is_busy = matches!(error, E::Busy { .. });
            assert_eq!(
                error.is_passing(),
                is_busy,
                "only waiting may help: {error:?}"
            );
            assert!(error.to_string().contains("/x/commonplace.db"), "{error}");
        }
    }

    #[test]
    fn an_error_of_the_disk_in_commit_promises_nothing() {
        let commit_error = |code| {
            let source = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            WriteError::from_commit(Path::new("/x"), source)
        };
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_SHMMAP] {
            let error = commit_error(code);
            assert!(matches!(error, WriteError::InDoubt { .. }), "{error:?}");
            assert!(error.to_string().contains("not known"), "{error}");
            assert!(
                !error.is_passing(),
                "asking again is for the client, with its op_id"
            );
        }
        assert!(matches!(
            commit_error(ffi::SQLITE_FULL),
            WriteError::DiskFull { .. }
        ));
        assert!(matches!(
            commit_error(ffi::SQLITE_BUSY),
            WriteError::Busy { .. }
        ));
    }

    #[test]
    fn damage_found_while_reading_is_named() {
        let read_error = |code| {
            let source = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            ReadError::from_sqlite(Path::new("/x"), source)
        };
        let damaged = [
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_CORRUPT_VTAB,
            ffi::SQLITE_NOTADB,
        ]
        .map(read_error);
        assert!(
            damaged
                .iter()
                .all(|error| matches!(error, ReadError::Damaged { .. }))
        );
        assert!(matches!(
            read_error(ffi::SQLITE_BUSY),
            ReadError::Sqlite { .. }
        ));
    }
}
