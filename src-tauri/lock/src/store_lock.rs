//! The store lock: shared by who has the store open, exclusive for who must be alone with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{AcquireError, LockName};
use crate::identity::Purpose;
use crate::instances;
use crate::lock_file::{self, LockFile, Mode, Taking};
use crate::locks::{Locks, Shared};
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
    /// Opened after the store is given back.
    _gate: Gate,
}

/// The gate before the store: closed by who waits to have the store alone, and has it. Newcomers wait before it, so that
/// instances that come and go cannot keep maintenance waiting for ever.
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
    /// have the store alone waits behind it.
    ///
    /// # Errors
    /// [`AcquireError::TimedOut`] if an instance has the store alone, or waits for that (migration, restore,
    /// compaction), until the time is up; [`AcquireError::GaveUp`] and [`AcquireError::Io`] as
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
    /// A share that this instance has is in its own way: drop it first. Newcomers wait behind this call.
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
        };
        let gate = Gate::close(shared, &purpose, wait, started)?;
        let path = shared.paths.store_lock();
        match take(shared, &path, Mode::Exclusive, wait, started)? {
            Ok(lock) => {
                let generation = shared.side().generation;
                let record = begin_turn(shared, &shared.store_slot, generation, &purpose);
                Ok(ExclusiveStoreLock {
                    shared: Arc::clone(shared),
                    lock,
                    record,
                    _gate: gate,
                })
            }
            Err(End::TimedOut { waited }) => {
                let mut instances = instances::list(&shared.paths)?;
                instances.retain(|other| other.identity.instance != shared.identity.instance);
                Err(AcquireError::StoreInUse {
                    path,
                    waited,
                    instances,
                })
            }
            Err(end) => Err(end.refusal(shared, path, &shared.store_slot)),
        }
    }
}

impl Gate {
    fn close(
        shared: &Arc<Shared>,
        purpose: &Purpose,
        wait: Wait<'_>,
        started: Instant,
    ) -> Result<Self, AcquireError> {
        let path = shared.paths.store_gate();
        let lock = take(shared, &path, Mode::Exclusive, wait, started)?
            .map_err(|end| end.refusal(shared, path, &shared.gate_slot))?;
        let generation = shared.side().generation;
        Ok(Self {
            record: begin_turn(shared, &shared.gate_slot, generation, purpose),
            shared: Arc::clone(shared),
            lock,
        })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        end_turn(&self.shared.gate_slot, &mut self.record, &self.lock);
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
