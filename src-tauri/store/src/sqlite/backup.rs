//! Backup of an open store while others write.
//!
//! `VACUUM INTO` on a connection of its own copies the store as it is at one moment, without what was deleted. Nothing
//! but SQLite touches the live database: closing any other handle of it would drop SQLite's locks
//! (sqlite.org/howtocorrupt.html, 2.2). The copy is made under a name of its own, looked through, compared and synced,
//! and only then gets the name asked for. So a crash leaves no half file under that name.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use commonplace_lock::Locks;
use rusqlite::Connection;

use super::contents::Snapshot;
use super::temporary::{self, Temporary};
use super::{backup_folder, connection, damage, header};
use crate::maintenance::{BackupError, BackupMade, BackupStep, BackupTo, Damage};
use crate::platform;

/// How often the copying is reported.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// What the integrity check says of a page that the disk did not give (`btree.c`, `checkTreePage`).
const UNREADABLE: &str = "unable to get the page";

/// Told where the backup stands; `false` ends it.
pub(super) type Report<'a> = &'a mut dyn FnMut(BackupStep) -> bool;

/// What is backed up, and by whom.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) database: &'a Path,
    pub(super) locks: &'a Locks,
    pub(super) now_ms: i64,
}

impl Job<'_> {
    /// Makes one backup of the database under the name.
    pub(super) fn run(self, to: &BackupTo, report: Report<'_>) -> Result<BackupMade, BackupError> {
        let folder = self.database.parent().unwrap_or(self.database);
        let mut source = connection::open_copying(self.database)
            .map_err(|e| BackupError::from_sqlite(self.database, folder, e))?;
        self.run_on(&mut source, to, report)
    }

    /// Makes one backup of what `source` has open.
    pub(super) fn run_on(
        self,
        source: &mut Connection,
        to: &BackupTo,
        report: Report<'_>,
    ) -> Result<BackupMade, BackupError> {
        let target = Target::find(self.database, to, self.now_ms)?;
        let before = Snapshot::read(source).map_err(self.failed(&target))?;
        before
            .refuse_gaps()
            .map_err(|reason| BackupError::StoreDamaged {
                path: self.database.to_owned(),
                reason: Damage::of_structure(reason).to_string(),
            })?;
        temporary::sweep(&target.dir, &before.store_uuid, self.locks);
        let instance = &self.locks.identity().instance;
        let (copy, file) = Temporary::create(&target.dir, &before.store_uuid, instance)
            .map_err(BackupError::io("make a file in", &target.dir))?;
        // SQLite opens it by its name; a handle of ours must be closed before it has locks there.
        drop(file);
        let bytes_expected = super::paths::size_of(self.database);
        go_on(
            report,
            BackupStep::Copying {
                bytes: 0,
                bytes_expected,
            },
        )?;
        self.copy(source, &copy, &target, report)?;
        let bytes = super::paths::size_of(copy.path());
        go_on(report, BackupStep::Checking { bytes })?;
        let found = self.check(source, &copy, &before, &target)?;
        go_on(report, BackupStep::Finishing)?;
        sync(&copy)?;
        target.refuse_taken()?;
        copy.rename(&target.path)
            .map_err(BackupError::io("rename the backup to", &target.path))?;
        platform::sync_dir(&target.dir).map_err(BackupError::io("sync", &target.dir))?;
        let removed = match to {
            BackupTo::Folder { folder, keep } => {
                backup_folder::remove_oldest(folder, &target.path, *keep)
            }
            BackupTo::File { .. } => Vec::new(),
        };
        Ok(BackupMade {
            path: target.path,
            bytes,
            made_ms: self.now_ms,
            contents: found.contents,
            removed,
        })
    }

    fn failed<'a>(&'a self, target: &'a Target) -> impl Fn(rusqlite::Error) -> BackupError + 'a {
        |error| BackupError::from_sqlite(self.database, &target.dir, error)
    }

    /// Copies on a thread of its own, so that this one can tell how far it is and end it.
    fn copy(
        &self,
        source: &mut Connection,
        copy: &Temporary,
        target: &Target,
        report: Report<'_>,
    ) -> Result<(), BackupError> {
        let name = copy.path().to_str().expect("Target::find refuses others");
        let handle = source.get_interrupt_handle();
        let bytes_expected = super::paths::size_of(self.database);
        thread::scope(|scope| {
            let (sender, finished) = mpsc::channel();
            let copying = move || {
                let answer = source.execute("VACUUM INTO ?1", [name]);
                // Whoever waits is there until this thread has ended.
                let _ = sender.send(());
                answer.map(drop)
            };
            let copying = thread::Builder::new()
                .name("backup copy".to_owned())
                .spawn_scoped(scope, copying)
                .map_err(BackupError::Thread)?;
            while finished.recv_timeout(REPORT_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                let bytes = super::paths::size_of(copy.path());
                if !report(BackupStep::Copying {
                    bytes,
                    bytes_expected,
                }) {
                    handle.interrupt();
                }
            }
            let answer = copying.join().expect("copying does not panic");
            answer.map_err(self.failed(target))
        })
    }

    /// Opens the copy, looks through all of it and compares it with the store.
    fn check(
        &self,
        source: &Connection,
        copy: &Temporary,
        before: &Snapshot,
        target: &Target,
    ) -> Result<Snapshot, BackupError> {
        let differs = |reason: String| BackupError::CopyDiffers {
            path: self.database.to_owned(),
            reason,
        };
        header::refuse_unfit(copy.path()).map_err(|unfit| differs(unfit.to_string()))?;
        let look = || {
            let opened = connection::open_sealed(copy.path())?;
            let damage = damage::refuse_damage(&opened)?;
            Ok((damage, Snapshot::read(&opened)?))
        };
        let (damage, found) = look().map_err(|e: rusqlite::Error| differs(e.to_string()))?;
        if let Err(damage) = damage {
            return Err(self.whose_damage(source, damage.what(), &target.dir));
        }
        let after = Snapshot::read(source).map_err(self.failed(target))?;
        found.refuse_between(before, &after).map_err(differs)?;
        Ok(found)
    }

    /// A copy is damaged because its store is, or because it was badly made. A page that cannot be read is no proof of
    /// damage: the disk may give it the next time.
    fn whose_damage(&self, source: &Connection, of_copy: String, copy_dir: &Path) -> BackupError {
        let path = self.database.to_owned();
        match damage::refuse_damage(source) {
            Ok(Err(damage)) if !damage.what().contains(UNREADABLE) => {
                let reason = damage.to_string();
                BackupError::StoreDamaged { path, reason }
            }
            Ok(_) => BackupError::CopyDiffers {
                path,
                reason: of_copy,
            },
            Err(error) => BackupError::from_sqlite(&path, copy_dir, error),
        }
    }
}

fn go_on(report: Report<'_>, step: BackupStep) -> Result<(), BackupError> {
    if report(step) {
        Ok(())
    } else {
        Err(BackupError::GaveUp)
    }
}

fn sync(copy: &Temporary) -> Result<(), BackupError> {
    let path = copy.path();
    File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.sync_all())
        .map_err(BackupError::io("sync", path))
}

/// Where the backup goes, checked.
struct Target {
    dir: PathBuf,
    path: PathBuf,
    replace: bool,
}

impl Target {
    fn find(database: &Path, to: &BackupTo, now_ms: i64) -> Result<Self, BackupError> {
        let (path, replace) = match to {
            BackupTo::Folder { folder, .. } => {
                platform::make_private_dir(folder)
                    .map_err(BackupError::io("make the directory", folder))?;
                (backup_folder::new_backup(folder, now_ms), false)
            }
            BackupTo::File { path, replace } => (path.clone(), *replace),
        };
        let bad_name = |reason| BackupError::BadName {
            path: path.clone(),
            reason,
        };
        let name = path.file_name().ok_or_else(|| bad_name("it has no name"))?;
        if path.is_dir() {
            return Err(bad_name("it is a directory"));
        }
        let dir = path
            .parent()
            .filter(|dir| !dir.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let dir = dir
            .canonicalize()
            .ok()
            .filter(|dir| dir.is_dir())
            .ok_or_else(|| BackupError::NoDirectory {
                dir: dir.to_owned(),
            })?;
        let path = dir.join(name);
        // SQLite takes the name as text.
        if path.to_str().is_none() {
            return Err(bad_name("it is not UTF-8"));
        }
        let target = Self { dir, path, replace };
        target.refuse_live(database)?;
        target.refuse_taken()?;
        Ok(target)
    }

    fn refuse_live(&self, database: &Path) -> Result<(), BackupError> {
        // A link, or another spelling where case does not count, leads to the same file. It must not even be opened.
        let real = self.path.canonicalize().unwrap_or(self.path.clone());
        let is_live = ["", "-wal", "-shm", "-journal"]
            .iter()
            .map(|suffix| temporary::with_suffix(database, suffix))
            .any(|live| live == real || live == self.path || platform::is_same_file(&live, &real));
        if is_live {
            return Err(BackupError::LiveDatabase {
                path: self.path.clone(),
            });
        }
        Ok(())
    }

    fn refuse_taken(&self) -> Result<(), BackupError> {
        let path = self.path.clone();
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        if !self.replace {
            return Err(BackupError::Exists { path });
        }
        header::refuse_unfit(&path).map_err(|unfit| BackupError::NotReplaceable {
            path,
            reason: unfit.to_string(),
        })
    }
}
