//! One lock file: opening it, taking its lock, making sure that it is still the right file.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use super::platform;
use super::wait::{self, NotTaken, Wait};
use crate::error::PathError;

/// How often a file that is replaced again and again is reopened before a pause.
const REOPENS_MAX: usize = 16;
/// Tries before a call counts as waiting. Programs that check who holds the lock take it for a microsecond; that must not
/// send a writer to sleep or into the list of waiters.
const QUICK_TRIES: usize = 3;
/// Looks before a share that does not go away counts as held.
const LOOKS_MAX: usize = 16;

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Shared,
    Exclusive,
}

/// A lock file with an open file description of its own.
///
/// The lock belongs to the description, so two of them exclude each other within one process too, and closing one never
/// drops the lock of another.
#[derive(Debug)]
pub(crate) struct LockFile {
    path: PathBuf,
    file: File,
}

impl LockFile {
    /// Opens the file, creating it if it is missing. Takes no lock.
    pub(crate) fn open(path: &Path) -> Result<Self, PathError> {
        let file =
            platform::open_lock_file(path).map_err(PathError::of("open the lock file", path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Takes the lock if that is possible at once.
    ///
    /// A lock on a file that is no longer at its path excludes nobody, so it is released and the file that is there now is
    /// tried. The same when somebody else has the lock: waiting for a file that has been replaced would be waiting for the
    /// wrong one.
    pub(crate) fn try_take(&mut self, mode: Mode) -> Result<bool, PathError> {
        for _ in 0..REOPENS_MAX {
            let is_taken = try_lock(&self.file, mode).map_err(PathError::of("lock", &self.path))?;
            let is_current = platform::is_at(&self.file, &self.path)
                .map_err(PathError::of("look at", &self.path))?;
            if is_current {
                return Ok(is_taken);
            }
            tracing::warn!(
                target: crate::LOG,
                path = %self.path.display(),
                "the lock file was replaced or removed; opening it again"
            );
            // Dropping the old description releases its lock.
            *self = Self::open(&self.path)?;
        }
        Ok(false)
    }

    /// Releases the lock.
    ///
    /// Explicitly, not by closing the file: a child process that is just being started shares the description for a moment
    /// and would keep the lock.
    pub(crate) fn release(&self) -> Result<(), PathError> {
        unlock(&self.file).map_err(PathError::of("unlock", &self.path))
    }

    /// Releases the lock; a failure is only logged, since the file is closed soon after.
    pub(crate) fn release_or_log(&self) {
        if let Err(error) = self.release() {
            tracing::error!(target: crate::LOG, %error, "could not release a lock; closing its file must do");
        }
    }

    /// Takes the lock exclusively, however long that takes. For a thread that has nothing else to do.
    pub(crate) fn take_blocking(path: &Path) -> Result<Self, PathError> {
        loop {
            let lock = Self::open(path)?;
            lock_blocking(&lock.file, Mode::Exclusive).map_err(PathError::of("lock", path))?;
            if platform::is_at(&lock.file, path).map_err(PathError::of("look at", path))? {
                return Ok(lock);
            }
        }
    }
}

/// Takes the lock on `path`, waiting as `wait` says.
///
/// Asks again and again, and promises no order; see [`crate::line`] for the write lock. `started` is when the wait began.
pub(crate) fn take(
    path: &Path,
    mode: Mode,
    wait: Wait<'_>,
    started: Instant,
) -> Result<Result<LockFile, NotTaken>, PathError> {
    let mut lock = LockFile::open(path)?;
    if try_quickly(&mut lock, mode)? {
        return Ok(Ok(lock));
    }
    let ended = wait::until_taken(wait, started, || lock.try_take(mode))?;
    Ok(ended.map(|()| lock))
}

/// Tries a few times, without waiting.
pub(crate) fn try_quickly(lock: &mut LockFile, mode: Mode) -> Result<bool, PathError> {
    for _ in 1..QUICK_TRIES {
        if lock.try_take(mode)? {
            return Ok(true);
        }
        thread::yield_now();
    }
    lock.try_take(mode)
}

/// Tells whether someone has the lock on `path` exclusively.
///
/// Finds out by taking it shared and releasing it at once. While it is held that disturbs nobody; while it is free, a writer
/// that comes in the same microsecond finds it taken once.
pub(crate) fn is_held(path: &Path) -> Result<bool, PathError> {
    let mut lock = LockFile::open(path)?;
    let is_free = lock.try_take(Mode::Shared)?;
    if is_free {
        lock.release()?;
    }
    Ok(!is_free)
}

/// Tells whether nobody could take the lock on `path` exclusively, for a lock that is never shared on purpose.
///
/// Looking takes a share for a microsecond (see [`is_held`]). A program that is stopped in that microsecond keeps everybody
/// out, so a share that does not go away counts as well.
pub(crate) fn is_barred(path: &Path) -> Result<bool, PathError> {
    let mut lock = LockFile::open(path)?;
    for _ in 0..LOOKS_MAX {
        if lock.try_take(Mode::Exclusive)? {
            lock.release()?;
            return Ok(false);
        }
        if !lock.try_take(Mode::Shared)? {
            return Ok(true);
        }
        lock.release()?;
        thread::yield_now();
    }
    Ok(true)
}

/// Asks the operating system for the lock, without waiting; false if someone else has it.
pub(crate) fn try_lock(file: &File, mode: Mode) -> io::Result<bool> {
    // Named through fs4, because methods of `std::fs::File` with the same names would win.
    let result = retry(|| match mode {
        Mode::Shared => fs4::FileExt::try_lock_shared(file).map_err(io::Error::from),
        Mode::Exclusive => fs4::FileExt::try_lock(file).map_err(io::Error::from),
    });
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits in the operating system until the lock is there.
pub(crate) fn lock_blocking(file: &File, mode: Mode) -> io::Result<()> {
    retry(|| match mode {
        Mode::Shared => fs4::FileExt::lock_shared(file),
        Mode::Exclusive => fs4::FileExt::lock(file),
    })
}

/// Releases the lock of `file`; one that is not held is fine.
pub(crate) fn unlock(file: &File) -> io::Result<()> {
    retry(|| fs4::FileExt::unlock(file))
}

/// Repeats a system call that a signal interrupted.
fn retry(mut call: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn open_two(path: &Path) -> (LockFile, LockFile) {
        (LockFile::open(path).unwrap(), LockFile::open(path).unwrap())
    }

    #[test]
    fn two_openings_in_one_process_exclude_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let (mut first, mut second) = open_two(&folder.path().join("a.lock"));
        assert!(first.try_take(Mode::Exclusive).unwrap());
        assert!(!second.try_take(Mode::Exclusive).unwrap());
        assert!(!second.try_take(Mode::Shared).unwrap());
        first.release().unwrap();
        assert!(second.try_take(Mode::Exclusive).unwrap());
    }

    #[test]
    fn looking_does_not_keep_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        assert!(!is_held(&path).unwrap());
        let mut lock = LockFile::open(&path).unwrap();
        assert!(
            lock.try_take(Mode::Exclusive).unwrap(),
            "the look before is over"
        );
        assert!(is_held(&path).unwrap());
    }

    #[test]
    fn interrupted_calls_are_repeated() {
        let calls = Cell::new(0);
        let result = retry(|| {
            calls.set(calls.get() + 1);
            if calls.get() < 3 {
                Err(io::ErrorKind::Interrupted.into())
            } else {
                Ok(())
            }
        });
        assert!(result.is_ok());
        assert_eq!(calls.get(), 3);
    }

    #[test]
    fn a_share_that_stays_bars_the_lock_and_is_told_from_a_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        assert!(!is_barred(&path).unwrap());
        let mut stopped_while_looking = LockFile::open(&path).unwrap();
        assert!(stopped_while_looking.try_take(Mode::Shared).unwrap());
        assert!(is_barred(&path).unwrap());
        assert!(!is_held(&path).unwrap());
        stopped_while_looking.release().unwrap();
        assert!(!is_barred(&path).unwrap());
    }

    // Windows does not let an open lock file be replaced.
    #[cfg(unix)]
    #[test]
    fn a_lock_file_that_was_replaced_or_removed_is_noticed() {
        let replace = |path: &Path| {
            let other = path.with_extension("other");
            std::fs::write(&other, "").unwrap();
            std::fs::rename(&other, path).unwrap();
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let (mut early, mut late) = open_two(&path);
        replace(&path);
        assert!(early.try_take(Mode::Exclusive).unwrap());
        assert!(
            !late.try_take(Mode::Exclusive).unwrap(),
            "both must have ended at the file that the path names"
        );
        replace(&path);
        assert!(
            late.try_take(Mode::Exclusive).unwrap(),
            "replaced while it waited: the file at the path is free"
        );
        std::fs::remove_file(&path).unwrap();
        assert!(early.try_take(Mode::Exclusive).unwrap(), "made again");
        assert!(is_held(&path).unwrap());
    }
}
