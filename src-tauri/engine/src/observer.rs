//! The observer: a thread that adds up the statistics each second, ticks when something changed, and sets the number of
//! workers if that is automatic. And the status, put together when somebody asks.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use commonplace_api::ProcessState;
use commonplace_api::locks::{LockParty, LockState};
use commonplace_api::settings::WorkerCount;
use commonplace_api::status::{
    DiskStatus, FileStatus, FloodStatus, HostStatus, InLineStatus, IndexStatus, InstanceStatus,
    IntegrityStatus, LockStatus, MemoryCounts, QueueStatus, Status, WorkerStatus,
};
use commonplace_lock::{HolderRecord, HolderState, InstanceRecord, LockWatch, disk_space};
use commonplace_store::Totals;
use tokio::sync::watch;

use crate::diagnosis::{Facts, diagnose};
use crate::engine::{LOCKS_DIR, Shared};
use crate::integrity::Known;
use crate::locks_report::party;
use crate::purged_log;
use crate::queue::InLine;
use crate::request::InTheWay;
use crate::scaling::Scaling;
use crate::turns;

/// Statistics are added up at least this often, for what other instances left behind.
const FOLD_EVERY: Duration = Duration::from_secs(60);
/// How often the observer looks for changes.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What is read from disk for the status is read again after this time at the earliest.
const SEEN_FOR: Duration = Duration::from_millis(100);
/// A disk with less room than this is worth a warning: enough for a backup of a large store and its log.
const DISK_LOW_BYTES: u64 = 1_000_000_000;
/// Workers of an automatic pool before anything was measured.
pub(crate) const AUTO_WORKERS_AT_START: usize = 4;

/// What the observer keeps.
pub(crate) struct Observer {
    changes: watch::Sender<u64>,
    seen: Mutex<Option<Seen>>,
    /// Who kept writes waiting when that was looked at last, in words.
    in_the_way: Mutex<Option<(Instant, String)>>,
    /// What had been recorded here at the last fold, plus one.
    folded: AtomicU64,
}

impl Default for Observer {
    fn default() -> Self {
        Self {
            changes: watch::Sender::new(0),
            seen: Mutex::new(None),
            in_the_way: Mutex::new(None),
            folded: AtomicU64::new(0),
        }
    }
}

/// What was read from disk at one moment.
#[derive(Clone)]
struct Seen {
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

impl Observer {
    /// Makes the next status read from disk what other instances may have changed.
    fn forget_seen(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = &mut *seen {
            seen.is_outdated = true;
        }
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Returns who was seen in the way of a write that has waited since `asked`; empty if nobody was.
    pub(crate) fn seen_in_the_way(&self, asked: Instant) -> String {
        let seen = self
            .in_the_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let seen = seen.as_ref().filter(|(at, _)| *at >= asked);
        seen.map(|(_, holder)| holder.clone()).unwrap_or_default()
    }
}

/// Runs until the engine closes.
pub(crate) fn run(shared: &Shared) {
    let mut next_second = Instant::now() + Duration::from_secs(1);
    // What instances left behind that are gone: a command that runs briefly does not come to it later.
    shared.metrics.fold(&shared.locks, shared.now_ms());
    let mut next_fold = Instant::now() + FOLD_EVERY;
    let mut counted = 0;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut scaling = Scaling::for_cores(cores);
    let mut watch = Watch::default();
    while !shared.wait_closing(LOOK_EVERY) {
        let elsewhere = watch.look(shared);
        if elsewhere {
            shared.observer.forget_seen();
        }
        let changes = shared.counters().changes.load(Ordering::Relaxed);
        let is_time = Instant::now() >= next_second;
        if is_time {
            next_second += Duration::from_secs(1);
            // Looks, and saves what can be saved.
            let _ = shared.store.displaced();
            scale_workers(shared, &mut scaling);
            shared.metrics.flush();
            fold(shared);
            purged_log::try_again(shared);
        }
        if Instant::now() >= next_fold {
            next_fold = Instant::now() + FOLD_EVERY;
            shared.metrics.fold(&shared.locks, shared.now_ms());
        }
        look_who_is_in_the_way(shared);
        if is_time || elsewhere || changes != counted || shared.queue.len() > 0 {
            counted = changes;
            shared.observer.changes.send_modify(|tick| *tick += 1);
        }
    }
    shared.rescue();
}

/// Watches the lock directory while somebody looks at the status, so that what other instances do shows at once. While
/// nobody looks it costs nothing.
#[derive(Default)]
struct Watch {
    watch: Option<LockWatch>,
    has_changed: Arc<AtomicBool>,
    /// The system refused; it is not asked again.
    is_refused: bool,
}

impl Watch {
    /// Says whether holder, waiters or instances may have changed since the last call.
    fn look(&mut self, shared: &Shared) -> bool {
        let is_looked_at = shared.observer.changes.receiver_count() > 0;
        if !is_looked_at {
            self.watch = None;
        } else if self.watch.is_none() && !self.is_refused {
            let flag = Arc::clone(&self.has_changed);
            match shared
                .locks
                .watch(move || flag.store(true, Ordering::Relaxed))
            {
                Ok(watch) => self.watch = Some(watch),
                Err(error) => {
                    tracing::warn!(%error, "changes of other instances show within a second only");
                    self.is_refused = true;
                }
            }
        }
        self.has_changed.swap(false, Ordering::Relaxed)
    }
}

/// Adds up the statistics if something was recorded here since the last time.
pub(crate) fn fold(shared: &Shared) {
    let now_ms = shared.now_ms();
    shared.metrics.note_leftovers(&shared.locks, now_ms);
    let recorded = shared.metrics.recorded() + 1;
    // Noted afterwards: who looks meanwhile folds too, and does not take it for done.
    let is_new = shared.observer.folded.load(Ordering::Relaxed) != recorded;
    if is_new && shared.metrics.fold(&shared.locks, now_ms) {
        shared.observer.folded.store(recorded, Ordering::Relaxed);
    }
}

/// Keeps who is in the way while a write waits for long: when it has the lock at last, nobody can tell any more.
fn look_who_is_in_the_way(shared: &Shared) {
    let patience = shared.limits().slow_wait / 2;
    let waits_long = |asked: Instant| asked.elapsed() >= patience;
    if shared.queue.oldest().is_some_and(waits_long) {
        let holder = in_the_way(shared).holder;
        let seen = Some((Instant::now(), holder));
        *shared
            .observer
            .in_the_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

/// Follows the measured wait if the number of workers is automatic.
fn scale_workers(shared: &Shared, scaling: &mut Scaling) {
    let load = shared.workers.take_load();
    let wanted = scaling.wanted(&load);
    if shared.limits().workers != WorkerCount::Auto || wanted == load.workers {
        return;
    }
    match shared.workers.resize(wanted) {
        Ok(()) => tracing::info!(
            from = load.workers,
            to = wanted,
            most = scaling.most,
            ?load,
            "the number of workers follows the wait for them"
        ),
        Err(error) => tracing::warn!(%error, "a worker could not be started"),
    }
}

/// Puts the status together.
pub(crate) fn status(shared: &Shared) -> Status {
    let now_ms = shared.now_ms();
    let seen = look(shared);
    let queue = queue_status(shared, now_ms);
    let Known {
        status: integrity,
        checked_ms: integrity_checked_ms,
    } = shared.integrity.known();
    let (stopped, failing) = (shared.stopped(), shared.failing());
    let (pause, settings_problem) = (shared.paused(), shared.settings_problem());
    let displaced = shared.store.displaced().map(|how| how.to_string());
    let doubtful_file_system = shared.locks.doubtful_file_system().map(str::to_owned);
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
        own_instance: shared.locks.identity().instance.as_str(),
        lock,
        holder: holder.as_ref(),
        holder_process: seen.holder_process,
        waiters: seen.waiters.len(),
        queue_length: queue.length,
        queue_limit: queue.limit,
        oldest_ms: queue.oldest_ms,
        flood: queue.flood.as_ref(),
    });
    let (workers, busy, waiting) = shared.workers.counts();
    Status {
        now_ms,
        state,
        diagnosis,
        host: host_status(shared),
        pause,
        settings_problem,
        settings_revision: shared.settings_revision(),
        lock: LockStatus {
            state: lock,
            holder,
            waiters: seen.waiters,
            epoch: shared.epoch(),
        },
        queue,
        workers: WorkerStatus {
            count: workers,
            busy,
            waiting,
            wait: shared.workers.waits(),
            is_auto: shared.limits().workers == WorkerCount::Auto,
        },
        index: index_status(shared, &seen.totals),
        memories: MemoryCounts {
            total: seen.totals.living,
            deleted: seen.totals.deleted,
        },
        files: FileStatus {
            integrity,
            integrity_checked_ms,
            displaced,
            doubtful_file_system,
            ..seen.files
        },
        stats: shared.metrics.stats(&shared.locks, now_ms),
        clients: shared
            .clients
            .list(|client| shared.queue.waiting_of(client)),
        instances: seen.instances,
    }
}

fn host_status(shared: &Shared) -> HostStatus {
    let identity = shared.locks.identity();
    HostStatus {
        instance: identity.instance.to_string(),
        pid: identity.pid,
        version: identity.version.clone(),
        role: identity.role.clone(),
        host_name: identity.host_name.clone(),
        started_ms: shared.started_ms,
        data_dir: shared.config.data_dir.display().to_string(),
    }
}

fn queue_status(shared: &Shared, now_ms: i64) -> QueueStatus {
    QueueStatus {
        length: shared.queue.len(),
        limit: shared.queue.limit(),
        oldest_ms: shared
            .queue
            .oldest()
            .map_or(0, |asked| asked.elapsed().as_millis() as u64),
        in_commit: shared.counters().in_commit.load(Ordering::Relaxed) as usize,
        share: turns::SHARE,
        flood: shared.queue.flood().map(|flood| FloodStatus {
            client: flood.client.client.clone(),
            own: flood.own,
            waiting: flood.waiting,
        }),
        line: shared
            .queue
            .line()
            .into_iter()
            .map(|in_line| in_line_status(in_line, now_ms))
            .collect(),
    }
}

fn in_line_status(in_line: InLine, now_ms: i64) -> InLineStatus {
    InLineStatus {
        client: in_line.client.client.clone(),
        project: in_line.client.project.clone(),
        kind: in_line.kind.to_owned(),
        requests: in_line.requests,
        since_ms: now_ms - in_line.asked.elapsed().as_millis() as i64,
    }
}

fn index_status(shared: &Shared, totals: &Totals) -> IndexStatus {
    let (model, reason) = shared.model_status();
    IndexStatus {
        backlog: totals.unindexed,
        indexed: totals.living - totals.unindexed,
        model,
        reason,
        vectors_per_s: shared.indexer.vectors_per_s(),
    }
}

/// Returns what is on disk, read again if it is older than [`SEEN_FOR`].
fn look(shared: &Shared) -> Seen {
    let mut seen = shared
        .observer
        .seen
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let is_fresh = |known: &&Seen| !known.is_outdated && known.at.elapsed() < SEEN_FOR;
    if let Some(known) = seen.as_ref().filter(is_fresh) {
        return known.clone();
    }
    // While it cannot be read, the store has what it had: displaced files are not empty.
    let before = seen.as_ref().map(|known| known.totals).unwrap_or_default();
    let totals = shared
        .store
        .reader()
        .and_then(|mut reader| reader.totals())
        .unwrap_or(before);
    let facts = shared.store.facts();
    let holder = shared.locks.holder();
    let fresh = Seen {
        at: Instant::now(),
        is_outdated: false,
        holder_process: process_of(shared, &holder),
        lock: lock_state(holder),
        waiters: shared
            .locks
            .waiters()
            .iter()
            .map(|waiter| party(&waiter.identity, &waiter.purpose, waiter.since_ms))
            .collect(),
        instances: shared
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
            disk: disk_status(&shared.config.data_dir),
            sqlite_version: facts.sqlite_version.to_owned(),
            vec_version: facts.vec_version.to_owned(),
            schema_version: facts.schema_version,
            integrity: IntegrityStatus::Checking,
            integrity_checked_ms: None,
            displaced: None,
            doubtful_file_system: None,
            lost_writes: facts.lost_writes.map(|lost| lost.to_string()),
            note_trouble: facts.note_trouble,
            last_backup_ms: shared.last_backup_ms(),
        },
    };
    seen.insert(fresh).clone()
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

fn process_of(shared: &Shared, holder: &HolderState) -> ProcessState {
    match holder {
        HolderState::Held(record) => shared.config.processes.look(&record.identity),
        HolderState::Free | HolderState::HeldByUnknown | HolderState::Leftover(_) => {
            ProcessState::Unknown
        }
    }
}

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

/// Returns the path of the write lock, for error messages.
pub(crate) fn write_lock_path(shared: &Shared) -> String {
    shared
        .config
        .data_dir
        .join(LOCKS_DIR)
        .join("write.lock")
        .display()
        .to_string()
}

/// Says in words who keeps writes waiting at this moment.
pub(crate) fn in_the_way(shared: &Shared) -> InTheWay {
    let holder = match lock_state(shared.locks.holder()) {
        (LockState::Held, Some(holder)) => {
            let age = Duration::from_millis((shared.now_ms() - holder.since_ms).max(0) as u64);
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
    };
    InTheWay {
        holder,
        queue_length: shared.queue.len(),
    }
}
