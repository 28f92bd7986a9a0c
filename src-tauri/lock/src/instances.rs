//! Which instances have the store open.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{OpenError, PathError};
use crate::identity::{Identity, InstanceId};
use crate::life;
use crate::locks::Locks;
use crate::network;
use crate::paths::{self, Paths};
use crate::place::FileId;
use crate::record;

/// Describes an instance that has the store open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceRecord {
    /// Who it is.
    #[serde(flatten)]
    pub identity: Identity,
    /// When it opened the store, in unix milliseconds by its own clock.
    pub since_ms: i64,
    /// Where it serves the dashboard; None if it does not serve, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where it serves MCP; None if it does not serve, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_url: Option<String>,
    /// The file that it has open, as the layer above noted it; None if it did not, or if files have no numbers there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    /// Its local socket, see [`Served::socket`]; None if it has none, as hosts of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// The network that its addresses are of, see [`Served::network`]; None if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// Where an instance serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Address of the dashboard.
    pub url: String,
    /// Address of MCP.
    pub mcp_url: String,
    /// Local socket that only this user can bind and reach: a name in [`instances_dir`], so that it is found wherever
    /// the directory is mounted; or a whole path, or the name of a pipe. None if there is none.
    pub socket: Option<String>,
    /// Names the set of network addresses that the two addresses are of: a container has its own. None if the system
    /// has no such thing.
    pub network: Option<String>,
}

/// Returns the directory of the instances' files, sockets included, for the lock directory `dir`.
#[must_use]
pub fn instances_dir(dir: &Path) -> PathBuf {
    dir.join(paths::INSTANCES)
}

/// Tells whether the instance holds its life lock, for programs that only look. "No" if that cannot be found out: who asks
/// is about to trust it.
#[must_use]
pub fn is_proved_alive(dir: &Path, instance: &InstanceId) -> bool {
    Paths::new(dir).is_ok_and(|paths| life::is_proved_alive(&paths, instance))
}

impl Locks {
    /// Lists the living instances, this one included, the oldest first.
    ///
    /// An instance that is just starting and has no readable record yet is left out. A directory
    /// that cannot be read gives an empty list and a line in the log.
    #[must_use]
    pub fn instances(&self) -> Vec<InstanceRecord> {
        list(&self.shared.paths).unwrap_or_else(|error| {
            tracing::warn!(target: crate::LOG, %error, "cannot list the instances");
            Vec::new()
        })
    }

    /// Tells whether `instance` still has the store open. "Yes" also if that cannot be found
    /// out, and for an instance that has just opened it and has no record yet.
    #[must_use]
    pub fn is_instance_alive(&self, instance: &InstanceId) -> bool {
        life::is_alive(&self.shared.paths, instance)
    }
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
    let paths = Paths::new(dir).map_err(PathError::of("find", dir))?;
    Ok(list(&paths)?)
}

pub(crate) fn list(paths: &Paths) -> Result<Vec<InstanceRecord>, PathError> {
    let alive = life::known(paths)?
        .into_iter()
        .filter(|id| life::is_alive(paths, id));
    let mut records: Vec<InstanceRecord> = alive
        .filter_map(|id| {
            let record: InstanceRecord = record::read(&paths.instance_record(&id))?;
            // A record under a foreign name proves nothing.
            (record.identity.instance == id).then_some(record)
        })
        .collect();
    records.sort_by(|a, b| {
        (a.since_ms, &a.identity.instance).cmp(&(b.since_ms, &b.identity.instance))
    });
    Ok(records)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing::{self, SetClock};

    #[test]
    fn living_instances_are_listed_in_the_order_of_their_opening() {
        let folder = tempfile::tempdir().unwrap();
        let at = |ms| {
            Locks::open_with_clock(folder.path(), testing::identity(), SetClock::at(ms)).unwrap()
        };
        let (late, early) = (at(2_000), at(1_000));
        late.announce(testing::served()).unwrap();
        let found = early.instances();
        assert_eq!(
            found.iter().map(|i| i.since_ms).collect::<Vec<_>>(),
            [1_000, 2_000]
        );
        assert_eq!(found[0].url, None);
        let served = testing::served();
        assert_eq!(found[1].mcp_url, Some(served.mcp_url));
        assert_eq!(found[1].socket, served.socket);
        assert_eq!(found[1].network, served.network);
        assert_eq!(&found[1].identity, late.identity());
        assert_eq!(live_instances(folder.path()).unwrap(), found);
        let late_id = late.identity().instance.clone();
        assert!(early.is_instance_alive(&late_id));
        assert!(is_proved_alive(folder.path(), &late_id));
        drop(late);
        assert!(!is_proved_alive(folder.path(), &late_id));
        assert_eq!(early.instances().len(), 1, "who has left is not listed");
        assert!(!early.is_instance_alive(&late_id));
    }

    #[test]
    fn who_only_looks_creates_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("locks");
        assert_eq!(live_instances(&missing).unwrap(), []);
        assert!(!missing.exists());
    }

    #[test]
    fn records_of_the_dead_of_newer_programs_and_damaged_ones_are_read_with_doubt() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let paths = Paths::new(folder.path()).unwrap();
        let dead = testing::identity();
        let json = format!(
            r#"{{"instance":"{}","pid":1,"host_name":"a","program":"commonplace","version":"9",
            "role":"serve","since_ms":1,"shoe_size":44}}"#,
            dead.instance
        );
        let record = paths.instance_record(&dead.instance);
        fs::write(&record, &json).unwrap();
        fs::write(paths.life_lock(&dead.instance), "").unwrap();
        assert_eq!(
            locks.instances().len(),
            1,
            "no life lock is held, so it is dead"
        );

        let life_lock = fs::File::open(paths.life_lock(&dead.instance)).unwrap();
        fs4::FileExt::lock(&life_lock).unwrap();
        let found = locks.instances();
        assert_eq!(
            found.len(),
            2,
            "a newer program's record is understood as far as it goes"
        );
        assert_eq!(found[0].identity.version, "9");
        assert_eq!(
            found[0].socket, None,
            "what an older program does not say is not known"
        );

        for damaged in [
            "",
            "{",
            "[]",
            "\u{0}",
            &json[..40],
            &json.replace("\"pid\":1", "\"pid\":-1"),
        ] {
            fs::write(&record, damaged).unwrap();
            assert_eq!(locks.instances().len(), 1, "`{damaged}` is no record");
        }
        let foreign = json.replace(
            dead.instance.as_str(),
            testing::identity().instance.as_str(),
        );
        fs::write(&record, foreign).unwrap();
        assert_eq!(
            locks.instances().len(),
            1,
            "a record must carry the id of its file"
        );
    }
}
