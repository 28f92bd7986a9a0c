//! The store lock: shared by who has the store open, exclusive for who must be alone with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{AcquireError, LockName};
use crate::identity::Purpose;
use crate::instances;
use crate::life::LifeLost;
use crate::lock_file::{self, LockFile, Mode, Taking};
use crate::locks::{Locks, Shared};
use crate::place::FileId;
use crate::slot::{Slot, SlotRecord};
use crate::wait::Wait;
use crate::write::{begin_turn, end_turn, timed_out};

/// Proves that nobody else has the store alone. Dropping it gives the share back.
#[must_use = "dropping it gives the share of the store back at once"]
#[derive(Debug)]
pub struct SharedStoreLock {
    shared: Arc<Shared>,
    lock: LockFile,
}

/// Proves that no other instance has the store open. Dropping it gives the store back.
#[must_use = "dropping it gives the store back at once"]
#[derive(Debug)]
pub struct ExclusiveStoreLock {
    shared: Arc<Shared>,
    lock: LockFile,
    record: SlotRecord,
    /// Opened after the store is given back. None if somebody stood in it: who has the store alone needs no gate.
    _gate: Option<Gate>,
}

/// First time for which the gate is closed. Enough for a command that is just finishing.
const CLOSED_FIRST: Duration = Duration::from_millis(100);
/// Longest time for which it is closed, and so the longest that a wait for the store alone keeps newcomers outside.
const CLOSED_MAX: Duration = Duration::from_secs(1);
/// How much longer it is open before it is closed again.
const OPEN_FACTOR: u32 = 4;

/// The gate before the store. Who waits to have the store alone waits with the gate open, and closes it again and again for
/// a moment, each longer than the last up to [`CLOSED_MAX`]: newcomers wait before it that long, so that instances that
/// come and go cannot keep maintenance waiting for ever, and one that stays open keeps nobody out but maintenance. Who has
/// the store keeps the gate closed as well.
#[derive(Debug)]
struct Gate {
    shared: Arc<Shared>,
    lock: LockFile,
    record: SlotRecord,
}

impl Locks {
    /// Takes a share of the store, waiting as `wait` says. Blocks the calling thread.
    ///
    /// Keep it for as long as the store is open. Shares do not exclude each other. Who comes while somebody waits to
    /// have the store alone may wait a moment behind its gate, at most [`CLOSED_MAX`].
    ///
    /// # Errors
    /// [`AcquireError::TimedOut`] if an instance has the store alone (migration, restore, compaction), or is stopped with
    /// the gate closed, until the time is up; [`AcquireError::GaveUp`] and [`AcquireError::Io`] as
    /// for [`Locks::acquire_write`].
    pub fn share_store(&self, wait: Wait<'_>) -> Result<SharedStoreLock, AcquireError> {
        let shared = &self.shared;
        let started = Instant::now();
        let gate = take(
            shared,
            &shared.paths.store_gate(),
            Mode::Shared,
            wait,
            started,
        )?
        .map_err(|end| end.refusal(shared, shared.paths.store_gate(), &shared.gate_slot))?;
        let path = shared.paths.store_lock();
        let lock = take(shared, &path, Mode::Shared, wait, started)?
            .map_err(|end| end.refusal(shared, path, &shared.store_slot))?;
        gate.release()?;
        Ok(SharedStoreLock {
            shared: Arc::clone(shared),
            lock,
        })
    }

    /// Takes the store for this instance alone, for what `purpose` says (`migration`, `restore`), waiting as `wait` says.
    /// Blocks the calling thread.
    ///
    /// A share that this instance has is in its own way: drop it first. Others may open the store while this call waits;
    /// now and then newcomers wait for a moment, so that it comes to its turn.
    ///
    /// # Errors
    /// [`AcquireError::StoreInUse`] with the other living instances when the time is up;
    /// [`AcquireError::TimedOut`] if another one waits for the same or has it;
    /// [`AcquireError::GaveUp`] and [`AcquireError::Io`] as for [`Locks::acquire_write`].
    pub fn take_store(
        &self,
        purpose: &str,
        wait: Wait<'_>,
    ) -> Result<ExclusiveStoreLock, AcquireError> {
        let shared = &self.shared;
        let started = Instant::now();
        let purpose = Purpose {
            client: String::new(),
            kind: purpose.to_owned(),
            requests: 0,
            progress: None,
        };
        let mut times = times_closed();
        loop {
            let closed = times.next().expect("they never end");
            // With the gate open at first: most often nobody has the store, or somebody has it for long.
            let open = part_of(wait, started, (closed * OPEN_FACTOR).min(wait.timeout / 2));
            let in_time = match self.try_alone(&purpose, open, None)? {
                Ok(alone) => return Ok(alone),
                Err(end) => end,
            };
            self.is_over(&in_time, wait, started)?;
            let last = part_of(wait, started, closed);
            if let Ok(gate) = Gate::close(shared, &purpose, last, Instant::now())? {
                let last = part_of(wait, started, closed);
                match self.try_alone(&purpose, last, Some(gate))? {
                    Ok(alone) => return Ok(alone),
                    Err(end) => self.is_over(&end, wait, started)?,
                }
            }
        }
    }

    /// Tries to have the store alone for as long as `wait` says. With a gate it is closed for those who come.
    fn try_alone(
        &self,
        purpose: &Purpose,
        wait: Wait<'_>,
        gate: Option<Gate>,
    ) -> Result<Result<ExclusiveStoreLock, End>, AcquireError> {
        let shared = &self.shared;
        let path = shared.paths.store_lock();
        let lock = match take(shared, &path, Mode::Exclusive, wait, Instant::now())? {
            Ok(lock) => lock,
            Err(end) => return Ok(Err(end)),
        };
        let generation = shared.side().generation;
        let record = begin_turn(shared, &shared.store_slot, generation, purpose);
        let gate = match gate {
            Some(gate) => Some(gate),
            None => Gate::close(shared, purpose, Wait::up_to(Duration::ZERO), Instant::now())?.ok(),
        };
        Ok(Ok(ExclusiveStoreLock {
            shared: Arc::clone(shared),
            lock,
            record,
            _gate: gate,
        }))
    }

    /// Refuses if the whole wait is over, and not only a part of it.
    fn is_over(&self, end: &End, wait: Wait<'_>, started: Instant) -> Result<(), AcquireError> {
        let shared = &self.shared;
        let (path, waited) = (shared.paths.store_lock(), started.elapsed());
        if matches!(end, End::GaveUp { .. }) {
            return Err(End::GaveUp { waited }.refusal(shared, path, &shared.store_slot));
        }
        if waited < wait.timeout {
            return Ok(());
        }
        if lock_file::is_held(&path)? {
            return Err(End::TimedOut { waited }.refusal(shared, path, &shared.store_slot));
        }
        let mut instances = instances::list(&shared.paths)?;
        instances.retain(|other| other.identity.instance != shared.identity.instance);
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
    let left = wait.timeout.saturating_sub(started.elapsed());
    Wait {
        timeout: left.min(part),
        ..wait
    }
}

impl Gate {
    fn close(
        shared: &Arc<Shared>,
        purpose: &Purpose,
        wait: Wait<'_>,
        started: Instant,
    ) -> Result<Result<Self, End>, AcquireError> {
        let path = shared.paths.store_gate();
        let lock = match take(shared, &path, Mode::Exclusive, wait, started)? {
            Ok(lock) => lock,
            Err(end) => return Ok(Err(end)),
        };
        let generation = shared.side().generation;
        Ok(Ok(Self {
            record: begin_turn(shared, &shared.gate_slot, generation, purpose),
            shared: Arc::clone(shared),
            lock,
        }))
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        end_turn(&self.shared.gate_slot, &mut self.record, &self.lock);
    }
}

impl SharedStoreLock {
    /// Tells others which file of the store this instance has open, for as long as it keeps its share: so that one that
    /// would open another file under the same name can say so.
    ///
    /// # Errors
    /// [`AcquireError::Io`] if the record cannot be written.
    pub fn note_file(&self, file: Option<FileId>) -> Result<(), AcquireError> {
        Ok(self.shared.change_record(|record| record.file = file)?)
    }

    /// Does the same as [`Locks::check_life`].
    ///
    /// # Errors
    /// [`LifeLost`]; it does not pass by itself.
    pub fn check_life(&self) -> Result<(), LifeLost> {
        self.shared.life.check()
    }
}

/// How a wait ended that brought no lock.
enum End {
    TimedOut { waited: Duration },
    GaveUp { waited: Duration },
}

impl End {
    fn refusal(self, shared: &Shared, path: PathBuf, slot: &Slot) -> AcquireError {
        match self {
            Self::TimedOut { waited } => timed_out(shared, LockName::Store, &path, waited, slot),
            Self::GaveUp { waited } => AcquireError::GaveUp {
                lock: LockName::Store,
                path,
                waited,
            },
        }
    }
}

fn take(
    shared: &Shared,
    path: &Path,
    mode: Mode,
    wait: Wait<'_>,
    started: Instant,
) -> Result<Result<LockFile, End>, AcquireError> {
    let instance = &shared.identity.instance;
    tracing::debug!(target: crate::LOG, %instance, ?mode, path = %path.display(), "asking for a store lock");
    let taking = lock_file::take(path, mode, wait, started)?;
    let is_taken = matches!(taking, Taking::Taken(_));
    tracing::debug!(target: crate::LOG, %instance, ?mode, is_taken, "asked for a store lock");
    Ok(match taking {
        Taking::Taken(lock) => Ok(lock),
        Taking::TimedOut { waited } => Err(End::TimedOut { waited }),
        Taking::GaveUp { waited } => Err(End::GaveUp { waited }),
    })
}

impl Drop for SharedStoreLock {
    fn drop(&mut self) {
        let instance = &self.shared.identity.instance;
        // Before the share is given back: who has the store alone may put another file in its place.
        if self.shared.life.check().is_ok()
            && let Err(error) = self.shared.change_record(|record| record.file = None)
        {
            tracing::warn!(target: crate::LOG, %instance, %error, "others take the store for open here");
        }
        match self.lock.release() {
            Ok(()) => {
                tracing::debug!(target: crate::LOG, %instance, "gave the share of the store back");
            }
            Err(error) => tracing::error!(
                target: crate::LOG, %instance, %error,
                "could not give the share of the store back; closing its file must do"
            ),
        }
    }
}

impl Drop for ExclusiveStoreLock {
    fn drop(&mut self) {
        end_turn(&self.shared.store_slot, &mut self.record, &self.lock);
        let instance = &self.shared.identity.instance;
        tracing::debug!(target: crate::LOG, %instance, "gave the store back");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing;

    const NO_WAIT: Wait<'static> = Wait {
        timeout: Duration::ZERO,
        keep_waiting: &|| true,
    };

    #[test]
    fn many_share_the_store_and_one_alone_excludes_them() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (testing::open(folder.path()), testing::open(folder.path()));
        let shares = (
            a.share_store(NO_WAIT).unwrap(),
            b.share_store(NO_WAIT).unwrap(),
        );
        let error = a.take_store("restore", NO_WAIT).unwrap_err();
        let AcquireError::StoreInUse { instances, .. } = error else {
            panic!("{error:?}")
        };
        let names: Vec<_> = instances.into_iter().map(|other| other.identity).collect();
        assert_eq!(
            &names,
            std::slice::from_ref(b.identity()),
            "who asks is not in its own list"
        );
        drop(shares);

        let alone = a.take_store("restore", NO_WAIT).unwrap();
        let error = b.share_store(NO_WAIT).unwrap_err();
        let AcquireError::TimedOut {
            lock: LockName::Store,
            holder,
            ..
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!(&holder.unwrap().identity, a.identity());
        assert!(
            b.take_store("restore", NO_WAIT).is_err(),
            "alone means alone"
        );
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

    // Who waited to have the store alone closed the gate at once, and everybody else was shut out while it only waited.
    // Now others open the store while it waits, and it gets its turn although they never stop coming.
    #[test]
    fn newcomers_open_the_store_while_somebody_waits_to_have_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (host, waiting) = (testing::open(folder.path()), testing::open(folder.path()));
        let share = host.share_store(NO_WAIT).unwrap();
        std::thread::scope(|scope| {
            let alone = scope.spawn(|| {
                let wait = Wait::up_to(Duration::from_secs(60));
                waiting.take_store("compaction", wait).map(drop)
            });
            let newcomer = testing::open(folder.path());
            let patience = Wait::up_to(CLOSED_MAX * 3);
            let (mut comes, began) = (0, Instant::now());
            while began.elapsed() < CLOSED_MAX * 4 {
                drop(
                    newcomer
                        .share_store(patience)
                        .expect("nobody is shut out by a wait"),
                );
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
                        held = newcomer.share_store(Wait::up_to(CLOSED_MAX * 60)).unwrap();
                    }
                }
            }
            alone.join().unwrap().expect("and it comes to its turn");
        });
    }

    #[test]
    fn the_store_and_the_write_lock_are_independent() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let _alone = locks.take_store("restore", NO_WAIT).unwrap();
        locks
            .acquire_write(&testing::purpose(), NO_WAIT)
            .unwrap()
            .release();
    }

    #[test]
    fn a_wait_for_the_store_can_be_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let _share = locks.share_store(NO_WAIT).unwrap();
        let error = locks
            .take_store(
                "restore",
                Wait::up_to_while(Duration::from_secs(10), &|| false),
            )
            .unwrap_err();
        assert!(
            matches!(
                error,
                AcquireError::GaveUp {
                    lock: LockName::Store,
                    ..
                }
            ),
            "{error:?}"
        );
    }
}
