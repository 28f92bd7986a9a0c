//! The status: put together when somebody asks, from what the parts know and what is on disk.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use commonplace_api::ProcessState;
use commonplace_api::locks::{LockParty, LockState};
use commonplace_api::settings::WorkerCount;
use commonplace_api::status::{
    DiskStatus, FileStatus, FloodStatus, HostStatus, InLineStatus, IndexStatus, InstanceStatus,
    IntegrityStatus, LockStatus, MemoryCounts, QueueStatus, Status, WorkerStatus,
};
use commonplace_embed::ModelSlot;
use commonplace_lock::{HolderState, disk_space};
use commonplace_store::Totals;

use crate::context::Context;
use crate::mutex::lock;
use crate::processes::Processes;
use crate::read::indexer::Indexer;
use crate::read::model::model_status;
use crate::read::workers::Workers;
use crate::redactions::Redactions;
use crate::report::clients::Clients;
use crate::report::diagnosis::{Facts, diagnose};
use crate::report::holder::{instance_status, lock_state, party};
use crate::upkeep::backups::last_backup_of;
use crate::upkeep::integrity::{Integrity, Known};
use crate::write::fair_queue::SHARE;
use crate::write::queue::{QueuedGroup, WriteQueue};

/// What is read from disk for the status is read again after this time at the earliest.
const FRESH_FOR: Duration = Duration::from_millis(100);
/// A disk with less room than this is worth a warning: enough for a backup of a large store and its log.
const DISK_LOW_BYTES: u64 = 1_000_000_000;

/// What was last read from disk.
#[derive(Default)]
pub(crate) struct StatusCache(Mutex<Option<Snapshot>>);

impl StatusCache {
    /// Makes the next status read from disk what other instances may have changed.
    pub(crate) fn expire(&self) {
        if let Some(snapshot) = &mut *lock(&self.0) {
            snapshot.is_outdated = true;
        }
    }
}

/// What was read from disk at one moment.
#[derive(Clone)]
struct Snapshot {
    at: Instant,
    /// Other instances may have changed it since.
    is_outdated: bool,
    lock: (LockState, Option<LockParty>),
    /// What the system says of the holder's process.
    holder_process: ProcessState,
    waiters: Vec<LockParty>,
    instances: Vec<InstanceStatus>,
    totals: Totals,
    files: FileStatus,
}

/// Where the status comes from.
pub(crate) struct Sources<'a> {
    pub(crate) context: &'a Context,
    pub(crate) cache: &'a StatusCache,
    pub(crate) queue: &'a WriteQueue,
    pub(crate) workers: &'a Workers,
    pub(crate) clients: &'a Clients,
    pub(crate) indexer: &'a Indexer,
    pub(crate) model: &'a ModelSlot,
    pub(crate) integrity: &'a Integrity,
    pub(crate) redactions: &'a Redactions,
}

/// Puts the status together.
pub(crate) fn status(sources: &Sources<'_>) -> Status {
    let (context, workers) = (sources.context, sources.workers);
    let (health, now_ms) = (&context.health, context.now_ms());
    let seen = snapshot(sources);
    let queue = queue_status(context, sources.queue, now_ms);
    let Known {
        status: integrity,
        checked_ms: integrity_checked_ms,
    } = sources.integrity.known();
    let (stopped, failing) = (health.stopped(), health.failing());
    let (pause, settings_problem) = (context.paused(), health.settings_problem());
    let displaced = context.store.displaced().map(|how| how.to_string());
    let doubtful_file_system = context.locks.doubtful_file_system().map(str::to_owned);
    let (lock, holder) = seen.lock;
    let (state, diagnosis) = diagnose(&Facts {
        now_ms,
        stopped: stopped.as_deref(),
        displaced: displaced.as_deref(),
        failing: failing.as_deref(),
        integrity: &integrity,
        lost: seen.files.lost_writes.as_deref(),
        pause: pause.as_ref(),
        settings_problem: settings_problem.as_deref(),
        doubtful_file_system: doubtful_file_system.as_deref(),
        own_instance: context.locks.identity().instance.as_str(),
        lock,
        holder: holder.as_ref(),
        holder_process: seen.holder_process,
        waiters: seen.waiters.len(),
        queue_length: queue.length,
        queue_limit: queue.limit,
        oldest_ms: queue.oldest_ms,
        flood: queue.flood.as_ref(),
    });
    let (count, busy, waiting) = workers.counts();
    Status {
        now_ms,
        state,
        diagnosis,
        host: host_status(context),
        pause,
        settings_problem,
        settings_revision: health.settings_revision(),
        lock: LockStatus {
            state: lock,
            holder,
            waiters: seen.waiters,
            epoch: health.epoch(),
        },
        queue,
        workers: WorkerStatus {
            count,
            busy,
            waiting,
            wait: workers.waits(),
            is_auto: context.limits().workers == WorkerCount::Auto,
        },
        index: index_status(sources, &seen.totals),
        memories: MemoryCounts {
            total: seen.totals.living,
            deleted: seen.totals.deleted,
        },
        redactions: sources.redactions.status(now_ms),
        files: FileStatus {
            integrity,
            integrity_checked_ms,
            displaced,
            doubtful_file_system,
            ..seen.files
        },
        stats: context.metrics.stats(&context.locks, now_ms),
        clients: sources
            .clients
            .list(|client| sources.queue.waiting_of(client)),
        instances: seen.instances,
    }
}

fn host_status(context: &Context) -> HostStatus {
    let identity = context.locks.identity();
    HostStatus {
        instance: identity.instance.to_string(),
        pid: identity.pid,
        version: identity.version.clone(),
        role: identity.role.clone(),
        host_name: identity.host_name.clone(),
        started_ms: context.started_ms,
        data_dir: context.config.data_dir.display().to_string(),
    }
}

fn queue_status(context: &Context, queue: &WriteQueue, now_ms: i64) -> QueueStatus {
    QueueStatus {
        length: queue.len(),
        limit: queue.limit(),
        oldest_ms: queue
            .oldest()
            .map_or(0, |asked| asked.elapsed().as_millis() as u64),
        in_commit: context.counters().in_commit.load(Ordering::Relaxed) as usize,
        share: SHARE,
        flood: queue.flood().map(|flood| FloodStatus {
            client: flood.client.client.clone(),
            own: flood.own,
            waiting: flood.waiting,
        }),
        line: queue
            .line()
            .into_iter()
            .map(|group| in_line_status(group, now_ms))
            .collect(),
    }
}

fn in_line_status(group: QueuedGroup, now_ms: i64) -> InLineStatus {
    InLineStatus {
        client: group.client.client.clone(),
        project: group.client.project.clone(),
        kind: group.kind.to_owned(),
        requests: group.requests,
        since_ms: now_ms - group.asked.elapsed().as_millis() as i64,
    }
}

fn index_status(sources: &Sources<'_>, totals: &Totals) -> IndexStatus {
    let (model, reason) = model_status(sources.model);
    IndexStatus {
        backlog: totals.unindexed,
        indexed: totals.living - totals.unindexed,
        model,
        reason,
        vectors_per_s: sources.indexer.vectors_per_s(),
    }
}

/// Returns what is on disk, read again if it is older than [`FRESH_FOR`].
fn snapshot(sources: &Sources<'_>) -> Snapshot {
    let context = sources.context;
    let mut cached = lock(&sources.cache.0);
    let is_fresh = |known: &&Snapshot| !known.is_outdated && known.at.elapsed() < FRESH_FOR;
    if let Some(known) = cached.as_ref().filter(is_fresh) {
        return known.clone();
    }
    // While it cannot be read, the store has what it had: displaced files are not empty.
    let before = cached
        .as_ref()
        .map(|known| known.totals)
        .unwrap_or_default();
    let totals = context
        .store
        .reader()
        .and_then(|mut reader| reader.totals())
        .unwrap_or(before);
    let facts = context.store.facts();
    let holder = context.locks.holder();
    let fresh = Snapshot {
        at: Instant::now(),
        is_outdated: false,
        holder_process: process_of(&*context.config.processes, &holder),
        lock: lock_state(holder),
        waiters: context
            .locks
            .waiters()
            .iter()
            .map(|waiter| party(&waiter.identity, &waiter.purpose, waiter.since_ms))
            .collect(),
        instances: context
            .locks
            .instances()
            .into_iter()
            .map(instance_status)
            .collect(),
        totals,
        files: FileStatus {
            database: facts.database.display().to_string(),
            database_bytes: facts.database_bytes,
            wal_bytes: facts.wal_bytes,
            disk: disk_status(&context.config.data_dir),
            sqlite_version: facts.sqlite_version.to_owned(),
            vec_version: facts.vec_version.to_owned(),
            schema_version: facts.schema_version,
            integrity: IntegrityStatus::Checking,
            integrity_checked_ms: None,
            displaced: None,
            doubtful_file_system: None,
            lost_writes: facts.lost_writes.map(|lost| lost.to_string()),
            note_trouble: facts.note_trouble,
            last_backup_ms: last_backup_of(context),
        },
    };
    cached.insert(fresh).clone()
}

fn disk_status(dir: &Path) -> Option<DiskStatus> {
    let space = disk_space(dir).ok()?;
    Some(DiskStatus {
        free_bytes: space.free_bytes,
        total_bytes: space.total_bytes,
        low_below_bytes: DISK_LOW_BYTES,
        is_low: space.free_bytes < DISK_LOW_BYTES,
    })
}

fn process_of(processes: &dyn Processes, holder: &HolderState) -> ProcessState {
    match holder {
        HolderState::Held(record) => processes.look(&record.identity),
        HolderState::Free | HolderState::HeldByUnknown | HolderState::Leftover(_) => {
            ProcessState::Unknown
        }
    }
}
