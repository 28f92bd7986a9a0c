//! Life locks: how an instance proves that it is alive.
//!
//! Every instance keeps an exclusive lock on `instances/<id>.lock` from open to exit. The operating system releases it when
//! the process ends, however it ends. So a free life lock proves death, and nothing else does: not a pid, not a time.
//!
//! Why removing the files of dead instances (see [`super::sweep`]) is free of races:
//! - A life lock appears under its name only after it is locked: it is made as `<id>.new`, locked, then renamed. Nobody can
//!   see an `<id>.lock` that is "not locked yet".
//! - It is removed only while it is held exclusively: by its owner at exit, or by a sweep, which can lock it only if the
//!   owner is dead.
//! - Ids are random and never reused, so no new owner can come to an old name.
//! - An `<id>.new` may be swept between being made and being locked. Its owner notices, because the rename fails, and makes
//!   another.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use crate::error::{OpenError, PathError};
use crate::file::json::remove;
use crate::file::lock_file::{self, Mode};
use crate::file::paths::{self, Paths};
use crate::file::place::{Found, Place};
use crate::file::platform;
use crate::identity::InstanceId;
use crate::records::instance::InstanceRecord;

/// Tries to make a life lock while others sweep or look. Each failure needs one of them to come in the same microsecond.
const TAKES_MAX: usize = 1000;

/// Proof of life of this instance; removes its own files at exit.
#[derive(Debug)]
pub(crate) struct LifeLock {
    paths: Paths,
    id: InstanceId,
    place: Place,
    /// The file system may answer from a cache what is under a name: FUSE does so for a second, by default.
    answers_late: bool,
    _file: File,
}

/// Says that others take this instance for dead, although it lives: its life lock is not under its name any more.
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
    /// Where the life lock was.
    pub path: PathBuf,
    /// What is there now.
    pub found: Found,
}

impl LifeLock {
    /// Takes the life lock of `id`. `answers_late` says that the file system may report changes only after a while.
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

    /// Checks that the life lock is still where others look for it.
    pub(crate) fn check(&self) -> Result<(), LifeLost> {
        let looked = self.place.look().and_then(|()| self.look_into_directory());
        looked.map_err(|found| LifeLost {
            path: self.place.path().to_owned(),
            found,
        })
    }

    /// Checks that the directory lists the life lock, where asking about its name is not enough: a listing is never cached.
    fn look_into_directory(&self) -> Result<(), Found> {
        if !self.answers_late {
            return Ok(());
        }
        let names = paths::file_names(&self.paths.instances())
            .map_err(|error| Found::from(&error.source))?;
        let own = self.place.path().file_name();
        let is_listed = names.iter().any(|name| Some(OsStr::new(name)) == own);
        is_listed.then_some(()).ok_or(Found::Nothing)
    }
}

impl Drop for LifeLock {
    fn drop(&mut self) {
        // Still locked here: the file is closed after this. Whatever is there in its place is not ours to remove.
        if self.check().is_ok() {
            remove_files(&self.paths, &self.id);
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

/// Tells whether instance `id` is alive. "Yes" also if that cannot be found out: nobody is declared dead without proof.
/// Creates nothing.
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
    // Closing the file releases the shared lock.
    Ok(!lock_file::try_lock(&File::open(path)?, Mode::Shared)?)
}

/// Lists the ids that have a life lock, alive or dead.
pub(crate) fn known(paths: &Paths) -> Result<Vec<InstanceId>, PathError> {
    let names = paths::file_names(&paths.instances())?;
    Ok(names
        .iter()
        .filter_map(|name| paths::instance_of(name, paths::LIFE_LOCK))
        .collect())
}

/// Removes socket, record and life lock of `id`. Only for a caller that holds the life lock exclusively. The lock goes last,
/// so no record is ever left without one.
pub(super) fn remove_files(paths: &Paths, id: &InstanceId) {
    remove_socket(paths, id);
    let record = paths.instance_record(id);
    remove(&paths::temporary(&record));
    remove(&record);
    remove(&paths.life_lock(id));
}

/// Removes the socket of `id`, which is elsewhere if its path would have been too long here.
fn remove_socket(paths: &Paths, id: &InstanceId) {
    remove(&paths.socket(id));
    let record = InstanceRecord::read(paths, id);
    let elsewhere = record.and_then(|record| record.socket).map(PathBuf::from);
    if let Some(path) = elsewhere
        && path.is_absolute()
        && path.file_name() == Some(paths::socket_name(id).as_ref())
    {
        remove(&path);
    }
}
