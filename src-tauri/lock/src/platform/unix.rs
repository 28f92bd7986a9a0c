//! Unix: modes, device and inode, kind of file system.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Directories are for this user only: records name clients and programs.
const DIR_MODE: u32 = 0o700;
/// The same for files. Who cannot open a lock file cannot hold the lock for spite either.
const FILE_MODE: u32 = 0o600;

/// Makes `dir` and what is missing above it. A directory that exists keeps its mode.
pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)
}

/// Opens or creates a lock file with an open file description of its own.
///
/// Opened for writing although nothing is written: some systems lock only such files.
pub(crate) fn open_lock_file(path: &Path) -> io::Result<File> {
    open_record_file(path)
}

/// Opens or creates a record file for reading and writing, with its content as it is.
pub(crate) fn open_record_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)
}

/// Tells whether `file` is the file that `path` names now.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(named) => Ok(open.dev() == named.dev() && open.ino() == named.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads once at the start of `file`; returns the number of bytes.
pub(crate) fn read_at_start(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    file.read_at(buffer, 0)
}

/// Writes once at the start of `file`; returns the number of bytes.
pub(crate) fn write_at_start(file: &File, bytes: &[u8]) -> io::Result<usize> {
    file.write_at(bytes, 0)
}

/// Lists the processes that hold a lock of the kind we use on `file`, as `/proc/locks` tells (proc(5)). Those of another
/// container are left out. Where that cannot be read, nobody is listed.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn lock_holders(file: &File) -> Vec<u32> {
    let (Ok(table), Ok(metadata)) = (std::fs::read_to_string("/proc/locks"), file.metadata())
    else {
        return Vec::new();
    };
    let inode = metadata.ino().to_string();
    let holder = |line: &str| {
        // 1: FLOCK  ADVISORY  WRITE 1234 fe:00:123456 0 EOF
        let mut words = line.split_whitespace().skip(1);
        let is_ours = words.next() == Some("FLOCK");
        let pid = words.nth(2)?.parse().ok().filter(|pid| *pid > 0)?;
        let is_here = words.next()?.rsplit(':').next() == Some(&inode);
        (is_ours && is_here).then_some(pid)
    };
    table.lines().filter_map(holder).collect()
}

/// Lists nobody: this system does not tell who holds a lock.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn lock_holders(_file: &File) -> Vec<u32> {
    Vec::new()
}

/// Names the network file system that `path` (existing, canonical) is on; None if it is local.
///
/// The list of mounts is asked, not `statfs`, because it tells sshfs from other FUSE file
/// systems. Where there is no `/proc` the answer is "local".
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn network_file_system(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read("/proc/self/mountinfo") {
        Ok(table) => Ok(crate::network::network_mount(&table, path)),
        Err(error) => {
            tracing::warn!(
                target: crate::LOG,
                %error,
                "cannot read the list of mounts; taking the file system for a local one"
            );
            Ok(None)
        }
    }
}

/// Names the network file system that `path` (existing, canonical) is on; None if it is local.
#[cfg(target_os = "macos")]
pub(crate) fn network_file_system(path: &Path) -> io::Result<Option<String>> {
    /// `MNT_LOCAL` in `sys/mount.h`: the file system is stored locally.
    const MNT_LOCAL: u32 = 0x1000;
    let stat = rustix::fs::statfs(path)?;
    if stat.f_flags & MNT_LOCAL != 0 {
        return Ok(None);
    }
    let name = stat.f_fstypename.iter().take_while(|byte| **byte != 0);
    Ok(Some(
        name.map(|byte| char::from(byte.cast_unsigned())).collect(),
    ))
}

/// Takes every file system for a local one: this system is not asked.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
pub(crate) fn network_file_system(_path: &Path) -> io::Result<Option<String>> {
    Ok(None)
}
