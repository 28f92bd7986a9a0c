//! Windows: sharing modes instead of inodes, network drives by their path.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::place::FileId;

/// `FILE_SHARE_READ | FILE_SHARE_WRITE`, without `FILE_SHARE_DELETE`.
const SHARE_WITHOUT_DELETE: u32 = 0x1 | 0x2;

/// Makes `dir` and what is missing above it. Access is what the user's profile folder grants.
pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)
}

/// Opens or creates a lock file with a handle of its own.
///
/// While the handle is open nobody can delete, rename or replace the file, so whoever holds the
/// lock holds it on the file that the path names.
pub(crate) fn open_lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .share_mode(SHARE_WITHOUT_DELETE)
        .open(path)
}

/// Opens or creates a record file for reading and writing, with its content as it is.
///
/// Unlike a lock file it may be renamed and removed while it is open.
pub(crate) fn open_record_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// Tells whether `file` is the file that `path` names now: always, see [`open_lock_file`].
pub(crate) fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Numbers no files: one that is open can be neither replaced nor renamed, see [`open_lock_file`].
pub(crate) fn file_id(_path: &Path) -> io::Result<Option<FileId>> {
    Ok(None)
}

/// Knows no start times: this system is not asked.
pub(crate) fn start_time(_pid: u32) -> Option<u64> {
    None
}

/// Finds nothing: this system does not tell what another process has open.
pub(crate) fn held_file(_pid: u32, _name: &OsStr) -> Option<PathBuf> {
    None
}

/// Takes every process to see the same paths.
pub(crate) fn seen_by(_pid: u32, path: &Path) -> PathBuf {
    path.to_owned()
}

/// Reads once at the start of `file`; returns the number of bytes.
pub(crate) fn read_at_start(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    file.seek_read(buffer, 0)
}

/// Writes once at the start of `file`; returns the number of bytes.
pub(crate) fn write_at_start(file: &File, bytes: &[u8]) -> io::Result<usize> {
    file.seek_write(bytes, 0)
}

/// Lists nobody: this system does not tell who holds a lock.
pub(crate) fn lock_holders(_file: &File) -> Vec<u32> {
    Vec::new()
}

/// Doubts nobody: this system lists nobody either.
pub(crate) fn may_have_open(_pid: u32, _file: &File) -> bool {
    true
}

/// Doubts nothing: the system itself says what is local.
pub(crate) fn doubtful_file_system(_path: &Path) -> Option<String> {
    None
}

/// Names the network share that `path` (existing, canonical) is on; None if it is local.
///
/// The canonical form of a path on a mapped drive letter is its `\\?\UNC\server\share` form.
pub(crate) fn network_file_system(path: &Path) -> io::Result<Option<String>> {
    let server = crate::network::unc_server(&path.to_string_lossy()).map(str::to_owned);
    Ok(server.map(|server| format!("share on {server}")))
}
