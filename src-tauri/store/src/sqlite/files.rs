//! The files of an open store, and whether their names still lead to them.
//!
//! SQLite looks at its files by name when it opens and when it closes them, and at nothing in between
//! (`SQLITE_FCNTL_HAS_MOVED`, which it asks itself before it removes the log, is not to be had without `unsafe`). So the
//! store looks: before each transaction, so that nothing is written where nobody will find it; after COMMIT and before
//! the answer, so that at the moment of the answer the memory lay under the name of the store; and before and after
//! a connection is opened, which goes by name. What happens to the files after that is a later act. There is no moment
//! in between: what is moved between the first look and the second is refused by the second.
//!
//! While the store is open its log and shared memory stay: only who has the database alone may remove them
//! (sqlite.org/walformat.html), and every open connection is in the way of that.

use std::path::Path;
use std::time::{Duration, Instant};

use commonplace_lock::{FileId, Found, InstanceRecord, Locks, Place, SharedStoreLock};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::connection;
use super::displaced::Displaced;
use super::temporary::with_suffix;
use crate::error::OpenError;
use crate::platform;

/// The files that the connections of a store have open.
#[derive(Debug)]
pub(super) struct Files {
    database: Place,
    /// The log and its index.
    logs: [Place; 2],
}

impl Files {
    /// Notes the files of the database at `path`, which a connection that has read something has open.
    ///
    /// # Errors
    /// [`std::io::ErrorKind::NotFound`] or another if a name leads nowhere, or to a file that this process does not have
    /// open: then it was given to another file since the connection was opened.
    pub(super) fn note(path: &Path) -> std::io::Result<Self> {
        let note = |path: &Path| {
            let place = Place::note(path)?;
            match place.id().map(platform::has_open) {
                Some(Some(false)) => Err(std::io::Error::other("it was replaced just now")),
                _ => Ok(place),
            }
        };
        Ok(Self {
            database: note(path)?,
            logs: [
                note(&with_suffix(path, "-wal"))?,
                note(&with_suffix(path, "-shm"))?,
            ],
        })
    }

    /// Returns which file the database is; None where files have no numbers.
    pub(super) fn id(&self) -> Option<FileId> {
        self.database.id()
    }

    /// Looks whether all names still lead to the files that are open, and whether `open` still proves that we live. Costs
    /// some microseconds and opens nothing.
    pub(super) fn check(&self, open: &SharedStoreLock) -> Result<(), Displaced> {
        self.look()?;
        Ok(open.check_life()?)
    }

    fn look(&self) -> Result<(), Displaced> {
        if let Err(found) = self.database.look() {
            return Err(Displaced::Database {
                path: self.database.path().to_owned(),
                found,
                moved_to: self.database.id().and_then(platform::name_of_open),
            });
        }
        for log in &self.logs {
            log.look().map_err(|found| Displaced::Log {
                path: log.path().to_owned(),
                found,
            })?;
        }
        Ok(())
    }

    /// Says whether somebody may have the open database open with another log or another index than we have: then
    /// moving our log into it could damage what they see.
    fn is_shared_apart(&self) -> bool {
        let foreign = |log: &Place| !matches!(log.look(), Ok(()) | Err(Found::Nothing));
        if self.database.look().is_ok() {
            return self.logs.iter().any(foreign);
        }
        let moved_to = self.database.id().and_then(platform::name_of_open);
        moved_to.is_some_and(|path| {
            let mut logs = ["-wal", "-shm"].iter().zip(&self.logs);
            logs.any(|(suffix, log)| {
                FileId::at(&with_suffix(&path, suffix)).is_ok_and(|file| file != log.id())
            })
        })
    }

    /// Brings the commits in the open log into the open database, once a look found them displaced, and empties that log.
    ///
    /// A file that was moved away is whole by itself then. And a foreign database that was put beside our log is not
    /// damaged by it: whoever opens the two together would play our log into the foreign file
    /// (sqlite.org/howtocorrupt.html, 1.4).
    ///
    /// Waits for nobody; false if somebody is in the way, or if it is not to be done.
    pub(super) fn settle(&self, connection: &Connection) -> bool {
        !self.is_shared_apart()
            && connection::checkpoint(connection).unwrap_or_else(|error| {
                tracing::warn!(%error, "the log of a displaced store could not be emptied");
                false
            })
    }
}

/// Makes closing `connection` leave everything as it is: by itself SQLite would remove the log by its name.
pub(super) fn leave_alone(connection: &Connection) {
    let option = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    if let Err(error) = connection.set_db_config(option, true) {
        tracing::warn!(%error, "closing a displaced store may remove its log");
    }
}

/// How long the log may be missing while somebody has the database open: the last one removes it when it closes.
const CLOSING_TIME_MAX: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Refuses to open the database at `path` if an instance has another file open under that name, or has it open without its
/// log: SQLite would join the log and the shared memory of the one with the other.
pub(super) fn refuse_other(path: &Path, locks: &Locks) -> Result<(), OpenError> {
    let refused = |path: &Path, found: Found, other: &InstanceRecord| OpenError::OtherFile {
        path: path.to_owned(),
        found,
        pid: other.identity.pid,
        program: format!("{} {}", other.identity.program, other.identity.role),
    };
    // A restore may have come in between. But who still has the former file open was in its way all the time.
    if let Some((other, found)) = other_file(path, locks)
        && other_file(path, locks).is_some_and(|(again, _)| again == other)
    {
        return Err(refused(path, found, &other));
    }
    let log = with_suffix(path, "-wal");
    let asked = Instant::now();
    while let Some(other) = without_log(path, &log, locks) {
        if asked.elapsed() > CLOSING_TIME_MAX {
            return Err(refused(&log, Found::Nothing, &other));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// Returns an instance that has the database open, if the log is not there.
fn without_log(path: &Path, log: &Path, locks: &Locks) -> Option<InstanceRecord> {
    if log.exists() {
        return None;
    }
    let mut others = others_here(locks).into_iter();
    others.find(|other| {
        let has_it = |file| Place::of(path, file).look().is_ok();
        other.file.is_some_and(has_it)
    })
}

/// Returns an instance that has another file open than the one that `path` leads to.
fn other_file(path: &Path, locks: &Locks) -> Option<(InstanceRecord, Found)> {
    others_here(locks).into_iter().find_map(|other| {
        let found = Place::of(path, other.file?).look().err()?;
        Some((other, found))
    })
}

/// Returns the other instances on this machine: numbers of files mean nothing on another one.
fn others_here(locks: &Locks) -> Vec<InstanceRecord> {
    let ours = locks.identity();
    let mut others = locks.instances();
    others.retain(|other| {
        let theirs = &other.identity;
        theirs.instance != ours.instance && theirs.boot_id == ours.boot_id
    });
    others
}
