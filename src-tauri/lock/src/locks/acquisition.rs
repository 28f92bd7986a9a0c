//! What acquiring a lock exclusively has in common for all locks: the holder record and the refusal.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Shared;
use super::error::{AcquireError, LockName};
use crate::fail_point;
use crate::file::lock_file::LockFile;
use crate::file::wait::NotTaken;
use crate::identity::{Generation, Purpose};
use crate::liveness::life;
use crate::records::holder::{HolderRecord, SlotRecord, State};
use crate::records::slot::Slot;

/// A lock that is held exclusively, and its holder record.
///
/// Dropping it writes that the lock is free, then releases it. In this order, so that a record that says "held" beside a free
/// lock always means a dead holder.
#[derive(Debug)]
pub(super) struct RecordedLock {
    lock: LockFile,
    slot: Arc<Slot>,
    /// What the slot says now.
    record: Mutex<SlotRecord>,
}

impl RecordedLock {
    /// Writes the holder record of a lock that was just taken. A record that says "held" until then is of a dead holder,
    /// since we have the lock: it is counted and logged.
    pub(super) fn new(
        shared: &Shared,
        lock: LockFile,
        slot: &Arc<Slot>,
        generation: Generation,
        purpose: &Purpose,
    ) -> Self {
        let instance = &shared.instance;
        if let Some(dead) = slot.read().holder() {
            shared.leftovers.fetch_add(1, Ordering::Relaxed);
            tracing::info!(
                target: crate::LOG, instance = %instance.id(),
                dead = %dead.identity.instance, pid = dead.identity.pid, purpose = %dead.purpose,
                "cleared the record of a holder that died with the lock"
            );
        }
        let record = SlotRecord {
            state: State::Held,
            acquisition: shared.acquisitions.fetch_add(1, Ordering::Relaxed) + 1,
            holder: HolderRecord {
                identity: instance.identity.clone(),
                purpose: purpose.clone(),
                generation,
                epoch: None,
                since_ms: instance.clock.now_ms(),
            },
        };
        slot.write(&record);
        Self {
            lock,
            slot: Arc::clone(slot),
            record: Mutex::new(record),
        }
    }

    /// Adds the fencing number to the record.
    pub(super) fn note_epoch(&self, epoch: u64) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.holder.epoch = Some(epoch);
        self.slot.write(&record);
    }
}

impl Drop for RecordedLock {
    fn drop(&mut self) {
        let record = self
            .record
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        record.state = State::Free;
        self.slot.write(record);
        fail_point::reached("lock-given-back");
        self.lock.release_or_log();
        let HolderRecord {
            identity, purpose, ..
        } = &record.holder;
        tracing::debug!(target: crate::LOG, instance = %identity.instance, %purpose, "released a lock");
    }
}

/// Makes the refusal of a wait that ended without the lock, with the holder if its record can be believed.
pub(super) fn refusal(
    shared: &Shared,
    lock: LockName,
    path: &Path,
    slot: &Slot,
    waited: Duration,
    why: NotTaken,
) -> AcquireError {
    let instance = &shared.instance;
    tracing::debug!(target: crate::LOG, instance = %instance.id(), ?waited, ?why, "did not take the {lock}");
    let path = path.to_owned();
    if why == NotTaken::GaveUp {
        return AcquireError::GaveUp { lock, path, waited };
    }
    let reading = slot.read();
    let holder = reading
        .holder()
        .filter(|holder| life::is_alive(&instance.paths, &holder.identity.instance));
    let held_for = holder.map(|holder| {
        let ms = instance.clock.now_ms().saturating_sub(holder.since_ms);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    });
    AcquireError::TimedOut {
        lock,
        path,
        waited,
        holder: holder.cloned().map(Box::new),
        held_for,
    }
}
