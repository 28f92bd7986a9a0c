//! What the tests and benchmarks of several layers need to be instances of a store. Only ever a dev-dependency: no program
//! contains it.

mod chance;

use std::path::Path;

pub use chance::Chance;
use commonplace_lock::{Identity, InstanceId, Locks, Purpose};

/// Returns a new instance of this process.
#[must_use]
pub fn identity(role: &str) -> Identity {
    Identity {
        instance: InstanceId::random(),
        pid: std::process::id(),
        start_time: None,
        boot_id: None,
        pid_namespace: None,
        user: None,
        host_name: "desk".to_owned(),
        program: "commonplace".to_owned(),
        version: "0.1.0".to_owned(),
        role: role.to_owned(),
    }
}

/// Opens the locks in `dir` as a new instance.
///
/// # Panics
/// If they cannot be opened.
#[must_use]
pub fn locks(dir: &Path) -> Locks {
    Locks::open(dir, identity("test")).expect("the locks can be opened")
}

/// Returns what a turn with the write lock is for: a memory that `client` stores.
#[must_use]
pub fn purpose(client: &str) -> Purpose {
    Purpose {
        client: client.to_owned(),
        kind: "store".to_owned(),
        requests: 1,
        progress: None,
    }
}
