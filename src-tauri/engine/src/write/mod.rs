//! Writes: from the call through a bounded, fair queue to one commit for what waits, and the answer.
//!
//! An answer means that the write is in the store and synced. Requests of one client keep their order, and a client that
//! floods delays another by its share only. Only the writer thread takes the write lock here, and it holds it for one batch.
//! What a write does to the store is not known here, nor who is shown what became of it.

pub(crate) mod batch;
pub(crate) mod fair_queue;
pub(crate) mod parts;
pub(crate) mod pause;
pub(crate) mod pending;
pub(crate) mod queue;
pub(crate) mod recording;
pub(crate) mod redacted;
#[cfg(all(test, feature = "shuttle"))]
mod schedules;
mod sync;
pub(crate) mod writer_thread;
pub(crate) mod writing;
