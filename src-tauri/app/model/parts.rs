//! The files that the bytes of one file of the model go into before they are checked.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::FileError;

const BLOCK_BYTES: usize = 64 * 1024;

/// The places for what comes of one file, beside its own.
pub(super) struct Parts {
    /// Bytes from the start of the file on; stays after a failure, so that the next try goes on with it.
    pub(super) part: PathBuf,
    /// What begins again at the start while `part` has something. It never costs a byte of `part`.
    pub(super) fresh: PathBuf,
}

/// Why bytes were not copied.
pub(super) enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

impl Parts {
    pub(super) fn of(name: &str, dir: &Path) -> Self {
        Self {
            part: dir.join(format!("{name}.part")),
            fresh: dir.join(format!("{name}.new")),
        }
    }

    /// Returns how many bytes are in `part`; 0 if there is none.
    pub(super) fn part_bytes(&self) -> Result<u64, FileError> {
        match fs::metadata(&self.part) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(source) => Err(FileError::at(&self.part)(source)),
        }
    }

    /// Ends an attempt whose bytes are in `fresh`: they become `part` if there are more of them, else they go.
    pub(super) fn keep_longer(&self) -> Result<(), FileError> {
        let fresh = fs::metadata(&self.fresh).map_err(FileError::at(&self.fresh))?;
        if fresh.len() > self.part_bytes()? {
            return fs::rename(&self.fresh, &self.part).map_err(FileError::at(&self.part));
        }
        remove(&self.fresh)
    }

    /// Removes both.
    pub(super) fn clear(&self) -> Result<(), FileError> {
        remove(&self.part)?;
        remove(&self.fresh)
    }
}

/// Removes a file that may be missing.
pub(super) fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::at(path)(error)),
        _ => Ok(()),
    }
}

/// Opens a file for writing from byte `start` on; what is behind that goes.
pub(super) fn open_at(path: &Path, start: u64) -> io::Result<File> {
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    file.set_len(start)?;
    io::Seek::seek(&mut file, io::SeekFrom::Start(start))?;
    Ok(file)
}

/// Copies until the source ends or more than `limit` bytes are there; returns how many are.
pub(super) fn copy(
    mut from: impl Read,
    file: &mut File,
    start: u64,
    limit: u64,
    mut show: impl FnMut(u64),
) -> Result<u64, CopyError> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut done = start;
    while done <= limit {
        let count = match from.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Read(error)),
        };
        file.write_all(&block[..count]).map_err(CopyError::Write)?;
        done += count as u64;
        show(done);
    }
    Ok(done)
}
