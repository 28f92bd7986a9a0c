//! What the tests of several files need.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Clock;
use crate::identity::{Generation, Identity, InstanceId, Purpose};
use crate::records::audit::{AuditAct, AuditEntry, AuditParty, AuditStage};
use crate::records::holder::{HolderRecord, SlotRecord, State};
use crate::records::instance::Served;
use crate::records::waiter::WaiterRecord;

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

/// What a slot says while an instance holds the lock.
pub(crate) fn slot_record() -> SlotRecord {
    SlotRecord {
        state: State::Held,
        acquisition: 3,
        holder: HolderRecord {
            identity: identity(),
            purpose: purpose(),
            generation: Generation(0),
            epoch: Some(7),
            since_ms: 1_760_000_000_123,
        },
    }
}

pub(crate) fn waiter_record() -> WaiterRecord {
    WaiterRecord {
        identity: identity(),
        purpose: purpose(),
        since_ms: -1,
        ticket: None,
        alive: true,
    }
}

pub(crate) fn audit_entry() -> AuditEntry {
    AuditEntry {
        at_ms: 1,
        act: AuditAct::TakeOver,
        stage: AuditStage::Done,
        by: AuditParty {
            user: "ann".into(),
            pid: 7,
            role: "cli unlock".into(),
            host_name: "desk".into(),
        },
        found: "held by pid 812\nsince 12:04".into(),
        done: "generation 1".into(),
    }
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
