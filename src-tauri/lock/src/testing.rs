//! What the tests of several files need.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Clock;
use crate::identity::{Identity, InstanceId, Purpose};
use crate::instances::Served;
use crate::locks::Locks;

/// An identity of this process with a new instance id.
pub(crate) fn identity() -> Identity {
    Identity {
        instance: InstanceId::random(),
        pid: std::process::id(),
        start_time: Some(1_760_000_000),
        boot_id: None,
        pid_namespace: None,
        user: None,
        host_name: "desk".into(),
        program: "commonplace".into(),
        version: "0.1.0".into(),
        role: "serve".into(),
    }
}

pub(crate) fn purpose() -> Purpose {
    Purpose {
        client: "claude-1".into(),
        kind: "store".into(),
        requests: 1,
        progress: None,
    }
}

/// Where an instance says that it serves.
pub(crate) fn served() -> Served {
    Served {
        url: "http://127.0.0.1:7311/".into(),
        mcp_url: "http://127.0.0.1:7311/mcp".into(),
        socket: Some("0123456789abcdef.sock".into()),
        network: Some("net:[1]".into()),
    }
}

pub(crate) fn open(dir: &Path) -> Locks {
    Locks::open(dir, identity()).unwrap()
}

/// A clock that stands still until it is set.
#[derive(Default)]
pub(crate) struct SetClock(AtomicI64);

impl SetClock {
    pub(crate) fn at(now_ms: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(now_ms)))
    }

    pub(crate) fn set(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}
