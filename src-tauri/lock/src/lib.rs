//! Locks between processes: who may write, who holds, who waits, who is alive.
//!
//! Several instances may have one store open at the same time. This layer makes them write one after another. Everything is
//! in one directory:
//!
//! ```text
//! locks/write.lock            exclusive, for one batch of writes
//! locks/write.holder.json     who has it now, or who had it last
//! locks/store.lock            shared by every open instance; exclusive for migration, restore, compaction
//! locks/write.<n>.lock …      the same after the n-th take-over from a holder that was stuck
//! locks/line/<ticket>         a place in the line for the write lock, locked by its owner
//! locks/store.holder.json     who has the store lock exclusively
//! locks/store.gate.lock       exclusive for an instance that has the store lock exclusively or is about to; newcomers wait
//! locks/take-over.lock        exclusive for an instance that takes the write lock over
//! locks/audit.jsonl           who settled a lock, when, what was found and done
//! locks/instances/<id>.lock   the life lock: held by instance <id> from open to exit
//! locks/instances/<id>.json   what that instance says about itself
//! locks/waiters/<id>-<n>.json one waiting call of that instance
//! locks/pause.json            while it is there, nobody writes
//! ```
//!
//! # What it promises
//!
//! - One [`WriteLock`] at a time, between processes and between threads of one process. There is no other way to make the
//!   value, so a function that takes `&WriteLock` cannot be called without the lock.
//! - The lock of the operating system is the truth. It is free as soon as its holder has released it or is dead, however it
//!   died; nobody has to clean up.
//! - Records only inform. A record that is missing, torn, damaged or written by a newer program is "unknown": it never stops a
//!   lock from being taken and never causes a panic.
//! - An instance counts as dead only if its life lock is free. Pids, host names and times are only for display.
//! - If a life lock can be taken although its owner holds it, the two see one directory through two file systems: then nothing
//!   is opened. Where that cannot be proved, the owner notices that its life lock is gone, and stops.
//! - `write.lock` and `store.lock` are never deleted. Device and inode are compared after locking, so a file that replaced
//!   them is noticed.
//! - First come, first served, between processes too. The death of a holder or of a waiter wakes the next one at once; one
//!   that is stopped in line is passed over after a moment. Only calls that come within the same microseconds may change
//!   places.
//! - Every wait has a limit and can be given up. A refusal names who is in the way.
//! - Network file systems are refused before anything is created on them.
//!
//! # What it does not promise
//!
//! - That a holder is still *entitled* to write. A stopped program holds its lock for ever; it can be taken over
//!   ([`Locks::watch_stuck_holder`]): the lock moves to the file of another [`Generation`], and the layer above, which keeps
//!   generation and epoch in the database, refuses the late write.
//! - Anything after a power loss. Records are about living programs, so nothing here is synced but the audit log and the
//!   pause.
//!
//! # What it refuses to know
//!
//! What a memory is, that there is a database, what is done under the lock, what time it is, who the user is. The caller says
//! who it is ([`Identity`]) and what for ([`Purpose`]).
//!
//! # Where things are
//!
//! Each folder uses only those before it: `file` (single files), `records` (what instances write down), `liveness` (who is
//! alive), `line` (who is next), `locks` (the locks as a program takes them), `recovery` (what people do about them). The files
//! beside this one, who an instance is, errors, clock, fail points, are used by all of them.
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
//! At level debug every step is logged under the target `commonplace::lock`.

mod clock;
mod error;
pub mod fail_point;
mod file;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod line;
mod liveness;
mod locks;
mod records;
mod recovery;
#[cfg(test)]
mod testing;

pub use clock::{Clock, SystemClock};
pub use error::OpenError;
pub use file::place::{FileId, Found, Place};
pub use file::space::{DiskSpace, disk_space};
pub use file::wait::Wait;
pub use identity::{Generation, Identity, InstanceId, InvalidInstanceId, Progress, Purpose};
pub use liveness::holder_state::HolderState;
pub use liveness::instances::{instances_dir, is_proved_alive, live_instances};
pub use liveness::life::LifeLost;
pub use liveness::process::lock_holders;
pub use locks::Locks;
pub use locks::error::{AcquireError, LockName};
pub use locks::store::{ExclusiveStoreLock, SharedStoreLock};
pub use locks::write::{Hold, WriteLock};
pub use records::audit::{AuditAct, AuditEntry, AuditParty, AuditStage, read_audit, write_audit};
pub use records::holder::HolderRecord;
pub use records::instance::{InstanceRecord, Served};
pub use records::pause::{PauseRecord, pause_writes, paused_writes, resume_writes};
pub use records::waiter::WaiterRecord;
pub use recovery::inspect::{DeadInstance, LockLook, Look, look};
pub use recovery::leftovers::Cleared;
pub use recovery::take_over::{TakeOver, TakeOverError};
pub use recovery::watch::LockWatch;

/// Target of every log line of this layer.
const LOG: &str = "commonplace::lock";
