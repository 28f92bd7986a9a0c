//! The store lock: shared by who has the store open, exclusive for who must be alone with it.

use std::sync::Arc;

use crate::error::{AcquireError, LockName};
use crate::identity::Purpose;
use crate::instances;
use crate::lock_file::{self, LockFile, Mode, Taking};
use crate::locks::{Locks, Shared};
use crate::slot::SlotRecord;
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
}

impl Locks {
    /// Takes a share of the store, waiting as `wait` says. Blocks the calling thread.
    ///
    /// Keep it for as long as the store is open. Shares do not exclude each other.
    ///
    /// # Errors
    /// [`AcquireError::TimedOut`] if an instance has the store alone (migration, restore,
    /// compaction) until the time is up; [`AcquireError::GaveUp`] and [`AcquireError::Io`] as
    /// for [`Locks::acquire_write`].
    pub fn share_store(&self, wait: Wait<'_>) -> Result<SharedStoreLock, AcquireError> {
        let shared = &self.shared;
        let path = shared.paths.store_lock();
        match self.take_store_lock(Mode::Shared, wait)? {
            Taking::Taken { lock, .. } => Ok(SharedStoreLock {
                shared: Arc::clone(shared),
                lock,
            }),
            Taking::TimedOut { waited } => Err(timed_out(
                shared,
                LockName::Store,
                &path,
                waited,
                &shared.store_slot,
            )),
            Taking::GaveUp { waited } => Err(AcquireError::GaveUp {
                lock: LockName::Store,
                path,
                waited,
            }),
        }
    }

    /// Takes the store for this instance alone, waiting as `wait` says. Blocks the calling
    /// thread.
    ///
    /// A share that this instance has is in its own way: drop it first. Whether newcomers that
    /// want a share wait behind this call or overtake it is not promised.
    ///
    /// # Errors
    /// [`AcquireError::StoreInUse`] with the other living instances when the time is up;
    /// [`AcquireError::GaveUp`] and [`AcquireError::Io`] as for [`Locks::acquire_write`].
    pub fn take_store(&self, wait: Wait<'_>) -> Result<ExclusiveStoreLock, AcquireError> {
        let shared = &self.shared;
        let path = shared.paths.store_lock();
        match self.take_store_lock(Mode::Exclusive, wait)? {
            Taking::Taken { lock, .. } => {
                let record = begin_turn(shared, &shared.store_slot, &alone());
                Ok(ExclusiveStoreLock {
                    shared: Arc::clone(shared),
                    lock,
                    record,
                })
            }
            Taking::TimedOut { waited } => {
                let mut instances = instances::list(&shared.paths)?;
                instances.retain(|other| other.identity.instance != shared.identity.instance);
                Err(AcquireError::StoreInUse {
                    path,
                    waited,
                    instances,
                })
            }
            Taking::GaveUp { waited } => Err(AcquireError::GaveUp {
                lock: LockName::Store,
                path,
                waited,
            }),
        }
    }

    fn take_store_lock(&self, mode: Mode, wait: Wait<'_>) -> Result<Taking, AcquireError> {
        let instance = &self.shared.identity.instance;
        tracing::debug!(target: crate::LOG, %instance, ?mode, "asking for the store lock");
        let taking = lock_file::take(&self.shared.paths.store_lock(), mode, wait, || {
            tracing::debug!(target: crate::LOG, %instance, ?mode, "waiting for the store lock");
        })?;
        let is_taken = matches!(taking, Taking::Taken { .. });
        tracing::debug!(target: crate::LOG, %instance, ?mode, is_taken, "asked for the store lock");
        Ok(taking)
    }
}

/// What the holder record says of who has the store alone.
fn alone() -> Purpose {
    Purpose {
        client: String::new(),
        kind: "the store for itself".to_owned(),
        requests: 0,
    }
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
        let error = a.take_store(NO_WAIT).unwrap_err();
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

        let alone = a.take_store(NO_WAIT).unwrap();
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
        assert!(b.take_store(NO_WAIT).is_err(), "alone means alone");
        drop(alone);
        drop(b.share_store(NO_WAIT).unwrap());
    }

    #[test]
    fn the_store_and_the_write_lock_are_independent() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let _alone = locks.take_store(NO_WAIT).unwrap();
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
            .take_store(Wait::up_to_while(Duration::from_secs(10), &|| false))
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
