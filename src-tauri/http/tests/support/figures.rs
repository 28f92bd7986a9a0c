//! The figures of a host in the middle of its work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use commonplace_engine::{
    AcquisitionFailures, ClientStats, ClientStatus, DiskStatus, FileStatus, HostStatus,
    InLineStatus, IncidentStatus, IndexStatus, InstanceStatus, IntegrityStatus, KindStats,
    LockParty, LockState, LockStatus, MemoryCounts, ModelStatus, OverallState, QueueStatus, Sample,
    Stats, Status, TimeSummary, Transport, WaitsReport, WorkerStatus,
};
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

    fn incidents(&self, limit: usize) -> Vec<IncidentStatus> {
        (0..1000).take(limit).map(incident).collect()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

pub(crate) fn times(count: u64, scale: f64) -> TimeSummary {
    TimeSummary {
        count,
        average_ms: 2.0 * scale,
        p50_ms: 1.5 * scale,
        p95_ms: 6.0 * scale,
        p99_ms: 9.0 * scale,
        max_ms: 20.0 * scale,
        sum_ms: 2.0 * scale * count as f64,
    }
}

/// A host in the middle of its work; every figure is different, so that a mix-up shows.
pub(crate) fn busy_status() -> Status {
    Status {
        now_ms: NOW_MS,
        state: OverallState::Busy,
        diagnosis: "3 writes are under way; none waits long".to_owned(),
        host: host(),
        pause: None,
        settings_problem: None,
        lock: lock(),
        queue: QueueStatus {
            length: 3,
            limit: 1000,
            oldest_ms: 12,
            in_commit: 2,
            share: 32,
            flood: None,
            line: vec![InLineStatus {
                client: "claude-code".to_owned(),
                project: Some("website".to_owned()),
                kind: "store",
                requests: 1,
                since_ms: NOW_MS - 12,
            }],
        },
        workers: WorkerStatus {
            count: 4,
            busy: 1,
            waiting: 2,
            wait: times(211, 0.3),
            is_auto: false,
        },
        index: IndexStatus {
            backlog: 17,
            indexed: 4983,
            model: ModelStatus::Ready,
            reason: None,
            vectors_per_s: 56.5,
        },
        memories: MemoryCounts {
            total: 5000,
            deleted: 21,
        },
        files: FileStatus {
            database: "/store/commonplace.db".to_owned(),
            database_bytes: 12_345_678,
            wal_bytes: 98_765,
            disk: Some(DiskStatus {
                free_bytes: 44_000_000_000,
                total_bytes: 250_000_000_000,
                low_below_bytes: 1_000_000_000,
                is_low: false,
            }),
            sqlite_version: "3.54.0".to_owned(),
            vec_version: "0.1.9".to_owned(),
            schema_version: 2,
            lost_writes: None,
            note_trouble: None,
            integrity: IntegrityStatus::Ok,
            integrity_checked_ms: Some(NOW_MS - 3_599_000),
            displaced: None,
            doubtful_file_system: None,
            last_backup_ms: Some(NOW_MS - 86_400_000),
        },
        stats: stats(),
        clients: vec![client()],
        instances: vec![instance()],
    }
}

pub(crate) fn incident(number: i64) -> IncidentStatus {
    IncidentStatus {
        at_ms: NOW_MS - number,
        what: "slow_wait".to_owned(),
        end: "done".to_owned(),
        instance: "00112233445566778899aabbccddeeff".to_owned(),
        client: "claude-code".to_owned(),
        kind: "store".to_owned(),
        took_ms: 1200.5,
        holder: "it is held by pid 913".to_owned(),
    }
}

fn host() -> HostStatus {
    HostStatus {
        instance: "00112233445566778899aabbccddeeff".to_owned(),
        pid: 812,
        version: "0.1.0".to_owned(),
        role: "serve".to_owned(),
        host_name: "desk".to_owned(),
        started_ms: NOW_MS - 3_600_000,
        data_dir: "/store".to_owned(),
    }
}

fn lock() -> LockStatus {
    LockStatus {
        state: LockState::Held,
        holder: Some(party(812, "claude-code", NOW_MS - 4)),
        waiters: vec![party(913, "commonplace import", NOW_MS - 3)],
        epoch: 42,
    }
}

fn party(pid: u32, client: &str, since_ms: i64) -> LockParty {
    LockParty {
        instance: format!("{pid:032x}"),
        pid,
        role: "serve".to_owned(),
        version: "0.1.0".to_owned(),
        host_name: "desk".to_owned(),
        client: client.to_owned(),
        kind: "store".to_owned(),
        requests: 2,
        progress: None,
        since_ms,
    }
}

fn stats() -> Stats {
    Stats {
        acquisitions: 101,
        failed_acquisitions: 26,
        failed_by_reason: AcquisitionFailures {
            timed_out: 2,
            gave_up: 13,
            io: 5,
            fenced: 6,
        },
        contended_acquisitions: 3,
        last_acquisition_ms: Some(NOW_MS - 4),
        active_locks: 1,
        acknowledged: 404,
        refused: 5,
        failed: 14,
        queue_full: 6,
        throttled: 13,
        timed_out: 7,
        cancelled: 8,
        commits: 99,
        retries: 10,
        searches: 211,
        leftovers_cleared: 12,
        queue_wait: times(404, 1.0),
        lock_wait: times(101, 0.1),
        hold: times(101, 2.0),
        commit: times(99, 1.1),
        write_total: times(404, 3.0),
        search_total: times(211, 4.0),
        by_kind: vec![KindStats {
            kind: "store".to_owned(),
            acquisitions: 98,
            done: 404,
            failed: 1,
            queue_wait: times(405, 1.0),
            lock_wait: times(406, 0.1),
            hold: times(98, 2.0),
            total: times(404, 3.0),
        }],
        by_client: vec![ClientStats {
            client: "claude-code".to_owned(),
            acquisitions: 97,
            done: 407,
            failed: 15,
            queue_full: 16,
            throttled: 17,
            timed_out: 18,
            cancelled: 19,
            queue_wait: times(408, 1.0),
            lock_wait: times(409, 0.1),
            hold: times(97, 2.0),
            write_total: times(404, 3.0),
            search_total: times(211, 4.0),
        }],
    }
}

fn client() -> ClientStatus {
    ClientStatus {
        client: "claude-code".to_owned(),
        version: Some("2.1.0".to_owned()),
        session: Some("s-1".to_owned()),
        pid: Some(4711),
        project: Some("/home/ada/notes".to_owned()),
        transport: Transport::Http,
        in_flight: 2,
        waiting: 1,
        throttled: 13,
        requests: 615,
        errors: 1,
        last_seen_ms: NOW_MS - 4,
        queue_wait: times(404, 0.7),
        write_total: times(404, 3.0),
    }
}

fn instance() -> InstanceStatus {
    InstanceStatus {
        instance: "00112233445566778899aabbccddeeff".to_owned(),
        pid: 812,
        role: "serve".to_owned(),
        version: "0.1.0".to_owned(),
        host_name: "desk".to_owned(),
        since_ms: NOW_MS - 3_600_000,
        url: Some("http://127.0.0.1:7311".to_owned()),
    }
}
