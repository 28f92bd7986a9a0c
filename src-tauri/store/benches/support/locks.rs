//! The locks of a benchmark, as an instance of its own.

use std::path::Path;

use commonplace_lock::{Identity, InstanceId, Locks, Purpose};

pub(crate) fn open_locks(dir: &Path) -> Locks {
    let identity = Identity {
        instance: InstanceId::random(),
        pid: std::process::id(),
        start_time: None,
        boot_id: None,
        pid_namespace: None,
        user: None,
        host_name: "desk".into(),
        program: "commonplace".into(),
        version: "0.1.0".into(),
        role: "bench".into(),
    };
    Locks::open(dir, identity).unwrap()
}

pub(crate) fn purpose() -> Purpose {
    Purpose {
        client: "bench".into(),
        kind: "store".into(),
        requests: 1,
        progress: None,
    }
}
