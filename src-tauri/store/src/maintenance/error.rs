//! What can go wrong with restore, compaction and rebuild.

use std::io;
use std::path::{Path, PathBuf};

use commonplace_lock::AcquireError;

use super::{BackupError, UnfitBackup};
use crate::error::OpenError;

/// Tells why a backup was not restored or a store not repaired. The store is as it was, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file cannot be restored.
    #[error("`{path}` cannot be restored: {reason}; nothing was changed")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: UnfitBackup,
    },
    /// Nothing of a damaged store can be read, so only a whole backup helps.
    #[error(
        "nothing of `{path}` can be read ({reason}), so there is nothing to keep; {}", whole_backup(newest.as_deref())
    )]
    NothingReadable {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
        /// The newest backup, if there is one.
        newest: Option<PathBuf>,
    },
    /// What was to take the place of a damaged store is not whole itself.
    #[error(
        "`{path}` was not repaired, because what was to take its place is not intact: {reason}; nothing was changed. Restore the newest backup of `commonplace restore --list`"
    )]
    NotMended {
        /// The database.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Other instances have the store open.
    #[error("{0}; nothing was changed")]
    Locked(AcquireError),
    /// The store cannot be replaced as it is: its database is foreign or newer, or cannot be read.
    #[error(transparent)]
    Store(OpenError),
    /// What is there could not be kept, so it was not replaced.
    #[error("what is there now could not be backed up, so nothing was replaced: {0}")]
    NotKept(#[source] BackupError),
    /// A program that uses no locks of ours has the database open.
    #[error(
        "a program that does not use the store lock has `{path}` open: close it (a `sqlite3` shell?) and try again; nothing was changed"
    )]
    OpenElsewhere {
        /// The database.
        path: PathBuf,
    },
    /// The disk of the store is full.
    #[error("the disk of `{path}` is full: nothing was changed; free some space and try again")]
    DiskFull {
        /// The file that could not be written.
        path: PathBuf,
    },
    /// The system refused a step before the switch.
    #[error("could not {operation} `{path}`: {source}; the store is as it was")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The backup is in place, but its name may not survive a crash of the machine.
    #[error(
        "the store is in place, but the directory `{path}` could not be synced: {source}; a crash of the machine may bring the old store back"
    )]
    NotSynced {
        /// The store directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Any other answer of SQLite.
    #[error("preparing the restored database `{path}` failed: {source}; the store is as it was")]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// Says which command helps where only a whole backup does.
fn whole_backup(newest: Option<&Path>) -> String {
    match newest {
        Some(backup) => format!(
            "`commonplace restore {}` brings back the newest backup",
            backup.display()
        ),
        None => {
            "and there is no backup: keep the file, and look for a copy of it elsewhere".to_owned()
        }
    }
}

impl RestoreError {
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull {
                path: path.to_owned(),
            },
            _ => Self::Io {
                operation,
                path: path.to_owned(),
                source,
            },
        }
    }

    pub(crate) fn from_sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull { path },
            _ => Self::Sqlite { path, source },
        }
    }
}

/// Tells why a compaction or rebuild was not done. The store is as it was.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// There is no store.
    #[error("there is no database `{path}` yet: nothing to do")]
    NoStore {
        /// Where it would be.
        path: PathBuf,
    },
    /// Other instances have the store open.
    #[error("{0}; nothing was changed")]
    Locked(AcquireError),
    /// The store could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A program that uses no locks of ours has the database open.
    #[error(
        "a program that does not use the store lock has `{path}` open: close it (a `sqlite3` shell?) and try again; nothing was changed"
    )]
    OpenElsewhere {
        /// The database.
        path: PathBuf,
    },
    /// The disk is full.
    #[error(
        "the disk of `{path}` is full: nothing was changed. This needs as much free space as the database is large; free some and try again"
    )]
    DiskFull {
        /// The database.
        path: PathBuf,
    },
    /// Any other answer of SQLite.
    #[error("`{path}` could not be worked on: {source}; nothing was changed")]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl MaintenanceError {
    pub(crate) fn from_sqlite(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(Code::DiskFull) => Self::DiskFull { path },
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::OpenElsewhere { path },
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Open(OpenError::Damaged {
                path,
                reason: source.to_string(),
            }),
            _ => Self::Sqlite { path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_full_disk_is_told_as_such_whoever_notices_it() {
        let (database, dir) = (Path::new("/x/commonplace.db"), Path::new("/y"));
        let full = || rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None);
        let noticed = || io::Error::from(io::ErrorKind::StorageFull);
        let backups = [
            BackupError::from_sqlite(database, dir, full()),
            BackupError::io("sync", Path::new("/y/backup.db"))(noticed()),
        ];
        for error in backups {
            let BackupError::DiskFull { dir: of } = &error else {
                panic!("{error:?}")
            };
            assert_eq!(of, dir, "the disk of the backup, not of the store");
        }
        let restores = [
            RestoreError::from_sqlite(database, full()),
            RestoreError::io("sync", database)(noticed()),
        ];
        for error in restores {
            assert!(matches!(error, RestoreError::DiskFull { .. }), "{error:?}");
        }
        let error = MaintenanceError::from_sqlite(database, full());
        assert!(
            matches!(error, MaintenanceError::DiskFull { .. }),
            "{error:?}"
        );
    }
}
