//! Reads: searches, lists and counts on worker threads, and the index that a search by meaning needs.
//!
//! A read never waits for a writer; a search may wait 250 ms for a small index backlog. What the indexer has not done is
//! what the store says has no vectors, so a crash forgets nothing. How a vector comes into the store is not known here: it
//! goes through the write queue like any other write.

pub(crate) mod activity;
pub(crate) mod indexer;
pub(crate) mod model;
pub(crate) mod reading;
pub(crate) mod scaling;
pub(crate) mod workers;
