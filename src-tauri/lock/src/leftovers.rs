//! Clearing what dead instances left. Every act here holds the lock that it clears the record of.

use crate::error::AcquireError;
use crate::holder::{self, HolderRecord, HolderState};
use crate::identity::Purpose;
use crate::life;
use crate::lock_file::{LockFile, Mode};
use crate::locks::Locks;
use crate::slot::{Reading, Slot, State};
use crate::ticket;
use crate::wait::Wait;

/// What was cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Holders that died with a lock.
    pub holders: Vec<HolderRecord>,
    /// Dead instances whose files were removed.
    pub instances: usize,
}

impl Locks {
    /// Removes the records of dead instances and the holder records that they left, waiting as `wait` says for the write
    /// lock. Never touches a lock that is held, and never removes a lock file.
    ///
    /// The same happens by itself when the next instance writes or opens the store; this is for who wants it now.
    ///
    /// # Errors
    /// As [`Locks::acquire_write`], if the record of a dead holder of the write lock is to be cleared and another
    /// instance has just taken the lock: then that one clears it.
    pub fn clear_leftovers(&self, wait: Wait<'_>) -> Result<Cleared, AcquireError> {
        let shared = &self.shared;
        let mut cleared = Cleared::default();
        if let HolderState::Leftover(dead) = self.holder() {
            // Taking the lock clears the record of who died with it.
            self.acquire_write(&clearing(), wait)?.release();
            cleared.holders.push(dead);
        }
        let paths = &shared.paths;
        for (path, slot) in [
            (paths.store_lock(), &shared.store_slot),
            (paths.store_gate(), &shared.gate_slot),
        ] {
            let mut lock = LockFile::open(&path)?;
            if lock.try_take(Mode::Exclusive)? {
                cleared.holders.extend(clear_slot(slot));
                lock.release()?;
            }
        }
        cleared.instances = life::sweep(paths);
        ticket::sweep(&shared.side().line, |id| life::is_alive(paths, id));
        Ok(cleared)
    }
}

fn clearing() -> Purpose {
    Purpose {
        client: String::new(),
        kind: "clear leftovers".to_owned(),
        requests: 0,
        progress: None,
    }
}

/// Writes that a lock is free if its record says otherwise. Only for who holds the lock.
fn clear_slot(slot: &Slot) -> Option<HolderRecord> {
    let reading = slot.read();
    let dead = holder::held(&reading)?.clone();
    if let Reading::Record(mut record) = reading {
        record.state = State::Free;
        slot.write(&record);
    }
    Some(dead)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::inspect::look;
    use crate::testing;

    const NO_WAIT: Wait<'static> = Wait {
        timeout: Duration::ZERO,
        keep_waiting: &|| true,
    };

    /// Leaves what an instance leaves that is killed while it has the store alone and the write lock.
    fn leave_dead(dir: &std::path::Path) {
        let locks = testing::open(dir);
        let lock = locks.acquire_write(&testing::purpose(), NO_WAIT).unwrap();
        let alone = locks.take_store("restore", NO_WAIT).unwrap();
        let kept: Vec<_> = ["write", "store", "store.gate"]
            .map(|name| dir.join(format!("{name}.holder.json")))
            .map(|path| (std::fs::read(&path).unwrap(), path))
            .into();
        drop((lock, alone, locks));
        for (record, path) in kept {
            std::fs::write(path, record).unwrap();
        }
    }

    #[test]
    fn records_of_the_dead_are_cleared_and_named() {
        let folder = tempfile::tempdir().unwrap();
        leave_dead(folder.path());
        let locks = testing::open(folder.path());
        let cleared = locks.clear_leftovers(NO_WAIT).unwrap();
        let kinds: Vec<_> = cleared
            .holders
            .iter()
            .map(|dead| &dead.purpose.kind)
            .collect();
        assert_eq!(kinds, ["store", "restore", "restore"]);
        let found = look(folder.path()).unwrap();
        for lock in [found.write, found.store, found.gate] {
            assert_eq!(lock.unwrap().state, HolderState::Free);
        }
        assert_eq!(locks.clear_leftovers(NO_WAIT).unwrap(), Cleared::default());
    }

    #[test]
    fn a_lock_that_is_held_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (holder, clerk) = (testing::open(folder.path()), testing::open(folder.path()));
        let lock = holder.acquire_write(&testing::purpose(), NO_WAIT).unwrap();
        let _share = holder.share_store(NO_WAIT).unwrap();
        assert_eq!(clerk.clear_leftovers(NO_WAIT).unwrap(), Cleared::default());
        assert!(matches!(clerk.holder(), HolderState::Held(_)));
        lock.release();
    }
}
