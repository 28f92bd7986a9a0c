//! Life locks: how an instance proves that it is alive, and how dead ones are cleaned up.
//!
//! Every instance keeps an exclusive lock on `instances/<id>.lock` from open to exit. The
//! operating system gives it back when the process ends, however it ends. So a free life lock
//! proves death, and nothing else does: not a pid, not a time.
//!
//! Why removing the files of dead instances is free of races:
//! - A life lock appears under its name only after it is locked: it is made as `<id>.new`,
//!   locked, then renamed. Nobody can meet an `<id>.lock` that is "not locked yet".
//! - It is removed only by someone who holds it exclusively: by its owner at exit, or by a
//!   sweeper, who can lock it only if the owner is dead.
//! - Ids are random and never used again, so no new owner can come to an old name.
//! - An `<id>.new` may be swept between being made and being locked. Its owner notices, because
//!   the renaming fails, and makes another.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use crate::error::{OpenError, PathError};
use crate::identity::InstanceId;
use crate::instances::InstanceRecord;
use crate::lock_file::{self, Mode};
use crate::meeting;
use crate::paths::{self, Paths};
use crate::place::{Found, Place};
use crate::platform;
use crate::record::{self, remove};

/// Tries to make a life lock while others sweep or look. Each failure needs one of them to come
/// in the same microsecond.
const TAKES_MAX: usize = 1000;

/// Proof of life of this instance; removes its own files at exit.
#[derive(Debug)]
pub(crate) struct LifeLock {
    paths: Paths,
    id: InstanceId,
    place: Place,
    /// The file system may answer from memory what is under a name: FUSE does so for a second, by default.
    answers_late: bool,
    _file: File,
}

/// Says that this instance counts as dead for others, although it lives: its life lock is not under its name any more.
///
/// Either another program could take that lock, because it sees the directory through another file system, or somebody
/// removed the directory of locks, moved it or put another one there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the life lock of this program, `{}`, {found}: another program took it for dead, which it can if it reaches the store \
     through another file system or another path to a copy, or the directory of locks was moved or removed",
    path.display()
)]
pub struct LifeLost {
    /// Where the life lock stood.
    pub path: PathBuf,
    /// What is there now.
    pub found: Found,
}

impl LifeLock {
    /// Takes the life lock of `id`. `answers_late` says that the file system may tell of changes only after a while.
    pub(crate) fn take(
        paths: &Paths,
        id: &InstanceId,
        answers_late: bool,
    ) -> Result<Self, OpenError> {
        let path = paths.life_lock(id);
        if path.exists() {
            return Err(OpenError::InstanceInUse {
                instance: id.clone(),
                path: paths.dir().to_owned(),
            });
        }
        for _ in 0..TAKES_MAX {
            if let Some(file) = make_locked(&paths.life_lock_new(id), &path)? {
                return Ok(Self {
                    paths: paths.clone(),
                    id: id.clone(),
                    place: Place::note(&path).map_err(PathError::of("look at", &path))?,
                    answers_late,
                    _file: file,
                });
            }
            thread::yield_now();
        }
        let source = io::Error::from(io::ErrorKind::WouldBlock);
        Err(PathError::of("take the life lock", &path)(source).into())
    }

    /// Looks whether the life lock still stands where others look for it.
    pub(crate) fn check(&self) -> Result<(), LifeLost> {
        let looked = self.place.look().and_then(|()| self.look_into_directory());
        looked.map_err(|found| LifeLost {
            path: self.place.path().to_owned(),
            found,
        })
    }

    /// Looks whether the directory lists the life lock, where a single name is not enough: a list is always asked for anew.
    fn look_into_directory(&self) -> Result<(), Found> {
        if !self.answers_late {
            return Ok(());
        }
        let names = paths::file_names(&self.paths.instances()).map_err(|e| Found::from(&e))?;
        let own = self.place.path().file_name();
        let is_listed = names.iter().any(|name| Some(OsStr::new(name)) == own);
        is_listed.then_some(()).ok_or(Found::Nothing)
    }
}

impl Drop for LifeLock {
    fn drop(&mut self) {
        // Still locked here: the file is closed after this. What stands there in its place is not ours to remove.
        if self.check().is_ok() {
            remove_all(&self.paths, &self.id);
        }
    }
}

/// Makes and locks `new`, then renames it to `path`; None if a sweeper was faster.
fn make_locked(new: &Path, path: &Path) -> Result<Option<File>, PathError> {
    let file = platform::open_record_file(new).map_err(PathError::of("create", new))?;
    if !lock_file::try_lock(&file, Mode::Exclusive).map_err(PathError::of("lock", new))? {
        return Ok(None);
    }
    match fs::rename(new, path) {
        Ok(()) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PathError::of("rename", new)(error)),
    }
}

/// Tells whether instance `id` is alive. "Yes" also if that cannot be found out: nobody is
/// declared dead without proof. Creates nothing.
pub(crate) fn is_alive(paths: &Paths, id: &InstanceId) -> bool {
    match is_locked(&paths.life_lock(id)) {
        Ok(is_locked) => is_locked,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => {
            tracing::warn!(
                target: crate::LOG, instance = %id, %error,
                "cannot tell whether an instance is alive; taking it for alive"
            );
            true
        }
    }
}

/// Tells whether instance `id` holds its life lock. "No" also if that cannot be found out. Creates nothing.
pub(crate) fn is_proved_alive(paths: &Paths, id: &InstanceId) -> bool {
    is_locked(&paths.life_lock(id)).unwrap_or(false)
}

fn is_locked(path: &Path) -> io::Result<bool> {
    // Closing the file gives the shared lock back.
    Ok(!lock_file::try_lock(&File::open(path)?, Mode::Shared)?)
}

/// Lists the ids that have a life lock, alive or dead.
pub(crate) fn known(paths: &Paths) -> Result<Vec<InstanceId>, PathError> {
    let dir = paths.instances();
    let names = paths::file_names(&dir).map_err(PathError::of("list", &dir))?;
    Ok(names
        .iter()
        .filter_map(|name| paths::instance_of(name, paths::LIFE_LOCK))
        .collect())
}

/// Removes the files of instances that are provably dead; returns how many there were.
///
/// What cannot be removed stays for the next sweep. Only logs, since it must not stop an
/// opening.
pub(crate) fn sweep(paths: &Paths) -> usize {
    let dir = paths.instances();
    let names = paths::file_names(&dir).unwrap_or_default();
    let swept = names
        .iter()
        .filter(|name| sweep_one(paths, &dir.join(name), name))
        .count();
    sweep_waiters(paths);
    if swept > 0 {
        tracing::info!(target: crate::LOG, swept, "removed the records of dead instances");
    }
    swept
}

/// Removes the files of one instance if `path` is its life lock and free.
fn sweep_one(paths: &Paths, path: &Path, name: &str) -> bool {
    let ended = paths::instance_of(name, paths::LIFE_LOCK);
    let unborn = paths::instance_of(name, paths::LIFE_LOCK_NEW);
    let Some(id) = ended.or(unborn) else {
        return false;
    };
    if path == paths.life_lock(&id) && !is_alive(paths, &id) && meeting::is_apart(paths, &id) {
        tracing::warn!(
            target: crate::LOG, instance = %id,
            "an instance is alive although its life lock is free: it sees this directory through another file system"
        );
        return false;
    }
    let Ok(file) = File::open(path) else {
        return false;
    };
    if !lock_file::try_lock(&file, Mode::Exclusive).unwrap_or(false) {
        return false;
    }
    if path == paths.life_lock_new(&id) {
        remove(path);
    } else {
        remove_all(paths, &id);
    }
    drop(file);
    true
}

/// Removes waiter records whose instance is dead.
fn sweep_waiters(paths: &Paths) {
    let dir = paths.waiters();
    for name in paths::file_names(&dir).unwrap_or_default() {
        if paths::instance_of_waiter(&name).is_some_and(|id| !is_alive(paths, &id)) {
            remove(&dir.join(name));
        }
    }
}

/// Removes socket, record and life lock of `id`. Only for who holds the life lock exclusively. The lock
/// goes last, so no record is ever left without one.
fn remove_all(paths: &Paths, id: &InstanceId) {
    remove_socket(paths, id);
    remove(&paths.instance_record_new(id));
    remove(&paths.instance_record(id));
    remove(&paths.life_lock(id));
}

/// Removes the socket of `id`, which lies elsewhere if its path would have been too long here.
fn remove_socket(paths: &Paths, id: &InstanceId) {
    remove(&paths.socket(id));
    let record: Option<InstanceRecord> = record::read(&paths.instance_record(id));
    let elsewhere = record.and_then(|record| record.socket).map(PathBuf::from);
    if let Some(path) = elsewhere
        && path.is_absolute()
        && path.file_name() == Some(paths::socket_name(id).as_ref())
    {
        remove(&path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path()).unwrap();
        platform::create_dir(&paths.instances()).unwrap();
        platform::create_dir(&paths.waiters()).unwrap();
        (folder, paths)
    }

    /// Leaves the files that a killed instance leaves.
    fn leave_dead(paths: &Paths) -> InstanceId {
        let id = InstanceId::random();
        for path in [
            paths.life_lock(&id),
            paths.instance_record(&id),
            paths.instance_record_new(&id),
            paths.socket(&id),
            paths.waiter_record(&id, 1),
            paths.waiter_record_new(&id, 2),
        ] {
            fs::write(path, "{}").unwrap();
        }
        id
    }

    fn file_count(paths: &Paths) -> usize {
        [paths.instances(), paths.waiters()]
            .map(|dir| paths::file_names(&dir).unwrap().len())
            .iter()
            .sum()
    }

    #[test]
    fn an_instance_is_alive_until_its_life_lock_is_dropped() {
        let (_folder, paths) = paths();
        let id = InstanceId::random();
        assert!(!is_alive(&paths, &id));
        let life = LifeLock::take(&paths, &id, false).unwrap();
        assert!(is_alive(&paths, &id));
        drop(life);
        assert!(!is_alive(&paths, &id));
        assert_eq!(
            file_count(&paths),
            0,
            "an orderly exit leaves nothing behind"
        );
    }

    #[test]
    fn sweeping_removes_the_dead_and_leaves_the_living_and_foreign_files() {
        let (_folder, paths) = paths();
        let alive = InstanceId::random();
        let _life = LifeLock::take(&paths, &alive, true).unwrap();
        fs::write(paths.waiter_record(&alive, 1), "{}").unwrap();
        fs::write(paths.instances().join("notes.lock"), "").unwrap();
        fs::write(paths.life_lock_new(&InstanceId::random()), "").unwrap();
        leave_dead(&paths);
        leave_dead(&paths);
        assert_eq!(sweep(&paths), 3, "two dead and one that never came to life");
        assert!(is_alive(&paths, &alive));
        assert_eq!(
            file_count(&paths),
            3,
            "life lock and waiter of the living, and the note"
        );
    }

    #[test]
    fn a_socket_that_lies_elsewhere_is_swept_with_its_record_and_other_files_are_not() {
        let (_folder, paths) = paths();
        let elsewhere = tempfile::tempdir().unwrap();
        let dead = leave_dead(&paths);
        let socket = elsewhere.path().join(paths::socket_name(&dead));
        let foreign = elsewhere.path().join("notes.sock");
        let said = |socket: &Path| {
            let record = InstanceRecord {
                identity: crate::Identity {
                    instance: dead.clone(),
                    ..crate::testing::identity()
                },
                since_ms: 1,
                url: None,
                mcp_url: None,
                file: None,
                socket: Some(socket.display().to_string()),
                network: None,
            };
            let (new, path) = (
                paths.instance_record_new(&dead),
                paths.instance_record(&dead),
            );
            record::write(&new, &path, &record).unwrap();
            fs::write(socket, "").unwrap();
        };
        said(&foreign);
        sweep(&paths);
        assert!(foreign.exists(), "a record cannot name just any file");
        fs::write(paths.life_lock(&dead), "").unwrap();
        said(&socket);
        sweep(&paths);
        assert!(!socket.exists());
        assert_eq!(file_count(&paths), 0);
    }

    #[test]
    fn an_instance_being_born_is_not_swept() {
        let (_folder, paths) = paths();
        let id = InstanceId::random();
        let new = platform::open_record_file(&paths.life_lock_new(&id)).unwrap();
        assert!(lock_file::try_lock(&new, Mode::Exclusive).unwrap());
        assert_eq!(sweep(&paths), 0);
        assert!(paths.life_lock_new(&id).exists());
    }

    #[test]
    fn instances_open_while_others_sweep() {
        let (_folder, paths) = paths();
        let open_many = || {
            for _ in 0..300 {
                let id = InstanceId::random();
                let life = LifeLock::take(&paths, &id, false).unwrap();
                assert!(is_alive(&paths, &id), "a living instance was swept");
                drop(life);
            }
        };
        thread::scope(|scope| {
            let opener = scope.spawn(open_many);
            while !opener.is_finished() {
                sweep(&paths);
            }
        });
    }
}
