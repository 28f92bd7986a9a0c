//! Locks between processes: who may write, who holds, who waits, who is alive.
//!
//! Several instances may have one store open at the same time. This layer puts their writes
//! in a row and says whose turn it is. Everything lies in one directory:
//!
//! ```text
//! locks/write.lock            exclusive, for one batch of writes
//! locks/write.holder.json     who has it now, or who had it last
//! locks/store.lock            shared by every open instance; exclusive for migration, restore, compaction
//! locks/write.<n>.lock …      the same after the n-th take-over from a holder that was stuck
//! locks/line/<ticket>         a place in the line for the write lock, locked by its owner
//! locks/store.holder.json     who has the store for itself
//! locks/store.gate.lock       exclusive for who has the store for itself or is about to; newcomers wait behind it
//! locks/take-over.lock        exclusive for who takes the write lock over
//! locks/audit.jsonl           who settled a lock, when, what was found and done
//! locks/instances/<id>.lock   the life lock: held by instance <id> from open to exit
//! locks/instances/<id>.json   what that instance says of itself
//! locks/waiters/<id>-<n>.json one waiting call of that instance
//! locks/pause.json            while it is there, nobody writes
//! ```
//!
//! # What it promises
//!
//! - One [`WriteLock`] at a time, between processes and between threads of one process. There
//!   is no other way to make the value, so a function that takes `&WriteLock` cannot be called
//!   without the lock.
//! - The lock of the operating system is the truth. It is free as soon as its holder has
//!   released it or is dead, however it died; nothing has to be cleaned up by a person.
//! - Records only inform. A record that is missing, torn, damaged or written by a newer program
//!   is "unknown": it never stops a lock from being taken and never causes a panic.
//! - An instance counts as dead only if its life lock is free. Pids, host names and times are
//!   for the eyes of people.
//! - If it can be taken although its owner has it, the two see one directory through two file systems: then nothing is
//!   opened. Where that cannot be proven, the owner notices that its life lock is gone, and stops.
//! - `write.lock` and `store.lock` are never deleted. Device and inode are compared after
//!   locking, so a file that was put in their place is noticed.
//! - First come, first served, between processes too. The death of a holder or of a waiter wakes the next one at once;
//!   one that is stopped in line is passed over after a moment. Only calls that come within the same microseconds may
//!   change places.
//! - Every wait has a limit and can be given up. A refusal names who is in the way.
//! - Network file systems are refused before anything is created on them.
//!
//! # What it does not promise
//!
//! - That a holder is still *entitled* to write. A stopped program holds its lock for ever; it can be taken over
//!   ([`Locks::watch_stuck_holder`]): the lock moves to the file of another [`Generation`], and the layer above, which
//!   keeps generation and epoch in the database, refuses the late write.
//! - Anything after a power loss. Records are about living programs, so nothing here is synced but the audit list and the
//!   pause.
//!
//! # What it refuses to know
//!
//! What a memory is, that there is a database, what is done under the lock, what the time is
//! called, who the user is. The caller says who it is ([`Identity`]) and what for ([`Purpose`]).
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use commonplace_lock::{Identity, InstanceId, Locks, Purpose, Wait};
//!
//! # let folder = tempfile::tempdir()?;
//! # let directory = folder.path().join("locks");
//! let identity = Identity {
//!     instance: InstanceId::random(),
//!     pid: std::process::id(),
//!     start_time: None,
//!     boot_id: None,
//!     pid_namespace: None,
//!     user: None,
//!     host_name: "desk".into(),
//!     program: "commonplace".into(),
//!     version: "0.1.0".into(),
//!     role: "serve".into(),
//! };
//! let locks = Locks::open(&directory, identity)?;
//! let purpose = Purpose { client: "claude-1".into(), kind: "store".into(), requests: 1, progress: None };
//! let lock = locks.acquire_write(&purpose, Wait::up_to(Duration::from_secs(5)))?;
//! // write here, lending `&lock` to whatever needs the proof
//! let hold = lock.release();
//! assert!(hold.held >= Duration::ZERO);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With `DEBUG` logging every step is told under the target `commonplace::lock`.

mod audit;
mod clock;
mod errand;
mod error;
pub mod fail_point;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod holder;
mod identity;
mod inspect;
mod instances;
mod leftovers;
mod life;
mod line;
mod lock_file;
mod locks;
mod meeting;
mod network;
mod paths;
mod pause;
mod place;
mod platform;
mod record;
mod slot;
mod space;
mod store_lock;
mod take_over;
mod ticket;
mod wait;
mod waiters;
mod watch;
mod write;

#[cfg(test)]
mod testing;

pub use audit::{AuditAct, AuditEntry, AuditParty, AuditStage, read_audit, write_audit};
pub use clock::{Clock, SystemClock};
pub use error::{AcquireError, LockName, OpenError};
pub use holder::{HolderRecord, HolderState};
pub use identity::{Generation, Identity, InstanceId, InvalidInstanceId, Progress, Purpose};
pub use inspect::{DeadInstance, LockLook, Look, lock_holders, look};
pub use instances::{InstanceRecord, Served, instances_dir, is_proved_alive, live_instances};
pub use leftovers::Cleared;
pub use life::LifeLost;
pub use locks::Locks;
pub use pause::{PauseRecord, pause_writes, paused_writes, resume_writes};
pub use place::{FileId, Found, Place};
pub use space::{DiskSpace, disk_space};
pub use store_lock::{ExclusiveStoreLock, SharedStoreLock};
pub use take_over::{TakeOver, TakeOverError};
pub use wait::Wait;
pub use waiters::WaiterRecord;
pub use watch::LockWatch;
pub use write::{Hold, WriteLock};

/// Target of every log line of this layer.
const LOG: &str = "commonplace::lock";
