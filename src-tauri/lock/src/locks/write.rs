//! The write lock: taking it, holding it, releasing it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::acquisition::{RecordedLock, refusal};
use super::error::{AcquireError, LockName};
use super::{Locks, Shared};
use crate::fail_point;
use crate::file::lock_file::LockFile;
use crate::file::wait::Wait;
use crate::identity::{Generation, InstanceId, Purpose};
use crate::line::waiting::Outcome;
use crate::line::write_files::WriteFiles;

/// Proves that this instance holds the write lock.
///
/// Made only by [`Locks::acquire_write`]; dropping it releases the lock. While it lives there is no other one for this lock
/// file, in any process. It does not prove that the holder was not taken over meanwhile: compare the epoch in the
/// transaction that writes.
#[must_use = "dropping it releases the write lock at once"]
#[derive(Debug)]
pub struct WriteLock {
    /// Released first: the instance must count as alive for as long as it holds the lock.
    lock: RecordedLock,
    shared: Arc<Shared>,
    generation: Generation,
    waited: Duration,
    taken_at: Instant,
}

/// Says how long an acquisition waited for the write lock and held it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// From the call to having the lock.
    pub waited: Duration,
    /// From having the lock to releasing it.
    pub held: Duration,
}

impl Locks {
    /// Takes the write lock, waiting as `wait` says. Blocks the calling thread.
    ///
    /// First come, first served, also between processes. Each call has a file of its own, so calls in one process exclude
    /// each other too; asking for it while this thread holds it waits until the time is up. When the lock is taken over while
    /// this call waits, it goes on waiting for the new one, at the end of its line.
    ///
    /// # Errors
    /// [`AcquireError::TimedOut`] with the holder when the time is up; [`AcquireError::GaveUp`] when `wait.keep_waiting` says
    /// no; [`AcquireError::Io`] if the lock file cannot be used.
    pub fn acquire_write(
        &self,
        purpose: &Purpose,
        wait: Wait<'_>,
    ) -> Result<WriteLock, AcquireError> {
        let shared = &self.shared;
        let instance = shared.instance.id();
        let started = Instant::now();
        loop {
            let files = shared.line.newest()?;
            tracing::debug!(
                target: crate::LOG, %instance, %purpose, generation = %files.generation, "asking for the write lock"
            );
            let outcome = shared.line.take(&files, purpose, wait, started)?;
            let waited = started.elapsed();
            match outcome {
                Outcome::Taken(lock) => {
                    return Ok(WriteLock::new(shared, &files, lock, waited, purpose));
                }
                Outcome::NotTaken(why) => {
                    let (path, slot) = (&files.write_lock, &files.slot);
                    return Err(refusal(shared, LockName::Write, path, slot, waited, why));
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
        shared: &Arc<Shared>,
        files: &WriteFiles,
        lock: LockFile,
        waited: Duration,
        purpose: &Purpose,
    ) -> Self {
        let taken_at = Instant::now();
        fail_point::reached("lock-taken");
        let lock = RecordedLock::new(shared, lock, &files.slot, files.generation, purpose);
        fail_point::reached("turn-begun");
        tracing::debug!(
            target: crate::LOG, instance = %shared.instance.id(), %purpose, ?waited, "took the write lock"
        );
        Self {
            lock,
            shared: Arc::clone(shared),
            generation: files.generation,
            waited,
            taken_at,
        }
    }

    /// Returns which lock file is held.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Returns the instance that holds the lock.
    #[must_use]
    pub fn instance(&self) -> &InstanceId {
        self.shared.instance.id()
    }

    /// Returns how long the call waited for the lock.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Adds the fencing number of this acquisition to the holder record, for others to see.
    ///
    /// Only information: the number that counts is the one in the database.
    pub fn note_epoch(&self, epoch: u64) {
        self.lock.note_epoch(epoch);
    }

    /// Releases the lock and returns how long it was waited for and held.
    ///
    /// Dropping the value does the same without the answer.
    pub fn release(self) -> Hold {
        Hold {
            waited: self.waited,
            held: self.taken_at.elapsed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;
    use crate::file::lock_file::Mode;
    use crate::line::ticket::Ticket;
    use crate::liveness::holder_state::HolderState;
    use crate::locks::testing::{HUNG, NO_WAIT, open, opened, refused, take, take_when_free};
    use crate::testing::{self, SetClock};

    #[test]
    fn threads_of_one_process_exclude_each_other() {
        let (_folder, [locks]) = opened();
        let (inside, total) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let lock = take_when_free(&locks);
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold it");
                        total.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        lock.release();
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
        let _lock = take(&locks);
        clock.set(4_200);
        let error = refused(&locks, NO_WAIT);
        let AcquireError::TimedOut {
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
        let (folder, [locks]) = opened();
        let dead = open(folder.path());
        let lock = take(&dead);
        let record = fs::read(folder.path().join("write.holder.json")).unwrap();
        drop((lock, dead));
        fs::write(folder.path().join("write.holder.json"), record).unwrap();
        let mut nameless = LockFile::open(&folder.path().join("write.lock")).unwrap();
        assert!(nameless.try_take(Mode::Exclusive).unwrap());
        let error = refused(&locks, NO_WAIT);
        assert!(
            matches!(error, AcquireError::TimedOut { holder: None, .. }),
            "{error:?}"
        );
    }

    #[test]
    fn a_caller_that_is_told_to_stop_gives_up_and_leaves_no_trace() {
        let (_folder, [locks]) = opened();
        let lock = take(&locks);
        let seen = Cell::new(0);
        let keep_waiting = || {
            seen.set(locks.waiters().len());
            false
        };
        let wait = Wait::up_to_while(HUNG.timeout, &keep_waiting);
        let error = refused(&locks, wait);
        let AcquireError::GaveUp { lock: name, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(name, LockName::Write);
        assert_eq!(seen.get(), 1, "while it waits others see it");
        assert_eq!(locks.waiters(), [], "then it is gone");
        lock.release();
        // Giving up keeps no lock, but the thread that waited for the call may hold it for an instant.
        take_when_free(&locks).release();
    }

    #[test]
    fn waits_and_holds_are_measured() {
        let (_folder, [locks]) = opened();
        let first = take(&locks);
        let pause = Duration::from_millis(30);
        thread::scope(|scope| {
            let second = scope.spawn(|| {
                let started = Instant::now();
                let lock = take_when_free(&locks);
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
    fn a_dropped_lock_is_released_even_in_a_panic() {
        let (_folder, [locks]) = opened();
        let panicked = thread::scope(|scope| {
            let panicking = scope.spawn(|| {
                let _lock = take(&locks);
                // Unwinds without the message of a panic in the test's output.
                std::panic::resume_unwind(Box::new(()));
            });
            panicking.join().is_err()
        });
        assert!(panicked);
        assert_eq!(locks.holder(), HolderState::Free);
        take(&locks).release();
    }

    #[test]
    fn the_instance_lives_as_long_as_its_lock() {
        let (_folder, [ours, theirs]) = opened();
        let lock = take(&ours);
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
        let (folder, [locks]) = opened();
        fs::remove_dir(folder.path().join("waiters")).unwrap();
        let lock = take(&locks);
        let wait = Wait::up_to(Duration::from_millis(1));
        let error = refused(&locks, wait);
        assert!(matches!(error, AcquireError::TimedOut { .. }), "{error:?}");
        lock.release();
    }

    /// Requests of two hosts timed out although the lock was free: the thread that waited for it was stuck behind a ticket that
    /// was no longer in the line, and the next call reused that thread.
    #[test]
    fn a_thread_that_is_stuck_elsewhere_does_not_keep_the_lock_away() {
        let (_folder, [holder, waiter]) = opened();
        let lock = take_when_free(&holder);
        // Somebody waits in line, leaves it, and is stopped before it releases its ticket.
        let line = holder.shared.line.in_force().line.clone();
        let leaving = Ticket::draw(&line, &holder.identity().instance, 77).unwrap();
        let impatient = || waiter.waiters().is_empty();
        let gave_up = refused(&waiter, Wait::up_to_while(HUNG.timeout, &impatient));
        assert!(matches!(gave_up, AcquireError::GaveUp { .. }), "{gave_up}");
        fs::remove_file(line.join(leaving.name())).unwrap();
        lock.release();
        let in_the_way = take_when_free(&holder);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| take_when_free(&waiter));
            while holder.waiters().is_empty() {
                thread::yield_now();
            }
            in_the_way.release();
            waiting.join().unwrap().release();
        });
        drop(leaving);
    }
}
