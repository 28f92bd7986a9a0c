//! Whether our locks exclude everybody who sees the same directory.
//!
//! One directory may be reached through two file systems: its own, and one that passes every file through (a FUSE mount, a
//! folder shared with a virtual machine, a layer of an overlay). Names and contents are then the same on both sides, but locks
//! and shared memory are not, and both sides would write at once. No list of file systems can rule that out.
//!
//! The sign of it is a lock that somebody holds and that we could take all the same: the life lock of an instance. It is
//! proved only if the instance really holds it, and here:
//! - the process of its record has that very file open, under its name, and locked, as the system says;
//! - a file that we make in our directory appears in the directory of that file, as that process sees it.
//!
//! The second part rules out a store that was copied together with its records. Where nothing can be asked (another container
//! or machine, a system other than Linux), nothing is proved, and the instance counts as dead as before. If it lives, it
//! finds its own life lock gone when it writes next, and stops.

use std::path::PathBuf;

use super::life;
use crate::error::OpenError;
use crate::file::paths::Paths;
use crate::identity::{Identity, InstanceId};

/// Refuses a directory in which an instance is alive whose locks do not exclude ours.
pub(crate) fn refuse_apart(paths: &Paths) -> Result<(), OpenError> {
    for id in life::known(paths)? {
        if life::is_alive(paths, &id) {
            continue;
        }
        if let Some((other, other_path)) = find_apart(paths, &id) {
            return Err(OpenError::LocksApart {
                path: paths.dir().to_owned(),
                other_path,
                other: Box::new(other),
            });
        }
    }
    Ok(())
}

/// Tells whether an instance whose life lock is free is alive all the same. Not for a caller that has taken that lock.
pub(super) fn is_apart(paths: &Paths, id: &InstanceId) -> bool {
    find_apart(paths, id).is_some()
}

/// Returns a living instance whose lock we could take, and its lock directory as it sees it.
#[cfg(target_os = "linux")]
fn find_apart(paths: &Paths, id: &InstanceId) -> Option<(Identity, PathBuf)> {
    use super::process;
    let other = crate::records::instance::InstanceRecord::read(paths, id)?.identity;
    let pid = other.pid;
    // Its pid may have been reused since, even by this process, which looks into the same file.
    if pid == std::process::id() || process::start_time(pid) != other.start_time {
        return None;
    }
    let held = process::held_file(pid, paths.life_lock(id).file_name()?)?;
    let instances = held.parent()?;
    if !shows_up(paths, &process::seen_by(pid, instances)) {
        return None;
    }
    let dir = instances.parent().unwrap_or(instances).to_owned();
    Some((other, dir))
}

/// Proves nothing: this system does not say what another process has open.
#[cfg(not(target_os = "linux"))]
fn find_apart(_paths: &Paths, _id: &InstanceId) -> Option<(Identity, PathBuf)> {
    None
}

/// Tells whether a file that is made in our directory of instances appears in `there`.
#[cfg(target_os = "linux")]
fn shows_up(paths: &Paths, there: &std::path::Path) -> bool {
    use crate::file::{json, platform};
    let name = format!("{}.probe", InstanceId::random());
    let probe = paths.instances().join(&name);
    let made = platform::open_record_file(&probe);
    let is_there = made.is_ok() && there.join(&name).exists();
    if made.is_ok() {
        json::remove(&probe);
    }
    is_there
}
