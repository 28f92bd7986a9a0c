//! What the operating system says about other processes: `/proc` on Linux (proc(5)), nothing elsewhere.

use std::fs::File;
#[cfg(target_os = "linux")]
use std::{
    ffi::OsStr,
    fs::{self, Metadata},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Lists the processes that hold a lock of the kind we use on an open file, whether they are ours or not. Empty where the
/// system does not say, and for processes of another container.
#[must_use]
#[cfg(target_os = "linux")]
pub fn lock_holders(file: &File) -> Vec<u32> {
    let (Ok(table), Ok(metadata)) = (fs::read_to_string("/proc/locks"), file.metadata()) else {
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
    // The table names files by inode only, and two file systems may use the same one.
    table
        .lines()
        .filter_map(holder)
        .filter(|pid| may_have_open(*pid, &metadata))
        .collect()
}

/// Lists nobody: this system does not say who holds a lock.
#[must_use]
#[cfg(not(target_os = "linux"))]
pub fn lock_holders(_file: &File) -> Vec<u32> {
    Vec::new()
}

/// Tells whether a process has a file open; true if that cannot be found out, as for processes of other users.
#[cfg(target_os = "linux")]
fn may_have_open(pid: u32, ours: &Metadata) -> bool {
    let Ok(handles) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return true;
    };
    let is_ours = |theirs: Metadata| (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino());
    handles
        .flatten()
        .any(|handle| fs::metadata(handle.path()).is_ok_and(is_ours))
}

/// Returns when a process started, in ticks since boot; None if there is no such process.
#[cfg(target_os = "linux")]
pub(super) fn start_time(pid: u32) -> Option<u64> {
    // The name of the program, which may hold anything, ends at the last parenthesis.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(19)?.parse().ok()
}

/// Returns the path of a file called `name` that process `pid` has open and exclusively locked, as it sees it. None if it
/// has none, or if that cannot be found out.
#[cfg(target_os = "linux")]
pub(super) fn held_file(pid: u32, name: &OsStr) -> Option<PathBuf> {
    let holds = |number: &OsStr| {
        let path = Path::new("/proc")
            .join(format!("{pid}/fdinfo"))
            .join(number);
        let text = fs::read_to_string(path).unwrap_or_default();
        // lock:	1: FLOCK  ADVISORY  WRITE 1234 fe:00:123456 0 EOF
        text.lines()
            .filter(|line| line.starts_with("lock:"))
            .any(|line| line.contains(" FLOCK ") && line.contains(" WRITE "))
    };
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    open.flatten().find_map(|entry| {
        // A file that was removed has another name here: ` (deleted)` is added.
        let path = fs::read_link(entry.path()).ok()?;
        (path.file_name() == Some(name) && holds(&entry.file_name())).then_some(path)
    })
}

/// Returns a path that leads where `path` leads for process `pid`, which may have other mounts.
#[cfg(target_os = "linux")]
pub(super) fn seen_by(pid: u32, path: &Path) -> PathBuf {
    let root = format!("/proc/{pid}/root");
    Path::new(&root).join(path.strip_prefix("/").unwrap_or(path))
}
