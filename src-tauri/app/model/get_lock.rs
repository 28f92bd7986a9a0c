//! The lock that one `model get` holds while it works on a directory.

use std::fs::{File, TryLockError};
use std::path::Path;

use commonplace_engine::lock_holders;

use super::{FileError, GetError};
use crate::system::processes;

/// The lock's file in the directory of the model. It stays there: one that is removed could be held by two.
pub(super) const NAME: &str = "get.lock";

/// The right to write files of the model into a directory; ends when dropped, or with the process.
#[must_use = "the lock is free again as soon as this is dropped"]
#[derive(Debug)]
pub(super) struct GetLock {
    _file: File,
}

impl GetLock {
    /// Takes the lock of `dir` without waiting.
    ///
    /// # Errors
    /// `Busy` if another holds it; `File` if there can be no such file, as in a directory that is only for reading.
    pub(super) fn take(dir: &Path) -> Result<Self, GetError> {
        let path = dir.join(NAME);
        let opened = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let file = opened.map_err(FileError::at(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(GetError::Busy {
                dir: dir.to_owned(),
                who: processes::named_all(&lock_holders(&file)),
            }),
            Err(TryLockError::Error(source)) => Err(FileError::at(&path)(source).into()),
        }
    }
}
