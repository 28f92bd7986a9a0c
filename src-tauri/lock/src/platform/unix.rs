//! Unix: modes, device and inode, kind of file system.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::place::FileId;

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

/// Asks which file `path` leads to.
///
/// Does not ask for its times, as `metadata` would: since Linux 6.13 a file whose times somebody has seen gets exact ones
/// with its next write, each of which its next sync has to write down too (`filesystems/multigrain-ts`). A log that is
/// looked at before each commit would cost a third more to sync.
#[cfg(target_os = "linux")]
pub(crate) fn file_id(path: &Path) -> io::Result<Option<FileId>> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};
    match statx(CWD, path, AtFlags::empty(), StatxFlags::INO) {
        Ok(found) => Ok(Some(FileId {
            device: makedev(found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
        })),
        // Linux before 4.11, and sandboxes that do not know the call.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => file_id_by_metadata(path),
        Err(error) => Err(error.into()),
    }
}

/// Asks which file `path` leads to.
#[cfg(not(target_os = "linux"))]
pub(crate) fn file_id(path: &Path) -> io::Result<Option<FileId>> {
    file_id_by_metadata(path)
}

fn file_id_by_metadata(path: &Path) -> io::Result<Option<FileId>> {
    let metadata = std::fs::metadata(path)?;
    Ok(Some(FileId {
        device: metadata.dev(),
        inode: metadata.ino(),
    }))
}

/// Returns when a process started, in ticks since the boot (proc(5)); None if there is no such process.
#[cfg(target_os = "linux")]
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    // The name of the program, which may hold anything, ends at the last parenthesis.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(19)?.parse().ok()
}

/// Returns the path of a file called `name` that process `pid` has open and has locked for itself, as it sees it
/// (`/proc/<pid>/fd` and `fdinfo`, proc(5)). None if it has none, or if that cannot be found out.
#[cfg(target_os = "linux")]
pub(crate) fn held_file(pid: u32, name: &OsStr) -> Option<PathBuf> {
    let holds = |number: &OsStr| {
        let path = Path::new("/proc")
            .join(format!("{pid}/fdinfo"))
            .join(number);
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // lock:	1: FLOCK  ADVISORY  WRITE 1234 fe:00:123456 0 EOF
        text.lines()
            .filter(|line| line.starts_with("lock:"))
            .any(|line| line.contains(" FLOCK ") && line.contains(" WRITE "))
    };
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    open.flatten().find_map(|entry| {
        // A file that was removed has another name here: ` (deleted)` is added.
        let path = std::fs::read_link(entry.path()).ok()?;
        (path.file_name() == Some(name) && holds(&entry.file_name())).then_some(path)
    })
}

/// Returns a path that leads where `path` leads for process `pid`, which may have other mounts.
#[cfg(target_os = "linux")]
pub(crate) fn seen_by(pid: u32, path: &Path) -> PathBuf {
    let root = format!("/proc/{pid}/root");
    Path::new(&root).join(path.strip_prefix("/").unwrap_or(path))
}

/// Knows no start times: this system is not asked.
#[cfg(not(target_os = "linux"))]
pub(crate) fn start_time(_pid: u32) -> Option<u64> {
    None
}

/// Finds nothing: this system is not asked.
#[cfg(not(target_os = "linux"))]
pub(crate) fn held_file(_pid: u32, _name: &OsStr) -> Option<PathBuf> {
    None
}

/// Takes every process to have the same mounts.
#[cfg(not(target_os = "linux"))]
pub(crate) fn seen_by(_pid: u32, path: &Path) -> PathBuf {
    path.to_owned()
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

/// Says whether a process has `file` open (`/proc/<pid>/fd`, proc(5)); true if that cannot be found out, as of other users.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn may_have_open(pid: u32, file: &File) -> bool {
    let handles = std::fs::read_dir(format!("/proc/{pid}/fd"));
    let (Ok(ours), Ok(handles)) = (file.metadata(), handles) else {
        return true;
    };
    let is_ours =
        |theirs: std::fs::Metadata| (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino());
    handles
        .flatten()
        .any(|handle| std::fs::metadata(handle.path()).is_ok_and(is_ours))
}

/// Doubts nobody: this system lists nobody either.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn may_have_open(_pid: u32, _file: &File) -> bool {
    true
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

/// Names the kind of file system that `path` (existing, canonical) is on, if it is one of which nothing is known.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn doubtful_file_system(path: &Path) -> Option<String> {
    let table = std::fs::read("/proc/self/mountinfo").ok()?;
    crate::network::doubtful_mount(&table, path)
}

/// Doubts nothing: the system itself says what is local.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn doubtful_file_system(_path: &Path) -> Option<String> {
    None
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
