//! Who is alive, and so whose records are true.
//!
//! Promises that an instance counts as dead only if its life lock is free, and that files are removed only of instances that
//! are proved dead. Pids, host names and times are only for display. Does not know in which order instances are served, nor
//! what they do with a lock.

pub(crate) mod holder_state;
pub(crate) mod instances;
pub(crate) mod life;
pub(crate) mod locks_apart;
pub(crate) mod process;
pub(crate) mod sweep;
pub(crate) mod this_instance;
