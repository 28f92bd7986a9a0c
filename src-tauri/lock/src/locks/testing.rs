//! What the tests of several locks need.

use std::path::Path;
use std::time::Duration;

use super::Locks;
use crate::file::wait::Wait;
use crate::testing;

pub(crate) const NO_WAIT: Wait<'static> = Wait::up_to(Duration::ZERO);
/// Only ends a hung test.
pub(crate) const HUNG: Wait<'static> = Wait::up_to(Duration::from_secs(60));

pub(crate) fn open(dir: &Path) -> Locks {
    Locks::open(dir, testing::identity()).unwrap()
}
