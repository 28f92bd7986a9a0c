//! The figures of a host in the middle of its work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use commonplace_api::statistics::{Incident, IncidentKind, Sample, WaitsReport};
use commonplace_api::status::Status;
use commonplace_http::StatusSource;
use tokio::sync::watch;

use super::NOW_MS;

/// A host whose figures a test sets.
pub(crate) struct MadeUp {
    pub(crate) status: std::sync::Mutex<Status>,
    pub(crate) changes: watch::Sender<u64>,
    reads: AtomicU64,
}

impl MadeUp {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            status: std::sync::Mutex::new(busy_status()),
            changes: watch::Sender::new(0),
            reads: AtomicU64::new(0),
        })
    }

    /// How many times the status was read.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status.lock().unwrap());
        self.changes.send_modify(|count| *count += 1);
    }
}

impl StatusSource for MadeUp {
    fn status(&self) -> Status {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.status.lock().unwrap().clone()
    }

    fn history(&self, seconds: usize) -> Vec<Sample> {
        let all = (0..3600).map(|n| Sample {
            at_ms: NOW_MS + n * 1000,
            writes: 1,
            queue_wait_max_ms: n as f32,
            ..Sample::default()
        });
        all.skip(3600 - seconds).collect()
    }

    fn history_between(&self, from_ms: i64, to_ms: i64, points: usize) -> Vec<Sample> {
        let length_ms = (to_ms - from_ms) / points as i64;
        let at = |n| Sample {
            at_ms: from_ms + n as i64 * length_ms,
            length_ms,
            ..Sample::default()
        };
        (0..points).map(at).collect()
    }

    fn waits_between(&self, _: i64, _: i64, _: usize) -> WaitsReport {
        WaitsReport::default()
    }

    fn incidents(&self, limit: usize) -> Vec<Incident> {
        (0..1000).take(limit).map(incident).collect()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

/// A host in the middle of its work; every figure is different, so that a mix-up shows.
pub(crate) fn busy_status() -> Status {
    let stored = include_str!("../../../api/tests/stored/status-0.1.json");
    serde_json::from_str(stored).expect("today's program reads it")
}

pub(crate) fn incident(number: i64) -> Incident {
    Incident {
        at_ms: NOW_MS - number,
        what: IncidentKind::SlowWait,
        end: "done".to_owned(),
        instance: "00112233445566778899aabbccddeeff".to_owned(),
        client: "claude-code".to_owned(),
        kind: "store".to_owned(),
        took_ms: 1200.5,
        holder: "it is held by pid 913".to_owned(),
    }
}
