//! What people are shown: status, diagnosis, the table of locks, figures, clients.
//!
//! Whoever asks gets an answer without waiting for a lock, and never one that is older than a second. Nothing here changes
//! the store or decides about a request.

pub(crate) mod clients;
pub(crate) mod diagnosis;
pub(crate) mod holder;
pub(crate) mod locks_report;
pub(crate) mod metrics;
pub(crate) mod observer;
pub(crate) mod status;
