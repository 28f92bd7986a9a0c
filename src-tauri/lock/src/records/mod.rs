//! What instances write down for each other and for people: who holds, who waits, who is there, who paused, what was done.
//!
//! Promises that records only inform: one that is missing, torn, damaged or written by a newer program reads as "unknown" and
//! never causes a panic. Does not know whether what a record says is still true; see [`crate::liveness`].

pub(crate) mod audit;
pub(crate) mod holder;
pub(crate) mod instance;
pub(crate) mod pause;
pub(crate) mod slot;
pub(crate) mod waiter;
