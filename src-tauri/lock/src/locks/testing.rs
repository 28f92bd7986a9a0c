//! What the tests of several locks need.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::Locks;
use super::error::AcquireError;
use super::write::WriteLock;
use crate::file::wait::Wait;
use crate::liveness::holder_state::HolderState;
use crate::records::holder::HolderRecord;
use crate::testing;

pub(crate) const NO_WAIT: Wait<'static> = Wait::up_to(Duration::ZERO);
/// Only ends a hung test.
pub(crate) const HUNG: Wait<'static> = Wait::up_to(Duration::from_secs(60));

/// Opens the locks of one new directory several times.
pub(crate) fn opened<const N: usize>() -> (TempDir, [Locks; N]) {
    let folder = tempfile::tempdir().unwrap();
    let locks = std::array::from_fn(|_| open(folder.path()));
    (folder, locks)
}

pub(crate) fn open(dir: &Path) -> Locks {
    Locks::open(dir, testing::identity()).unwrap()
}

/// Takes the write lock, which is free.
pub(crate) fn take(locks: &Locks) -> WriteLock {
    locks.acquire_write(&testing::purpose(), NO_WAIT).unwrap()
}

pub(crate) fn take_when_free(locks: &Locks) -> WriteLock {
    locks.acquire_write(&testing::purpose(), HUNG).unwrap()
}

/// Asks for the write lock, which does not come while `wait` lasts.
pub(crate) fn refused(locks: &Locks, wait: Wait<'_>) -> AcquireError {
    locks.acquire_write(&testing::purpose(), wait).unwrap_err()
}

/// Who has the write lock, as `locks` see it.
pub(crate) fn held_by(locks: &Locks) -> HolderRecord {
    match locks.holder() {
        HolderState::Held(holder) => holder,
        other => panic!("not seen as held: {other:?}"),
    }
}
