//! What people do about locks: look at them, clear what the dead left, take over from a holder that is stuck.
//!
//! Promises that looking changes nothing, that only records of the dead are cleared, and that a lock is taken over only from a
//! holder that was watched and did not move. Does not know whether the store agrees: the layer above puts a new generation in
//! force.

pub(crate) mod inspect;
pub(crate) mod leftovers;
pub(crate) mod take_over;
pub(crate) mod watch;
