//! Restore of a backup, with the store for itself.
//!
//! The backup is copied into the store directory under a name of its own, looked through and migrated there, while the
//! store is still in use. Only then is the store taken alone, what is there backed up, its log emptied and removed, and
//! the copy renamed over the database. Every step before that leaves the old store whole; after it there is the new one.
//!
//! The epoch goes on from the higher of both, and the incarnation is new, so that nothing from before can write.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::damage;
use super::paths;
use super::version;
use commonplace_lock::{ExclusiveStoreLock, Locks, Wait};
use rusqlite::{Connection, TransactionBehavior};

use super::contents::{self, Snapshot};
use super::temporary::{self, Temporary, with_suffix};
use super::{backup, backup_folder, connection, header, lost, open, schema};
use crate::error::OpenError;
use crate::maintenance::{
    BACKUPS_DIR, BackupError, BackupTo, Kept, RestoreError, RestoreStep, Restored, UnfitBackup,
};
use crate::platform;

/// What the store is taken for; also keeps these files apart from unfinished backups in the same directory.
const PURPOSE: &str = "restore";

/// How far the epoch leaps if that of the store before cannot be read: no store makes so many changes of hands up.
const EPOCH_LEAP: u64 = 1_000_000;

/// Replaces the store in `dir` by the backup `from`. Blocks; waits at most `wait` for the store to be closed by others.
///
/// `locks` are those of `dir`, and the caller does not have the store open. What is there is kept in [`BACKUPS_DIR`]:
/// as a backup, or as it is if it is damaged beyond one. `done` is told each step when it is done; it may take its time,
/// but from [`RestoreStep::Alone`] on nobody else can open the store.
///
/// # Errors
/// See [`RestoreError`]; after any but `NotSynced` the store is as it was.
pub fn restore(
    dir: &Path,
    locks: &Locks,
    from: &Path,
    wait: Duration,
    now_ms: i64,
    done: &mut dyn FnMut(RestoreStep),
) -> Result<Restored, RestoreError> {
    let database = paths::database_path(dir).map_err(RestoreError::Store)?;
    let from = refuse_unfit(from, &database)?;
    let copy = copy_in(&from, &database, locks)?;
    done(RestoreStep::Copied);
    let migrated_from = prepare(copy.path(), &from, now_ms)?;
    done(RestoreStep::Checked);
    let alone = locks
        .take_store(PURPOSE, Wait::up_to(wait))
        .map_err(RestoreError::Locked)?;
    done(RestoreStep::Alone);
    let present = Present::look(dir, &database, locks, now_ms)?;
    let (before, known) = present.keep(&alone)?;
    done(RestoreStep::Kept(before.clone()));
    let renewed = renew(copy.path(), known.as_ref(), locks)?;
    done(RestoreStep::Renewed);
    present.close(&before, &alone)?;
    done(RestoreStep::Closed);
    copy.rename(&database)
        .map_err(RestoreError::io("rename the copy to", &database))?;
    done(RestoreStep::Switched);
    let parent = database.parent().expect("a database lies in a directory");
    platform::sync_dir(parent).map_err(|source| RestoreError::NotSynced {
        path: parent.to_owned(),
        source,
    })?;
    done(RestoreStep::Synced);
    tracing::info!(backup = %from.display(), epoch = renewed.epoch, "the store was restored");
    Ok(Restored {
        from,
        before,
        contents: renewed.contents,
        epoch: renewed.epoch,
        migrated_from,
    })
}

/// Refuses what is not a backup by its name and its head. Returns its real path.
fn refuse_unfit(from: &Path, database: &Path) -> Result<PathBuf, RestoreError> {
    let check = || {
        let real = from.canonicalize().map_err(UnfitBackup::Unreadable)?;
        // Before anything else: the live database must not be opened outside SQLite.
        if platform::is_same_file(&real, database) {
            return Err(UnfitBackup::Live);
        }
        header::refuse_unfit(&real)?;
        Ok(real)
    };
    check().map_err(|reason| RestoreError::Unfit {
        path: from.to_owned(),
        reason,
    })
}

fn copy_in(from: &Path, database: &Path, locks: &Locks) -> Result<Temporary, RestoreError> {
    let dir = database.parent().expect("a database lies in a directory");
    temporary::sweep(dir, PURPOSE, locks);
    let (copy, mut file) = Temporary::create(dir, PURPOSE, &locks.identity().instance)
        .map_err(RestoreError::io("make a file in", dir))?;
    let mut backup = File::open(from).map_err(RestoreError::io("open", from))?;
    io::copy(&mut backup, &mut file)
        .and_then(|_| file.sync_all())
        .map_err(RestoreError::io("copy the backup to", copy.path()))?;
    Ok(copy)
}

/// Looks through the copy and brings it to the newest schema. Returns its version if that was older.
fn prepare(copy: &Path, from: &Path, now_ms: i64) -> Result<Option<i64>, RestoreError> {
    let unfit = |reason: UnfitBackup| RestoreError::Unfit {
        path: from.to_owned(),
        reason,
    };
    let look = || {
        let opened = connection::open_looking(copy)?;
        let damage = damage::refuse_damage(&opened)?;
        let gaps = Snapshot::read(&opened)?.refuse_gaps();
        let (version, _) = schema::versions(&opened)?;
        Ok((damage.map_err(|damage| damage.what()).and(gaps), version))
    };
    let look = || {
        look().map_err(|e: rusqlite::Error| {
            if contents::is_failure_of_disk(&e) {
                RestoreError::from_sqlite(copy, e)
            } else {
                unfit(UnfitBackup::Damaged(e.to_string()))
            }
        })
    };
    let (mut damage, version) = look()?;
    if damage.is_err() {
        // A page that could not be read counts as damage there; what is on the disk is there a second time.
        (damage, _) = look()?;
    }
    damage.map_err(|reason| unfit(UnfitBackup::Damaged(reason)))?;
    open::bring_up_to_date(copy, now_ms).map_err(RestoreError::Store)?;
    Ok((version < schema::VERSION).then_some(version))
}

/// Gives the copy the next epoch and a new incarnation, as the holder of the write lock would, and makes it durable.
pub(super) fn renew(
    copy: &Path,
    before: Option<&Snapshot>,
    locks: &Locks,
) -> Result<Snapshot, RestoreError> {
    let failed = |e| RestoreError::from_sqlite(copy, e);
    let fence = Arc::new(AtomicI64::new(0));
    let mut connection = connection::open_writing(copy, &fence).map_err(failed)?;
    open::switch_to_wal(copy, &connection).map_err(RestoreError::Store)?;
    let mut write = || {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let own = Snapshot::read(&transaction)?;
        let epoch = before.map_or(own.epoch + EPOCH_LEAP, |before| {
            before.epoch.max(own.epoch) + 1
        });
        // A lock file that was taken over must not come into force again.
        let generation = before.map_or(0, |before| before.generation);
        let generation = generation.max(own.generation).max(locks.generation().0);
        fence.store(epoch as i64, Ordering::Relaxed);
        transaction.execute(
            "UPDATE store_meta
             SET epoch = ?1, generation = ?2, incarnation = ?3, holder = '', taken_from = ''
             WHERE id = 1",
            (epoch as i64, generation as i64, open::random_hex()),
        )?;
        let renewed = Snapshot::read(&transaction)?;
        transaction.commit()?;
        Ok(renewed)
    };
    let renewed = write().map_err(failed)?;
    close(connection, copy).map_err(failed)?;
    if temporary::log_beside(copy).is_some() {
        return Err(RestoreError::OpenElsewhere {
            path: copy.to_owned(),
        });
    }
    File::options()
        .write(true)
        .open(copy)
        .and_then(|file| file.sync_all())
        .map_err(RestoreError::io("sync", copy))?;
    Ok(renewed)
}

/// Empties the log and closes the database, which removes the log if nobody else has it open.
fn close(connection: Connection, path: &Path) -> rusqlite::Result<()> {
    connection::checkpoint(&connection)?;
    tracing::debug!(database = %path.display(), "closing");
    connection.close().map_err(|(_, error)| error)
}

/// Puts a finished store into the place of a damaged one, which is kept as it is under a name of its own. Returns that.
pub(super) fn put_in_place(
    fresh: Temporary,
    dir: &Path,
    database: &Path,
    locks: &Locks,
    now_ms: i64,
    alone: &ExclusiveStoreLock,
) -> Result<PathBuf, RestoreError> {
    let present = Present {
        dir,
        database,
        locks,
        now_ms,
        state: State::Damaged,
    };
    let (kept, _) = present.set_aside_later(&present.folder())?;
    present.close(&kept, alone)?;
    fresh
        .rename(database)
        .map_err(RestoreError::io("rename the repaired store to", database))?;
    let parent = database.parent().expect("a database lies in a directory");
    platform::sync_dir(parent).map_err(|source| RestoreError::NotSynced {
        path: parent.to_owned(),
        source,
    })?;
    match kept {
        Kept::SetAside(path) | Kept::Backup(path) => Ok(path),
        Kept::Nothing => Ok(database.to_owned()),
    }
}

/// What a restore finds in the place of the database.
struct Present<'a> {
    /// Of the store; the database may be a link to a file elsewhere.
    dir: &'a Path,
    database: &'a Path,
    locks: &'a Locks,
    now_ms: i64,
    state: State,
}

enum State {
    Missing,
    Readable,
    Damaged,
}

impl<'a> Present<'a> {
    fn look(
        dir: &'a Path,
        database: &'a Path,
        locks: &'a Locks,
        now_ms: i64,
    ) -> Result<Self, RestoreError> {
        let state = if paths::size_of(database) <= 1 {
            match temporary::log_beside(database) {
                None => State::Missing,
                Some(_) => State::Damaged,
            }
        } else {
            match read_version(database) {
                Ok(_) => State::Readable,
                Err(OpenError::Damaged { .. }) => State::Damaged,
                Err(error) => return Err(RestoreError::Store(error)),
            }
        };
        Ok(Self {
            dir,
            database,
            locks,
            now_ms,
            state,
        })
    }

    fn folder(&self) -> PathBuf {
        self.dir.join(BACKUPS_DIR)
    }

    /// Backs up what is there, or decides that it must be set aside. Changes nothing but the directory of backups.
    fn keep(&self, alone: &ExclusiveStoreLock) -> Result<(Kept, Option<Snapshot>), RestoreError> {
        let folder = self.folder();
        match self.state {
            State::Missing => return Ok((Kept::Nothing, None)),
            State::Damaged => return self.set_aside_later(&folder),
            State::Readable => {}
        }
        self.notice_lost_writes(alone);
        platform::make_private_dir(&folder)
            .map_err(RestoreError::io("make the directory", &folder))?;
        let to = BackupTo::File {
            path: backup_folder::new_before_restore(&folder, self.now_ms),
            replace: false,
        };
        let job = backup::Job {
            database: self.database,
            locks: self.locks,
            now_ms: self.now_ms,
        };
        match job.run(&to, &mut |_| true) {
            Ok(made) => {
                let known = self
                    .snapshot()
                    .map_err(|e| RestoreError::from_sqlite(self.database, e))?;
                Ok((Kept::Backup(made.path), Some(known)))
            }
            Err(error @ BackupError::StoreDamaged { .. }) => {
                tracing::warn!(%error, "what is there is damaged beyond a backup");
                let (kept, _) = self.set_aside_later(&folder)?;
                Ok((kept, self.snapshot().ok()))
            }
            Err(error) => Err(RestoreError::NotKept(error)),
        }
    }

    /// What is left of a log that was cut is put aside before it is removed. A restore is done with or without it.
    fn notice_lost_writes(&self, alone: &ExclusiveStoreLock) {
        let look = lost::Look::at(self.database, self.locks, self.now_ms);
        if let Err(error) = look.notice_alone(alone) {
            tracing::warn!(%error, "whether writes are missing from what is there is not known");
        }
    }

    fn snapshot(&self) -> rusqlite::Result<Snapshot> {
        Snapshot::read(&connection::open_looking(self.database)?)
    }

    fn set_aside_later(&self, folder: &Path) -> Result<(Kept, Option<Snapshot>), RestoreError> {
        platform::make_private_dir(folder)
            .map_err(RestoreError::io("make the directory", folder))?;
        let path = backup_folder::new_damaged(folder, self.now_ms);
        Ok((Kept::SetAside(path), None))
    }

    /// Leaves nothing beside the database that SQLite would take for the log of the restored one.
    fn close(&self, kept: &Kept, _alone: &ExclusiveStoreLock) -> Result<(), RestoreError> {
        match kept {
            Kept::Nothing => {}
            Kept::Backup(_) => {
                let failed = |e| RestoreError::from_sqlite(self.database, e);
                let fence = Arc::new(AtomicI64::new(0));
                let connection = connection::open_writing(self.database, &fence).map_err(failed)?;
                close(connection, self.database).map_err(failed)?;
            }
            Kept::SetAside(path) => self.set_aside(path)?,
        }
        let is_left = ["-wal", "-shm", "-journal"]
            .iter()
            .any(|suffix| with_suffix(self.database, suffix).exists());
        if is_left {
            return Err(RestoreError::OpenElsewhere {
                path: self.database.to_owned(),
            });
        }
        Ok(())
    }

    /// Gives the database a second name in the directory of backups and moves its log there.
    ///
    /// It keeps its first name until the restored one takes it: a store directory without a database would be taken for
    /// a new store. After a crash in between, opening refuses a database with two names.
    fn set_aside(&self, path: &Path) -> Result<(), RestoreError> {
        if self.database.exists() {
            fs::hard_link(self.database, path)
                // Some file systems have no second names, and none reaches into another file system.
                .or_else(|_| copy(self.database, path))
                .map_err(RestoreError::io("set aside", self.database))?;
        }
        for suffix in ["-wal", "-journal"] {
            let log = with_suffix(self.database, suffix);
            if log.exists() {
                let aside = with_suffix(path, suffix);
                fs::rename(&log, &aside)
                    .or_else(|_| copy(&log, &aside).and_then(|()| fs::remove_file(&log)))
                    .map_err(RestoreError::io("set aside", &log))?;
            }
        }
        // An index of the log, rebuilt from it.
        let index = with_suffix(self.database, "-shm");
        match fs::remove_file(&index) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(RestoreError::io("remove", &index)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Copies a file that nobody has open; when this returns, the copy survives a crash.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = platform::create_private_file(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

/// Reads the schema version of a database that may be damaged; leaves it and its log as they are.
fn read_version(database: &Path) -> Result<i64, OpenError> {
    let connection =
        connection::open_looking(database).map_err(|e| version::open_error(database, e))?;
    version::known_version(database, &connection)
}
