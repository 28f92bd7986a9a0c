//! Who waits for the write lock.

use serde::{Deserialize, Serialize};

use crate::identity::{Identity, Purpose};
use crate::life;
use crate::locks::{Locks, Shared};
use crate::paths;
use crate::record::{self, remove};

/// Describes one call that waits for the write lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiterRecord {
    /// The waiting instance.
    pub identity: Identity,
    /// What it wants the lock for.
    pub purpose: Purpose,
    /// When it began to wait, in unix milliseconds by its own clock.
    pub since_ms: i64,
    /// Its place in line: the names of tickets sort in the order in which they are served. None if it stands in none.
    #[serde(default)]
    pub ticket: Option<String>,
    /// Whether its instance is alive. False only for a dead one's record that could not be
    /// removed.
    #[serde(default)]
    pub alive: bool,
}

impl Locks {
    /// Lists who waits for the write lock, in the order in which they will be served.
    ///
    /// Records of dead instances are removed on the way. A call that gets the lock at once never
    /// appears here, and one that has just got it may still do so.
    #[must_use]
    pub fn waiters(&self) -> Vec<WaiterRecord> {
        let dir = self.shared.paths.waiters();
        let names = paths::file_names(&dir).unwrap_or_else(|error| {
            tracing::warn!(target: crate::LOG, %error, "cannot list the waiters");
            Vec::new()
        });
        let mut waiters: Vec<_> = names.iter().filter_map(|name| self.waiter(name)).collect();
        waiters.sort_by_key(WaiterRecord::place);
        waiters
    }

    /// Reads one waiter record; removes it if its instance is dead.
    fn waiter(&self, file_name: &str) -> Option<WaiterRecord> {
        let id = paths::instance_of_waiter(file_name)?;
        let path = self.shared.paths.waiters().join(file_name);
        let is_alive = life::is_alive(&self.shared.paths, &id);
        if !is_alive {
            remove(&path);
        }
        if (!is_alive && !path.exists()) || !file_name.ends_with(paths::RECORD) {
            return None;
        }
        let record: WaiterRecord = record::read(&path)?;
        (record.identity.instance == id).then_some(WaiterRecord {
            alive: is_alive,
            ..record
        })
    }
}

impl WaiterRecord {
    /// Sorts waiters in the order in which they are served; who stands in no line comes last.
    pub(crate) fn place(&self) -> (bool, Option<String>, i64) {
        (self.ticket.is_none(), self.ticket.clone(), self.since_ms)
    }
}

/// Shows a wait to others for as long as it lives.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    shared: &'a Shared,
    n: u64,
}

impl<'a> Waiting<'a> {
    /// Writes the record. A failure is only logged: the wait goes on unseen.
    ///
    /// `n` tells the waits of this instance apart.
    pub(crate) fn announce(
        shared: &'a Shared,
        purpose: &Purpose,
        n: u64,
        ticket: Option<&str>,
    ) -> Self {
        let waiting = Self { shared, n };
        let id = &shared.identity.instance;
        let record = WaiterRecord {
            identity: shared.identity.clone(),
            purpose: purpose.clone(),
            since_ms: shared.clock.now_ms(),
            ticket: ticket.map(str::to_owned),
            alive: true,
        };
        let new = shared.paths.waiter_record_new(id, waiting.n);
        let path = shared.paths.waiter_record(id, waiting.n);
        if let Err(error) = record::write(&new, &path, &record) {
            tracing::warn!(target: crate::LOG, %error, "others cannot see that we wait");
        }
        waiting
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let id = &self.shared.identity.instance;
        remove(&self.shared.paths.waiter_record_new(id, self.n));
        remove(&self.shared.paths.waiter_record(id, self.n));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::identity::InstanceId;
    use crate::testing::{self, SetClock};

    #[test]
    fn waits_are_listed_the_longest_first_and_only_while_they_last() {
        let folder = tempfile::tempdir().unwrap();
        let clock = SetClock::at(5_000);
        let locks =
            Locks::open_with_clock(folder.path(), testing::identity(), clock.clone()).unwrap();
        let purpose = |client: &str| Purpose {
            client: client.into(),
            ..testing::purpose()
        };
        let late = Waiting::announce(&locks.shared, &purpose("late"), 1, None);
        clock.set(4_000);
        let early = Waiting::announce(&locks.shared, &purpose("early"), 2, None);
        let waiters = locks.waiters();
        let names: Vec<_> = waiters
            .iter()
            .map(|waiter| waiter.purpose.client.as_str())
            .collect();
        assert_eq!(names, ["early", "late"]);
        assert!(waiters.iter().all(|waiter| waiter.alive));
        drop((late, early));
        assert_eq!(locks.waiters(), []);
        assert_eq!(
            fs::read_dir(folder.path().join("waiters")).unwrap().count(),
            0
        );
    }

    #[test]
    fn the_records_of_a_dead_waiter_are_removed_on_sight() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let dead = InstanceId::random();
        let record = locks.shared.paths.waiter_record(&dead, 1);
        let half_written = locks.shared.paths.waiter_record_new(&dead, 2);
        let foreign = folder.path().join("waiters/notes.json");
        for path in [&record, &half_written, &foreign] {
            fs::write(path, "garbage").unwrap();
        }
        assert_eq!(locks.waiters(), []);
        assert!(!record.exists() && !half_written.exists());
        assert!(
            foreign.exists(),
            "a file that names no instance is not ours to remove"
        );
    }

    #[test]
    fn a_damaged_record_of_a_living_waiter_is_skipped_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let path = locks
            .shared
            .paths
            .waiter_record(&locks.identity().instance, 1);
        for damaged in ["", "{", "{\"since_ms\":1}"] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(locks.waiters(), []);
            assert!(path.exists());
        }
    }
}
