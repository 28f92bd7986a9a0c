//! The files of one generation of the write lock.

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::PathError;
use crate::file::lock_file::LockFile;
use crate::file::paths::Paths;
use crate::file::platform;
use crate::identity::Generation;
use crate::records::slot::Slot;

/// The files of one generation of the write lock, made and opened.
#[derive(Debug)]
pub(crate) struct WriteFiles {
    pub(crate) generation: Generation,
    pub(crate) write_lock: PathBuf,
    /// The lock file of the next generation. It is made when a holder is taken over.
    next_lock: PathBuf,
    pub(crate) slot: Arc<Slot>,
    pub(crate) line: PathBuf,
}

impl WriteFiles {
    /// Opens the files of a generation, making what is missing.
    pub(super) fn open(paths: &Paths, generation: Generation) -> Result<Self, PathError> {
        let line = paths.line(generation);
        platform::create_dir(&line).map_err(PathError::of("create the directory", &line))?;
        let write_lock = paths.write_lock(generation);
        LockFile::open(&write_lock)?;
        Ok(Self {
            generation,
            write_lock,
            next_lock: paths.write_lock(generation.next()),
            slot: Arc::new(Slot::open(&paths.write_holder(generation))?),
            line,
        })
    }

    /// Opens the latest generation that has a lock file; 0 in a new directory.
    pub(super) fn open_newest(paths: &Paths) -> Result<Self, PathError> {
        let newest = paths.generations()?.pop().unwrap_or_default();
        Self::open(paths, newest)
    }

    /// Tells whether the lock file of the next generation has been made: the sign that a holder was taken over.
    pub(super) fn has_successor(&self) -> bool {
        self.next_lock.exists()
    }
}
