//! Which instances have the store open.

use std::path::{Path, PathBuf};

use super::life;
use crate::error::{OpenError, PathError};
use crate::file::network;
use crate::file::paths::{self, Paths};
use crate::identity::{Identity, InstanceId};
use crate::records::instance::InstanceRecord;

/// Returns the directory of the instances' files, sockets included, for the lock directory `dir`.
#[must_use]
pub fn instances_dir(dir: &Path) -> PathBuf {
    dir.join(paths::INSTANCES)
}

/// Tells whether the instance holds its life lock, for programs that only look. "No" if that cannot be found out: the caller
/// is about to trust the instance.
#[must_use]
pub fn is_proved_alive(dir: &Path, instance: &InstanceId) -> bool {
    Paths::new(dir).is_ok_and(|paths| life::is_proved_alive(&paths, instance))
}

/// Lists the living instances of the lock directory `dir`, the oldest first, for programs that
/// only look.
///
/// Creates, changes and removes nothing. A directory that does not exist has no instances.
///
/// # Errors
/// [`OpenError::NetworkFileSystem`] as for [`Locks::open`]; [`OpenError::Io`] if the directory
/// cannot be read.
pub fn live_instances(dir: &Path) -> Result<Vec<InstanceRecord>, OpenError> {
    network::refuse_network(dir)?;
    let paths = Paths::new(dir)?;
    Ok(list(&paths)?)
}

/// Lists the living instances that have a readable record, the oldest first.
pub(crate) fn list(paths: &Paths) -> Result<Vec<InstanceRecord>, PathError> {
    let alive = life::known(paths)?
        .into_iter()
        .filter(|id| life::is_alive(paths, id));
    let mut records: Vec<_> = alive
        .filter_map(|id| InstanceRecord::read(paths, &id))
        .collect();
    records.sort_by(|a, b| {
        (a.since_ms, &a.identity.instance).cmp(&(b.since_ms, &b.identity.instance))
    });
    Ok(records)
}

/// Finds the instance behind a list of pids, if there is exactly one.
pub(crate) fn the_only_one(instances: &[InstanceRecord], pids: &[u32]) -> Option<Identity> {
    let mut found = instances
        .iter()
        .map(|instance| &instance.identity)
        .filter(|identity| pids.contains(&identity.pid));
    let first = found.next()?;
    found.next().is_none().then(|| first.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn looking_creates_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("locks");
        assert_eq!(live_instances(&missing).unwrap(), []);
        assert!(!missing.exists());
    }

    #[test]
    fn a_holder_without_a_record_is_found_if_it_is_the_only_one() {
        let record = |pid| {
            let identity = testing::identity();
            InstanceRecord::new(Identity { pid, ..identity }, 1)
        };
        let instances = [record(7), record(8), record(8)];
        let found = |pids: &[u32]| the_only_one(&instances, pids).map(|identity| identity.pid);
        assert_eq!(found(&[7]), Some(7));
        assert_eq!(found(&[8]), None, "two instances of one process");
        assert_eq!(found(&[7, 8]), None);
        assert_eq!(found(&[]), None);
    }
}
