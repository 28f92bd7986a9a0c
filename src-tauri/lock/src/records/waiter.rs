//! The record of a call that waits for the write lock.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::PathError;
use crate::file::json::{self, remove};
use crate::file::paths::{self, Paths};
use crate::identity::{Identity, InstanceId, Purpose};

/// Describes one call that waits for the write lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiterRecord {
    /// The waiting instance.
    pub identity: Identity,
    /// What it wants the lock for.
    pub purpose: Purpose,
    /// When it began to wait, in unix milliseconds by its own clock.
    pub since_ms: i64,
    /// Its place in line: the names of tickets sort in the order in which they are served. None if it has no place.
    #[serde(default)]
    pub ticket: Option<String>,
    /// Whether its instance is alive. False for a record that a dead one left and nobody has removed yet.
    #[serde(default)]
    pub alive: bool,
}

/// Shows a wait to others for as long as it lives.
#[derive(Debug)]
pub(crate) struct AnnouncedWait {
    path: PathBuf,
}

impl AnnouncedWait {
    /// Writes the record. A failure is only logged: the wait goes on unseen. `n` tells the waits of one instance apart.
    pub(crate) fn announce(paths: &Paths, n: u64, record: &WaiterRecord) -> Self {
        let path = paths.waiter_record(&record.identity.instance, n);
        if let Err(error) = json::replace(&path, record) {
            tracing::warn!(target: crate::LOG, %error, "others cannot see that we wait");
        }
        Self { path }
    }
}

impl Drop for AnnouncedWait {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Lists who waits, in the order in which they are served; who has no ticket comes after those who have, and records of dead
/// instances come last. Removes nothing.
pub(crate) fn list(
    paths: &Paths,
    is_alive: impl Fn(&InstanceId) -> bool,
) -> Result<Vec<WaiterRecord>, PathError> {
    let dir = paths.waiters();
    let names = paths::file_names(&dir)?;
    let read = |name: &String| {
        let id = paths::instance_of_waiter(name).filter(|_| name.ends_with(paths::RECORD))?;
        let record: WaiterRecord = json::read(&dir.join(name))?;
        (record.identity.instance == id).then(|| WaiterRecord {
            alive: is_alive(&id),
            ..record
        })
    };
    let mut waiters: Vec<_> = names.iter().filter_map(read).collect();
    waiters.sort_by_key(|waiter| {
        let place = (waiter.ticket.is_none(), waiter.ticket.clone());
        (!waiter.alive, place, waiter.since_ms)
    });
    Ok(waiters)
}
