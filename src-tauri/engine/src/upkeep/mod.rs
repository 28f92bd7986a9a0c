//! What keeps a store healthy: backups, checks for damage, the log after a purge, stuck locks, and the work of commands
//! that need the store for themselves.
//!
//! Each task runs beside the writes, or says that it needs the store alone. Every act on a lock or a whole store is in the
//! audit log before it begins. Nothing here knows the write queue.

pub(crate) mod backups;
pub(crate) mod integrity;
pub(crate) mod offline;
pub(crate) mod purged_log;
pub(crate) mod requests;
pub(crate) mod settle;
