//! The store lock: shared by every instance that has the store open, exclusive for one that must be alone with it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::acquisition::{RecordedLock, refusal};
use super::error::{AcquireError, LockName};
use super::{Locks, Shared};
use crate::file::lock_file::{self, LockFile, Mode};
use crate::file::place::FileId;
use crate::file::wait::{NotTaken, Wait};
use crate::identity::Purpose;
use crate::liveness::instances;
use crate::liveness::life::LifeLost;
use crate::records::slot::Slot;

/// Proves that nobody else has the store exclusively. Dropping it releases the share.
#[must_use = "dropping it releases the share of the store at once"]
#[derive(Debug)]
pub struct SharedStoreLock {
    shared: Arc<Shared>,
    lock: LockFile,
}

/// Proves that no other instance has the store open. Dropping it releases the store.
#[must_use = "dropping it releases the store at once"]
#[derive(Debug)]
pub struct ExclusiveStoreLock {
    /// Released first, then the gate: the instance must count as alive for as long as it holds them.
    _lock: RecordedLock,
    /// None if somebody else had the gate: the lock alone keeps everybody out.
    _gate: Option<RecordedLock>,
    _shared: Arc<Shared>,
}

/// First time for which the gate is closed. Enough for a command that is just finishing.
const CLOSED_FIRST: Duration = Duration::from_millis(100);
/// Longest time for which it is closed, and so the longest that a wait for exclusive use keeps newcomers outside.
const CLOSED_MAX: Duration = Duration::from_secs(1);
/// How much longer it is open before it is closed again.
const OPEN_FACTOR: u32 = 4;

impl Locks {
    /// Takes a share of the store, waiting as `wait` says. Blocks the calling thread.
    ///
    /// Keep it for as long as the store is open. Shares do not exclude each other. A call that comes while somebody waits
    /// for exclusive use may wait a moment behind the gate, at most [`CLOSED_MAX`].
    ///
    /// # Errors
    /// [`AcquireError::TimedOut`] if an instance uses the store exclusively (migration, restore, compaction), or is stopped
    /// with the gate closed, until the time is up; [`AcquireError::GaveUp`] and [`AcquireError::Io`] as for
    /// [`Locks::acquire_write`].
    pub fn share_store(&self, wait: Wait<'_>) -> Result<SharedStoreLock, AcquireError> {
        let shared = &self.shared;
        let started = Instant::now();
        let share = |path: &Path, slot: &Slot| {
            take(shared, path, Mode::Shared, wait, started)?
                .map_err(|why| refusal(shared, LockName::Store, path, slot, started.elapsed(), why))
        };
        let paths = &shared.instance.paths;
        let gate = share(&paths.store_gate(), &shared.gate_slot)?;
        let lock = share(&paths.store_lock(), &shared.store_slot)?;
        gate.release()?;
        Ok(SharedStoreLock {
            shared: Arc::clone(shared),
            lock,
        })
    }

    /// Takes the store for exclusive use, for what `purpose` says (`migration`, `restore`), waiting as `wait` says. Blocks
    /// the calling thread.
    ///
    /// A share that this instance has is in its own way: drop it first. Others may open the store while this call waits.
    ///
    /// It waits with the gate before the store open, and closes the gate again and again for a moment, each longer than the
    /// last up to [`CLOSED_MAX`]: newcomers wait before it that long, so that instances that come and go cannot keep
    /// maintenance waiting for ever, and an instance that stays open keeps nobody out but maintenance. The gate stays closed
    /// while the store is used exclusively.
    ///
    /// # Errors
    /// [`AcquireError::StoreInUse`] with the other living instances when the time is up; [`AcquireError::TimedOut`] if
    /// another one waits for the same or has it; [`AcquireError::GaveUp`] and [`AcquireError::Io`] as for
    /// [`Locks::acquire_write`].
    pub fn take_store(
        &self,
        purpose: &str,
        wait: Wait<'_>,
    ) -> Result<ExclusiveStoreLock, AcquireError> {
        let started = Instant::now();
        let purpose = Purpose::of_maintenance(purpose);
        let mut times = times_closed();
        loop {
            let closed = times.next().expect("they never end");
            // With the gate open at first: most often nobody has the store, or somebody has it for long.
            let open = part_of(wait, started, (closed * OPEN_FACTOR).min(wait.timeout / 2));
            match self.try_exclusive(&purpose, open, None)? {
                Ok(lock) => return Ok(lock),
                Err(why) => self.refuse_if_over(why, wait, started)?,
            }
            let last = part_of(wait, started, closed);
            if let Ok(gate) = self.close_gate(&purpose, last)? {
                let last = part_of(wait, started, closed);
                match self.try_exclusive(&purpose, last, Some(gate))? {
                    Ok(lock) => return Ok(lock),
                    Err(why) => self.refuse_if_over(why, wait, started)?,
                }
            }
        }
    }

    /// Tries to take the store exclusively for as long as `wait` says. With a gate it is closed for newcomers.
    fn try_exclusive(
        &self,
        purpose: &Purpose,
        wait: Wait<'_>,
        gate: Option<RecordedLock>,
    ) -> Result<Result<ExclusiveStoreLock, NotTaken>, AcquireError> {
        let shared = &self.shared;
        let path = shared.instance.paths.store_lock();
        let lock = match self.take_recorded(&path, &shared.store_slot, purpose, wait)? {
            Ok(lock) => lock,
            Err(why) => return Ok(Err(why)),
        };
        let gate = match gate {
            Some(gate) => Some(gate),
            None => self.close_gate(purpose, Wait::up_to(Duration::ZERO))?.ok(),
        };
        Ok(Ok(ExclusiveStoreLock {
            _lock: lock,
            _gate: gate,
            _shared: Arc::clone(shared),
        }))
    }

    fn close_gate(
        &self,
        purpose: &Purpose,
        wait: Wait<'_>,
    ) -> Result<Result<RecordedLock, NotTaken>, AcquireError> {
        let shared = &self.shared;
        let path = shared.instance.paths.store_gate();
        self.take_recorded(&path, &shared.gate_slot, purpose, wait)
    }

    /// Takes the lock on `path` exclusively and writes its holder record.
    fn take_recorded(
        &self,
        path: &Path,
        slot: &Arc<Slot>,
        purpose: &Purpose,
        wait: Wait<'_>,
    ) -> Result<Result<RecordedLock, NotTaken>, AcquireError> {
        let shared = &self.shared;
        let taken = take(shared, path, Mode::Exclusive, wait, Instant::now())?;
        let generation = self.generation();
        Ok(taken.map(|lock| RecordedLock::new(shared, lock, slot, generation, purpose)))
    }

    /// Refuses if the whole wait is over, and not only a part of it.
    fn refuse_if_over(
        &self,
        why: NotTaken,
        wait: Wait<'_>,
        started: Instant,
    ) -> Result<(), AcquireError> {
        let shared = &self.shared;
        let paths = &shared.instance.paths;
        let (path, waited) = (paths.store_lock(), started.elapsed());
        if why == NotTaken::TimedOut && waited < wait.timeout {
            return Ok(());
        }
        if why == NotTaken::GaveUp || lock_file::is_held(&path)? {
            let slot = &shared.store_slot;
            return Err(refusal(shared, LockName::Store, &path, slot, waited, why));
        }
        let mut instances = instances::list(paths)?;
        instances.retain(|other| other.identity.instance != *shared.instance.id());
        Err(AcquireError::StoreInUse {
            path,
            waited,
            instances,
        })
    }
}

/// For how long the gate is closed each time: twice as long as the time before, up to [`CLOSED_MAX`].
fn times_closed() -> impl Iterator<Item = Duration> {
    let next = |closed: &Duration| Some((*closed * 2).min(CLOSED_MAX));
    std::iter::successors(Some(CLOSED_FIRST), next)
}

/// The next part of a wait that began at `started`: `part` of it, or what is left.
fn part_of<'a>(wait: Wait<'a>, started: Instant, part: Duration) -> Wait<'a> {
    Wait {
        timeout: wait.left(started).min(part),
        ..wait
    }
}

fn take(
    shared: &Shared,
    path: &Path,
    mode: Mode,
    wait: Wait<'_>,
    started: Instant,
) -> Result<Result<LockFile, NotTaken>, AcquireError> {
    let instance = shared.instance.id();
    tracing::debug!(target: crate::LOG, %instance, ?mode, path = %path.display(), "asking for a store lock");
    let taken = lock_file::take(path, mode, wait, started)?;
    tracing::debug!(target: crate::LOG, %instance, ?mode, is_taken = taken.is_ok(), "asked for a store lock");
    Ok(taken)
}

impl SharedStoreLock {
    /// Tells others which file of the store this instance has open, for as long as it keeps its share: so that one that
    /// would open another file under the same name can say so.
    ///
    /// # Errors
    /// [`AcquireError::Io`] if the record cannot be written.
    pub fn note_file(&self, file: Option<FileId>) -> Result<(), AcquireError> {
        let instance = &self.shared.instance;
        Ok(instance.change_record(|record| record.file = file)?)
    }

    /// Does the same as [`Locks::check_life`].
    ///
    /// # Errors
    /// [`LifeLost`]; it does not pass by itself.
    pub fn check_life(&self) -> Result<(), LifeLost> {
        self.shared.instance.check_life()
    }
}

impl Drop for SharedStoreLock {
    fn drop(&mut self) {
        let instance = &self.shared.instance;
        // Before the share is released: an instance that has the store exclusively may put another file in its place.
        if instance.check_life().is_ok()
            && let Err(error) = instance.change_record(|record| record.file = None)
        {
            tracing::warn!(target: crate::LOG, instance = %instance.id(), %error, "others still see the store as open here");
        }
        self.lock.release_or_log();
        tracing::debug!(target: crate::LOG, instance = %instance.id(), "released the share of the store");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locks::testing::{HUNG, NO_WAIT, open, opened, take};

    #[test]
    fn many_share_the_store_and_exclusive_use_excludes_them() {
        let (_folder, [a, b]) = opened();
        let shares = [&a, &b].map(|locks| locks.share_store(NO_WAIT).unwrap());
        let error = a.take_store("restore", NO_WAIT).unwrap_err();
        let AcquireError::StoreInUse { instances, .. } = error else {
            panic!("{error:?}")
        };
        let [other] = &instances[..] else {
            panic!("who asks is not in its own list: {instances:?}")
        };
        assert_eq!(&other.identity, b.identity());
        drop(shares);

        let alone = a.take_store("restore", NO_WAIT).unwrap();
        let error = b.share_store(NO_WAIT).unwrap_err();
        let AcquireError::TimedOut { lock, holder, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(lock, LockName::Store);
        assert_eq!(&holder.unwrap().identity, a.identity());
        let second = b.take_store("restore", NO_WAIT);
        assert!(second.is_err(), "exclusive means exclusive");
        drop(alone);
        drop(b.share_store(NO_WAIT).unwrap());
    }

    // With a first time of zero the gate would never be closed; with a long one, newcomers would be shut out by a wait.
    #[test]
    fn the_gate_is_closed_for_a_moment_at_first_and_never_for_longer_than_newcomers_are_promised() {
        let times: Vec<Duration> = times_closed().take(10).collect();
        assert!(times[0] > Duration::ZERO, "{times:?}");
        assert!(times[0] <= CLOSED_MAX / 4, "a moment: {times:?}");
        assert!(times.is_sorted(), "{times:?}");
        assert_eq!(times.iter().max(), Some(&CLOSED_MAX));
        assert_eq!(times[9], CLOSED_MAX, "it is closed for as long as it may");
    }

    // A wait for exclusive use closed the gate at once, and everybody else was shut out while it only waited. Now others open
    // the store while it waits, and it gets the store although they never stop coming.
    #[test]
    fn newcomers_open_the_store_while_somebody_waits_for_exclusive_use() {
        let (folder, [host, waiting]) = opened();
        let share = host.share_store(NO_WAIT).unwrap();
        std::thread::scope(|scope| {
            let alone = scope.spawn(|| waiting.take_store("compaction", HUNG).map(drop));
            let newcomer = open(folder.path());
            let patience = Wait::up_to(CLOSED_MAX * 3);
            let (mut comes, began) = (0, Instant::now());
            while began.elapsed() < CLOSED_MAX * 4 {
                let share = newcomer.share_store(patience);
                drop(share.expect("nobody is shut out by a wait"));
                comes += 1;
            }
            assert!(comes > 10, "{comes}");
            drop(share);
            // Two that overlap all the time: without the gate there is no moment in which nobody has the store.
            let mut held = newcomer.share_store(patience).unwrap();
            while !alone.is_finished() {
                match host.share_store(NO_WAIT) {
                    Ok(next) => drop(std::mem::replace(&mut held, next)),
                    Err(_) => {
                        drop(held);
                        held = newcomer.share_store(HUNG).unwrap();
                    }
                }
            }
            alone.join().unwrap().expect("and it gets the store");
        });
    }

    #[test]
    fn the_store_and_the_write_lock_are_independent() {
        let (_folder, [locks]) = opened();
        let _alone = locks.take_store("restore", NO_WAIT).unwrap();
        take(&locks).release();
    }

    #[test]
    fn a_wait_for_the_store_can_be_given_up() {
        let (_folder, [locks]) = opened();
        let _share = locks.share_store(NO_WAIT).unwrap();
        let give_up = Wait::up_to_while(HUNG.timeout, &|| false);
        let error = locks.take_store("restore", give_up).unwrap_err();
        let AcquireError::GaveUp { lock, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(lock, LockName::Store);
    }
}
