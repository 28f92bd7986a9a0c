//! Clearing what dead instances left. Each step holds the lock whose record it clears.

use crate::file::lock_file::{LockFile, Mode};
use crate::file::wait::Wait;
use crate::identity::Purpose;
use crate::liveness::holder_state::HolderState;
use crate::liveness::sweep;
use crate::locks::Locks;
use crate::locks::error::AcquireError;
use crate::records::holder::{HolderRecord, Reading, State};
use crate::records::slot::Slot;

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
    /// The same happens by itself when the next instance writes or opens the store; this is for callers who want it now.
    ///
    /// # Errors
    /// As [`Locks::acquire_write`], if the record of a dead holder of the write lock is to be cleared and another instance
    /// has just taken the lock: then that one clears it.
    pub fn clear_leftovers(&self, wait: Wait<'_>) -> Result<Cleared, AcquireError> {
        let shared = &self.shared;
        let mut cleared = Cleared::default();
        if let HolderState::Leftover(dead) = self.holder() {
            // Taking the lock clears the record of the holder that died with it.
            let purpose = Purpose::of_maintenance("clear leftovers");
            self.acquire_write(&purpose, wait)?.release();
            cleared.holders.push(dead);
        }
        let paths = &shared.instance.paths;
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
        cleared.instances = sweep::sweep(paths);
        shared.line.sweep();
        Ok(cleared)
    }
}

/// Writes that a lock is free if its record says otherwise. Only for a caller that holds the lock.
fn clear_slot(slot: &Slot) -> Option<HolderRecord> {
    let reading = slot.read();
    let dead = reading.holder()?.clone();
    if let Reading::Record(mut record) = reading {
        record.state = State::Free;
        slot.write(&record);
    }
    Some(dead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locks::testing::{NO_WAIT, open, opened, take};
    use crate::recovery::inspect::look;

    /// Leaves what an instance leaves that is killed while it has the store alone and the write lock.
    fn leave_dead(dir: &std::path::Path) {
        let locks = open(dir);
        let lock = take(&locks);
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
        let locks = open(folder.path());
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
        let (_folder, [holder, other]) = opened();
        let lock = take(&holder);
        let _share = holder.share_store(NO_WAIT).unwrap();
        assert_eq!(other.clear_leftovers(NO_WAIT).unwrap(), Cleared::default());
        assert!(matches!(other.holder(), HolderState::Held(_)));
        lock.release();
    }
}
