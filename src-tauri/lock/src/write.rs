//! The write lock: taking it, holding it, giving it back.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{AcquireError, LockName};
use crate::fail_point;
use crate::holder::{self, HolderRecord};
use crate::identity::{Generation, InstanceId, Purpose};
use crate::life;
use crate::line::{self, Outcome};
use crate::lock_file::LockFile;
use crate::locks::{Locks, Shared, WriteSide};
use crate::slot::{Slot, SlotRecord, State};
use crate::wait::Wait;

/// Proves that this instance holds the write lock.
///
/// Made only by [`Locks::acquire_write`]; dropping it gives the lock back. While it lives no
/// other one exists on this lock file, in any process. It does not prove that the holder was
/// not taken over meanwhile: compare the epoch in the transaction that writes.
#[must_use = "dropping it gives the write lock back at once"]
#[derive(Debug)]
pub struct WriteLock {
    shared: Arc<Shared>,
    side: Arc<WriteSide>,
    lock: LockFile,
    waited: Duration,
    taken_at: Instant,
    /// What the slot says now.
    record: Mutex<SlotRecord>,
    is_released: bool,
}

/// Tells how long an acquisition waited for the write lock and held it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// From the call to having the lock.
    pub waited: Duration,
    /// From having the lock to giving it back.
    pub held: Duration,
}

impl Locks {
    /// Takes the write lock, waiting as `wait` says. Blocks the calling thread.
    ///
    /// First come, first served, also between processes. Each call has a file of its own, so calls in one process
    /// exclude each other too; asking for it while this thread holds it waits until the time is up. When the lock is
    /// taken over while this call waits, it goes on waiting for the new one, at the end of its line.
    ///
    /// # Errors
    /// [`AcquireError::TimedOut`] with the holder when the time is up; [`AcquireError::GaveUp`]
    /// when `wait.keep_waiting` says no; [`AcquireError::Io`] if the lock file cannot be used.
    pub fn acquire_write(
        &self,
        purpose: &Purpose,
        wait: Wait<'_>,
    ) -> Result<WriteLock, AcquireError> {
        let shared = &self.shared;
        let instance = &shared.identity.instance;
        let started = Instant::now();
        loop {
            let side = shared.newest_side()?;
            tracing::debug!(
                target: crate::LOG, %instance, %purpose, generation = %side.generation, "asking for the write lock"
            );
            let outcome = line::take(shared, &side, purpose, wait, started)?;
            let (path, waited) = (side.write_lock.clone(), started.elapsed());
            match outcome {
                Outcome::Taken(lock) => {
                    return Ok(WriteLock::new(
                        Arc::clone(shared),
                        side,
                        lock,
                        waited,
                        purpose,
                    ));
                }
                Outcome::TimedOut => {
                    return Err(timed_out(
                        shared,
                        LockName::Write,
                        &path,
                        waited,
                        &side.slot,
                    ));
                }
                Outcome::GaveUp => {
                    tracing::debug!(target: crate::LOG, %instance, %purpose, "gave up waiting");
                    return Err(AcquireError::GaveUp {
                        lock: LockName::Write,
                        path,
                        waited,
                    });
                }
                Outcome::Moved => {
                    tracing::info!(target: crate::LOG, %instance, "the write lock was taken over; waiting for the new one");
                }
            }
        }
    }
}

impl WriteLock {
    fn new(
        shared: Arc<Shared>,
        side: Arc<WriteSide>,
        lock: LockFile,
        waited: Duration,
        purpose: &Purpose,
    ) -> Self {
        let taken_at = Instant::now();
        fail_point::reached("lock-taken");
        let record = begin_turn(&shared, &side.slot, side.generation, purpose);
        fail_point::reached("turn-begun");
        tracing::debug!(
            target: crate::LOG, instance = %shared.identity.instance, %purpose, ?waited,
            "took the write lock"
        );
        Self {
            shared,
            side,
            lock,
            waited,
            taken_at,
            record: Mutex::new(record),
            is_released: false,
        }
    }

    /// Returns which lock file is held.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.side.generation
    }

    /// Returns the instance that holds the lock.
    #[must_use]
    pub fn instance(&self) -> &InstanceId {
        &self.shared.identity.instance
    }

    /// Returns how long the call waited for the lock.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Returns how long the lock has been held until now.
    #[must_use]
    pub fn held_for(&self) -> Duration {
        self.taken_at.elapsed()
    }

    /// Adds the fencing number of this turn to the holder record, for others to see.
    ///
    /// Only information: the number that counts is the one in the database.
    pub fn note_epoch(&self, epoch: u64) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.holder.epoch = Some(epoch);
        self.side.slot.write(&record);
    }

    /// Gives the lock back and tells how long it was waited for and held.
    ///
    /// Dropping the value does the same without the answer.
    pub fn release(mut self) -> Hold {
        let held = self.held_for();
        self.finish();
        Hold {
            waited: self.waited,
            held,
        }
    }

    fn finish(&mut self) {
        if std::mem::replace(&mut self.is_released, true) {
            return;
        }
        let held = self.held_for();
        let record = self
            .record
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        end_turn(&self.side.slot, record, &self.lock);
        tracing::debug!(
            target: crate::LOG,
            instance = %self.shared.identity.instance,
            purpose = %record.holder.purpose,
            ?held,
            "gave the write lock back"
        );
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Writes the holder record of a lock that was just taken. If the one before was not taken back,
/// its holder is dead, since we have the lock: counts and tells it.
pub(crate) fn begin_turn(
    shared: &Shared,
    slot: &Slot,
    generation: Generation,
    purpose: &Purpose,
) -> SlotRecord {
    if let Some(dead) = holder::held(&slot.read()) {
        shared.count_leftover();
        tracing::info!(
            target: crate::LOG,
            instance = %shared.identity.instance,
            dead = %dead.identity.instance,
            pid = dead.identity.pid,
            purpose = %dead.purpose,
            "cleared the record of a holder that died with the lock"
        );
    }
    let record = SlotRecord {
        state: State::Held,
        turn: shared.next_turn(),
        holder: HolderRecord {
            identity: shared.identity.clone(),
            purpose: purpose.clone(),
            generation,
            epoch: None,
            since_ms: shared.clock.now_ms(),
        },
    };
    slot.write(&record);
    record
}

/// Writes that the lock is free, then gives it back. In this order, so that a record that says
/// "held" beside a free lock always means a dead holder.
pub(crate) fn end_turn(slot: &Slot, record: &mut SlotRecord, lock: &LockFile) {
    record.state = State::Free;
    slot.write(record);
    fail_point::reached("lock-given-back");
    if let Err(error) = lock.release() {
        tracing::error!(
            target: crate::LOG, instance = %record.holder.identity.instance, %error,
            "could not give a lock back; closing its file must do"
        );
    }
}

/// Makes the refusal of a wait that is over, with the holder if its record can be believed.
pub(crate) fn timed_out(
    shared: &Shared,
    lock: LockName,
    path: &Path,
    waited: Duration,
    slot: &Slot,
) -> AcquireError {
    let reading = slot.read();
    let holder = holder::held(&reading)
        .filter(|holder| life::is_alive(&shared.paths, &holder.identity.instance));
    let held_for = holder.map(|holder| {
        let ms = shared.clock.now_ms().saturating_sub(holder.since_ms);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    });
    tracing::debug!(
        target: crate::LOG, instance = %shared.identity.instance, ?waited, "no {lock} in time"
    );
    AcquireError::TimedOut {
        lock,
        path: path.to_owned(),
        waited,
        holder: holder.cloned().map(Box::new),
        held_for,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;
    use crate::holder::HolderState;
    use crate::lock_file::Mode;
    use crate::testing::{self, SetClock};

    const NO_WAIT: Wait<'static> = Wait {
        timeout: Duration::ZERO,
        keep_waiting: &|| true,
    };
    /// Only ends a hung test.
    const HUNG: Duration = Duration::from_secs(60);

    #[test]
    fn threads_of_one_process_exclude_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let (inside, total) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let lock = locks.acquire_write(&testing::purpose(), Wait::up_to(HUNG));
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold it");
                        total.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        lock.unwrap().release();
                    }
                });
            }
        });
        assert_eq!(total.into_inner(), 400);
    }

    #[test]
    fn a_timeout_tells_who_has_the_lock_and_for_how_long() {
        let folder = tempfile::tempdir().unwrap();
        let clock = SetClock::at(1_000);
        let locks =
            Locks::open_with_clock(folder.path(), testing::identity(), clock.clone()).unwrap();
        let _lock = locks.acquire_write(&testing::purpose(), NO_WAIT).unwrap();
        clock.set(4_200);
        let error = locks
            .acquire_write(&testing::purpose(), NO_WAIT)
            .unwrap_err();
        let AcquireError::TimedOut {
            lock: LockName::Write,
            path,
            holder,
            held_for,
            ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(path, folder.path().join("write.lock"));
        assert_eq!(&holder.unwrap().identity, locks.identity());
        assert_eq!(held_for, Some(Duration::from_millis(3_200)));
    }

    #[test]
    fn a_timeout_does_not_blame_the_dead() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let dead = testing::open(folder.path());
        let lock = dead.acquire_write(&testing::purpose(), NO_WAIT).unwrap();
        let record = fs::read(folder.path().join("write.holder.json")).unwrap();
        drop((lock, dead));
        fs::write(folder.path().join("write.holder.json"), record).unwrap();
        let mut nameless = LockFile::open(&folder.path().join("write.lock")).unwrap();
        assert!(nameless.try_take(Mode::Exclusive).unwrap());
        let error = locks
            .acquire_write(&testing::purpose(), NO_WAIT)
            .unwrap_err();
        assert!(
            matches!(error, AcquireError::TimedOut { holder: None, .. }),
            "{error:?}"
        );
    }

    #[test]
    fn a_caller_that_is_told_to_stop_gives_up_and_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let lock = locks.acquire_write(&testing::purpose(), NO_WAIT).unwrap();
        let seen = Cell::new(0);
        let keep_waiting = || {
            seen.set(locks.waiters().len());
            false
        };
        let wait = Wait::up_to_while(HUNG, &keep_waiting);
        let error = locks.acquire_write(&testing::purpose(), wait).unwrap_err();
        assert!(
            matches!(
                error,
                AcquireError::GaveUp {
                    lock: LockName::Write,
                    ..
                }
            ),
            "{error:?}"
        );
        assert_eq!(seen.get(), 1, "while it waits others see it");
        assert_eq!(locks.waiters(), [], "then it is gone");
        lock.release();
        // The thread that stood in line for the call may have it for an instant before it gives it back.
        locks
            .acquire_write(&testing::purpose(), Wait::up_to(HUNG))
            .expect("giving up keeps no lock")
            .release();
    }

    #[test]
    fn waits_and_holds_are_measured() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let first = locks.acquire_write(&testing::purpose(), NO_WAIT).unwrap();
        let pause = Duration::from_millis(30);
        thread::scope(|scope| {
            let second = scope.spawn(|| {
                let started = Instant::now();
                let lock = locks
                    .acquire_write(&testing::purpose(), Wait::up_to(HUNG))
                    .unwrap();
                assert!(lock.waited() <= started.elapsed());
                lock.release()
            });
            while locks.waiters().is_empty() && !second.is_finished() {
                thread::yield_now();
            }
            // Time is what this test measures, so it has to pass.
            thread::sleep(pause);
            let hold = first.release();
            assert!(hold.held >= pause && hold.waited < hold.held, "{hold:?}");
            assert!(second.join().unwrap().waited >= pause);
        });
    }

    #[test]
    fn a_dropped_lock_is_given_back_even_in_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let panicked = thread::scope(|scope| {
            let panicking = scope.spawn(|| {
                let _lock = locks.acquire_write(&testing::purpose(), NO_WAIT).unwrap();
                // Unwinds without the message of a panic in the test's output.
                std::panic::resume_unwind(Box::new(()));
            });
            panicking.join().is_err()
        });
        assert!(panicked);
        assert_eq!(locks.holder(), HolderState::Free);
        locks
            .acquire_write(&testing::purpose(), NO_WAIT)
            .unwrap()
            .release();
    }

    #[test]
    fn the_instance_lives_as_long_as_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (testing::open(folder.path()), testing::open(folder.path()));
        let lock = ours.acquire_write(&testing::purpose(), NO_WAIT).unwrap();
        assert_eq!(lock.instance(), &ours.identity().instance);
        assert_eq!(lock.generation(), Generation(0));
        drop(ours);
        assert!(
            matches!(theirs.holder(), HolderState::Held(_)),
            "the guard keeps it alive"
        );
        drop(lock);
        assert_eq!(theirs.instances().len(), 1);
    }

    #[test]
    fn a_record_that_cannot_be_written_does_not_stop_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        fs::remove_dir(folder.path().join("waiters")).unwrap();
        let lock = locks.acquire_write(&testing::purpose(), NO_WAIT).unwrap();
        let wait = Wait::up_to(Duration::from_millis(1));
        let error = locks.acquire_write(&testing::purpose(), wait).unwrap_err();
        assert!(matches!(error, AcquireError::TimedOut { .. }), "{error:?}");
        lock.release();
    }
}
