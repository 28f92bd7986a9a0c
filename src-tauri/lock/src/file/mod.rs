//! Single files of the lock directory: their names, how they are opened, locked, written and compared.
//!
//! Promises that a lock is taken on the file that its path names now, that a record is replaced as a whole, and that network
//! file systems are recognised before anything is created on them. Does not know what a lock or a record is for, or who is
//! alive.

pub(crate) mod json;
pub(crate) mod lock_file;
#[cfg(any(target_os = "linux", test))]
mod mounts;
pub(crate) mod network;
pub(crate) mod paths;
pub(crate) mod place;
pub(crate) mod platform;
pub(crate) mod space;
pub(crate) mod wait;
