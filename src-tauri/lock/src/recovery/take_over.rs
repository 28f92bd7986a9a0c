//! Taking the write lock over from a holder that is alive and stuck.
//!
//! A stopped program keeps its lock for ever, and nobody can take a lock of the operating system away from it. So the lock
//! moves: the layer above records in the store that another generation is in force, in one transaction together with the next
//! epoch, then the lock file of that generation is made. The store refuses the holder of the old one when it wakes up and
//! writes. Whoever waits for the old one sees the new file and waits for that instead.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{OpenError, PathError};
use crate::file::lock_file::{self, LockFile, Mode};
use crate::file::paths::Paths;
use crate::identity::{Generation, Identity, InstanceId};
use crate::line::write_files::WriteFiles;
use crate::liveness::holder_state::{self, HolderState};
use crate::liveness::{instances, process};
use crate::locks::{Locks, Shared};

/// How often the holder is looked at while it is watched.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Proves that the holder of the write lock was watched and did not move, and that nobody else takes over now.
#[must_use = "dropping it leaves the lock where it is"]
#[derive(Debug)]
pub struct TakeOver {
    shared: Arc<Shared>,
    from: Arc<WriteFiles>,
    victim: Option<Identity>,
    /// Held for as long as the value lives.
    _lock: LockFile,
}

/// Says why the write lock is not taken over. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// Nobody holds it.
    #[error(
        "the write lock is free, so there is nobody to take it over from; `commonplace unlock --leftover` clears what a dead holder left"
    )]
    Free,
    /// The holder works.
    #[error(
        "the holder of the write lock is at work: the lock changed hands or was given back within {} ms of watching; there is nothing to settle",
        watched.as_millis()
    )]
    AtWork {
        /// How long it was watched.
        watched: Duration,
    },
    /// Another program is taking it over.
    #[error(
        "another program is taking the write lock over right now; look again with `commonplace locks`"
    )]
    UnderWay,
    /// The operating system refused a step.
    #[error(transparent)]
    Io(#[from] OpenError),
}

impl From<PathError> for TakeOverError {
    fn from(error: PathError) -> Self {
        Self::Io(error.into())
    }
}

impl Locks {
    /// Watches the holder of the write lock for the time `watch`. Blocks for that time.
    ///
    /// Returns the right to take over if the holder did not move all that time. The wall clock plays no part, so a clock that
    /// jumps makes nobody look stuck.
    ///
    /// # Errors
    /// See [`TakeOverError`].
    pub fn watch_stuck_holder(&self, watch: Duration) -> Result<TakeOver, TakeOverError> {
        let shared = &self.shared;
        let paths = &shared.instance.paths;
        let mut lock = LockFile::open(&paths.take_over_lock())?;
        if !lock.try_take(Mode::Exclusive)? {
            return Err(TakeOverError::UnderWay);
        }
        let from = shared.line.newest()?;
        let victim = match holder_state::write_state(paths, &from.write_lock, Some(&from.slot)) {
            HolderState::Held(victim) => Some(victim.identity),
            HolderState::HeldByUnknown => who_left_no_record(paths, &from)?,
            HolderState::Free | HolderState::Leftover(_) => return Err(TakeOverError::Free),
        };
        watch_still(&from, watch)?;
        Ok(TakeOver {
            shared: Arc::clone(shared),
            from,
            victim,
            _lock: lock,
        })
    }
}

/// Returns if the lock stays in the same hands for the time `watch`.
fn watch_still(files: &WriteFiles, watch: Duration) -> Result<(), TakeOverError> {
    let started = Instant::now();
    let record = files.slot.read();
    while started.elapsed() < watch {
        std::thread::sleep(LOOK_EVERY.min(watch));
        let is_still = record.is_same_acquisition(&files.slot.read())
            && lock_file::is_barred(&files.write_lock)?;
        if !is_still {
            return Err(TakeOverError::AtWork {
                watched: started.elapsed(),
            });
        }
    }
    Ok(())
}

/// Finds the holder of a lock without a record: it was stopped between taking the one and writing the other.
fn who_left_no_record(paths: &Paths, files: &WriteFiles) -> Result<Option<Identity>, PathError> {
    let Ok(file) = File::open(&files.write_lock) else {
        return Ok(None);
    };
    let instances = instances::list(paths)?;
    Ok(instances::the_only_one(
        &instances,
        &process::lock_holders(&file),
    ))
}

impl TakeOver {
    /// Returns the generation whose lock the stuck instance holds.
    #[must_use]
    pub fn from(&self) -> Generation {
        self.from.generation
    }

    /// Returns the generation that is to be in force.
    #[must_use]
    pub fn to(&self) -> Generation {
        self.from.generation.next()
    }

    /// Returns the instance that is stuck; None if it left no readable record and the system does not say either.
    #[must_use]
    pub fn victim(&self) -> Option<&InstanceId> {
        self.victim.as_ref().map(|victim| &victim.instance)
    }

    /// Makes the lock file of the new generation, to which those who wait move. Call it when the store has committed that this
    /// generation is in force, and not before.
    ///
    /// If it fails, or is never called because this process dies, the next instance that opens the store makes the file.
    ///
    /// # Errors
    /// [`OpenError::Io`] if the files cannot be made.
    pub fn finish(self) -> Result<(), OpenError> {
        Ok(self.shared.line.adopt(self.to())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::wait::Wait;
    use crate::locks::error::AcquireError;
    use crate::locks::testing::{HUNG, held_by, opened, refused, take_when_free};

    const WATCH: Duration = Duration::from_millis(30);

    #[test]
    fn a_free_lock_is_not_taken_over() {
        let (_folder, [locks]) = opened();
        let error = locks.watch_stuck_holder(WATCH).unwrap_err();
        assert!(matches!(error, TakeOverError::Free), "{error:?}");
    }

    #[test]
    fn a_holder_at_work_is_left_alone() {
        let (_folder, [busy, other]) = opened();
        let lock = take_when_free(&busy);
        let error = std::thread::scope(|scope| {
            let watching = scope.spawn(|| other.watch_stuck_holder(HUNG.timeout));
            // It acquires and releases until the watcher has seen one.
            let mut lock = Some(lock);
            while !watching.is_finished() {
                drop(lock.take());
                lock = Some(take_when_free(&busy));
            }
            watching.join().unwrap().unwrap_err()
        });
        let is_refused = matches!(error, TakeOverError::AtWork { .. } | TakeOverError::Free);
        assert!(is_refused, "{error:?}");
    }

    #[test]
    fn a_waiter_moves_to_the_new_lock_and_the_stuck_holder_releases_the_old_one() {
        let (_folder, [stuck, waiter, other]) = opened();
        let old = take_when_free(&stuck);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| take_when_free(&waiter));
            while other.waiters().is_empty() {
                std::thread::yield_now();
            }
            let take_over = other.watch_stuck_holder(WATCH).unwrap();
            let both = (Generation(0), Generation(1));
            assert_eq!((take_over.from(), take_over.to()), both);
            assert_eq!(take_over.victim(), Some(&stuck.identity().instance));
            take_over.finish().unwrap();
            let new = waiting.join().unwrap();
            assert_eq!((old.generation(), new.generation()), both);
            old.release();
            let holder = held_by(&other).identity;
            assert_eq!(&holder, waiter.identity(), "the old one hides nobody");
            new.release();
        });
        stuck.adopt(Generation(1)).unwrap();
        let lock = take_when_free(&stuck);
        assert_eq!(lock.generation(), Generation(1), "it has joined the others");
    }

    #[test]
    fn two_do_not_take_over_at_once() {
        let (_folder, [stuck, first, second]) = opened();
        let _lock = take_when_free(&stuck);
        let take_over = first.watch_stuck_holder(WATCH).unwrap();
        let error = second.watch_stuck_holder(WATCH).unwrap_err();
        assert!(matches!(error, TakeOverError::UnderWay), "{error:?}");
        drop(take_over);
        let again = second.watch_stuck_holder(WATCH);
        drop(again.expect("the first has stopped"));
        let error = refused(&second, Wait::up_to(WATCH));
        let is_unchanged = matches!(error, AcquireError::TimedOut { .. });
        assert!(is_unchanged, "{error:?}");
    }
}
