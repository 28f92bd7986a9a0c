//! Opening, comparing, reading and writing files, where operating systems differ.
//!
//! On Unix, directories and files are for this user only: records name clients and programs, and who cannot open a lock file
//! cannot hold the lock out of spite. On Windows, access is what the user's profile folder grants, and nobody can delete,
//! rename or replace a lock file that is open.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
#[cfg(windows)]
use std::os::windows::fs::{FileExt as _, OpenOptionsExt as _};

#[cfg(unix)]
const DIR_MODE: u32 = 0o700;
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;
/// `FILE_SHARE_READ | FILE_SHARE_WRITE`, without `FILE_SHARE_DELETE`.
#[cfg(windows)]
const SHARE_WITHOUT_DELETE: u32 = 0x1 | 0x2;

/// Makes `dir` and what is missing above it. A directory that exists keeps its mode.
pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    builder.mode(DIR_MODE);
    builder.recursive(true).create(dir)
}

/// Opens or creates a lock file with an open file description of its own.
///
/// Opened for writing although nothing is written: some systems lock only such files.
pub(crate) fn open_lock_file(path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    return open_record_file(path);
    #[cfg(windows)]
    return read_and_write().share_mode(SHARE_WITHOUT_DELETE).open(path);
}

/// Opens or creates a record file for reading and writing, with its content as it is.
///
/// Unlike a lock file it may be renamed and removed on Windows while it is open.
pub(crate) fn open_record_file(path: &Path) -> io::Result<File> {
    read_and_write().open(path)
}

fn read_and_write() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    options.mode(FILE_MODE);
    options
}

/// Tells whether `file` is the file that `path` names now.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(named) => Ok(open.dev() == named.dev() && open.ino() == named.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Tells whether `file` is the file that `path` names now: always, see [`open_lock_file`].
#[cfg(windows)]
pub(crate) fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Reads once at the start of `file`; returns the number of bytes.
pub(crate) fn read_at_start(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    #[cfg(unix)]
    return file.read_at(buffer, 0);
    #[cfg(windows)]
    return file.seek_read(buffer, 0);
}

/// Writes once at the start of `file`; returns the number of bytes.
pub(crate) fn write_at_start(file: &File, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(unix)]
    return file.write_at(bytes, 0);
    #[cfg(windows)]
    return file.seek_write(bytes, 0);
}
