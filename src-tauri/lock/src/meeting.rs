//! Whether our locks meet those of others who see the same directory.
//!
//! One directory may be reached through two file systems: its own, and one that passes every file through (a FUSE mount,
//! a folder shared with a virtual machine, a layer of an overlay). Names and contents are then the same on both sides,
//! but locks and shared memory are not, and both sides would write at once. No list of file systems can tell that.
//!
//! What tells it is a lock that somebody has and that we could take all the same: the life lock of an instance. That is a
//! proof only if the instance really has it, and here:
//! - the process of its record has that very file open, under its name, and locked, as the system says;
//! - a file that we make in our directory appears in the directory of that file, as that process sees it.
//!
//! The second part keeps a store apart that was copied together with its records. Where nothing can be asked (another
//! container or machine, another system than Linux), nothing is proven, and the instance counts as dead as before. If it
//! lives, it finds its own life lock gone when it writes next, and stops.

use std::path::{Path, PathBuf};

use crate::error::OpenError;
use crate::identity::{Identity, InstanceId};
use crate::instances::InstanceRecord;
use crate::life;
use crate::paths::Paths;
use crate::platform;
use crate::record;

/// Refuses a directory in which an instance is alive whose locks do not stop ours.
pub(crate) fn refuse_apart(paths: &Paths) -> Result<(), OpenError> {
    for id in life::known(paths)? {
        if life::is_alive(paths, &id) {
            continue;
        }
        if let Some((other, other_path)) = find_apart(paths, &id) {
            return Err(OpenError::LocksApart {
                path: paths.dir().to_owned(),
                other_path,
                other: Box::new(other.identity),
            });
        }
    }
    Ok(())
}

/// Says whether an instance whose life lock is free is alive all the same. Not for who has taken that lock.
pub(crate) fn is_apart(paths: &Paths, id: &InstanceId) -> bool {
    find_apart(paths, id).is_some()
}

/// Returns the record of a living instance whose lock we could take, and its lock directory as it sees it.
fn find_apart(paths: &Paths, id: &InstanceId) -> Option<(InstanceRecord, PathBuf)> {
    let record: InstanceRecord = record::read(&paths.instance_record(id))?;
    let Identity {
        instance,
        pid,
        start_time,
        ..
    } = &record.identity;
    // Its pid may have come to another process since, even to this one, which looks into the same file.
    if instance != id || *pid == std::process::id() || platform::start_time(*pid) != *start_time {
        return None;
    }
    let name = paths.life_lock(id);
    let held = platform::held_file(*pid, name.file_name()?)?;
    let instances = held.parent()?;
    if !shows_up(paths, &platform::seen_by(*pid, instances)) {
        return None;
    }
    let dir = instances.parent().unwrap_or(instances).to_owned();
    Some((record, dir))
}

/// Says whether a file that is made in our directory of instances appears in `there`.
fn shows_up(paths: &Paths, there: &Path) -> bool {
    let name = format!("{}.probe", InstanceId::random());
    let probe = paths.instances().join(&name);
    let made = platform::open_record_file(&probe);
    let is_there = made.is_ok() && there.join(&name).exists();
    if made.is_ok() {
        record::remove(&probe);
    }
    is_there
}
