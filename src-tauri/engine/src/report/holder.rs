//! What the records of locks say, as values that leave the process, and in words.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use commonplace_api::locks::{LockParty, LockState, Progress};
use commonplace_api::status::InstanceStatus;
use commonplace_lock::{HolderRecord, HolderState, Identity, InstanceRecord, Locks, Purpose};

use crate::mutex::lock;

/// Who kept writes waiting when that was looked at last, in words.
#[derive(Default)]
pub(crate) struct LongWait(Mutex<Option<(Instant, String)>>);

impl LongWait {
    pub(crate) fn note(&self, holder: String) {
        *lock(&self.0) = Some((Instant::now(), holder));
    }

    /// Returns who was seen in the way of a write that has waited since `asked`; empty if nobody was.
    pub(crate) fn seen_since(&self, asked: Instant) -> String {
        let seen = lock(&self.0);
        let seen = seen.as_ref().filter(|(at, _)| *at >= asked);
        seen.map(|(_, holder)| holder.clone()).unwrap_or_default()
    }
}

/// Says in words who keeps writes waiting at this moment. Reads files.
pub(crate) fn holder_words(locks: &Locks, now_ms: i64) -> String {
    match lock_state(locks.holder()) {
        (LockState::Held, Some(holder)) => {
            let age = Duration::from_millis((now_ms - holder.since_ms).max(0) as u64);
            format!(
                "it is held by pid {} (commonplace {} {}, on host {}) for {:.1?}, to {} for {}",
                holder.pid,
                holder.version,
                holder.role,
                holder.host_name,
                age,
                holder.kind,
                holder.client
            )
        }
        (LockState::HeldByUnknown | LockState::Held, _) => {
            "it is held by a program that left no record".to_owned()
        }
        (LockState::Free | LockState::Leftover | LockState::Unknown, _) => {
            "it is free now, but the writes before this one took too long".to_owned()
        }
    }
}

/// Returns the state of a lock, and who holds it or held it last.
pub(crate) fn lock_state(holder: HolderState) -> (LockState, Option<LockParty>) {
    let known =
        |record: &HolderRecord| Some(party(&record.identity, &record.purpose, record.since_ms));
    match holder {
        HolderState::Free => (LockState::Free, None),
        HolderState::Held(record) => (LockState::Held, known(&record)),
        HolderState::HeldByUnknown => (LockState::HeldByUnknown, None),
        HolderState::Leftover(record) => (LockState::Leftover, known(&record)),
    }
}

/// Puts together who holds or waits.
pub(crate) fn party(identity: &Identity, purpose: &Purpose, since_ms: i64) -> LockParty {
    LockParty {
        instance: identity.instance.to_string(),
        pid: identity.pid,
        role: identity.role.clone(),
        version: identity.version.clone(),
        host_name: identity.host_name.clone(),
        client: purpose.client.clone(),
        kind: purpose.kind.clone(),
        requests: purpose.requests,
        progress: purpose.progress.map(|progress| Progress {
            done: progress.done,
            of: progress.of,
        }),
        since_ms,
    }
}

pub(crate) fn instance_status(record: InstanceRecord) -> InstanceStatus {
    InstanceStatus {
        instance: record.identity.instance.to_string(),
        pid: record.identity.pid,
        role: record.identity.role,
        version: record.identity.version,
        host_name: record.identity.host_name,
        since_ms: record.since_ms,
        url: record.url,
    }
}
