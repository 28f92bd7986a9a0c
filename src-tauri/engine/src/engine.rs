//! The engine itself: opens the store, starts the threads, takes requests.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use commonplace_api::Pause;
use commonplace_api::settings::{Limits, SettingError, WorkerCount};
use commonplace_api::statistics::{Incident, Sample, Stats, WaitsReport};
use commonplace_api::status::Status;
use commonplace_embed::{EmbedOptions, ModelSlot};
use commonplace_lock::{Clock, Identity, Locks, Served, SystemClock};
use commonplace_store::statistics::{RequestEnd, Span};
use commonplace_store::{Backend, Epoch, SqliteStore, WriteOp, WriteOutcome};
use tokio::sync::watch;

use crate::activity::Activity;
use crate::backups::Backups;
use crate::clients::{Clients, WriteTimes};
use crate::config::{EngineConfig, LimitsError, ModelUse};
use crate::indexer::Indexer;
use crate::integrity::Integrity;
use crate::metrics::{Counters, Metrics};
use crate::observer::{self, Observer};
use crate::origin::Origin;
use crate::parts::Until;
use crate::pause::pause_of;
use crate::pending::Pending;
use crate::purged_log::PurgedLog;
use crate::queue::{NotAccepted, WriteQueue};
use crate::recording::TurnedAway;
use crate::request::{Acknowledged, RequestError, WriteOptions};
use crate::workers::Workers;
use crate::{indexer, writer_thread};

/// Name of the lock directory inside the store directory.
pub const LOCKS_DIR: &str = "locks";

/// Tells why the engine could not start. Nothing in the store was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The lock directory could not be used.
    #[error(transparent)]
    Lock(#[from] commonplace_lock::OpenError),
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] commonplace_store::OpenError),
    /// A limit is outside its range.
    #[error(transparent)]
    Limits(#[from] SettingError),
    /// A thread could not be started.
    #[error("could not start a thread: {0}; the system is out of memory or threads")]
    Thread(#[from] std::io::Error),
}

/// One running engine. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// What the threads of the engine share.
pub(crate) struct Shared {
    pub(crate) store: Box<dyn Backend>,
    pub(crate) locks: Locks,
    pub(crate) queue: WriteQueue,
    pub(crate) workers: Workers,
    pub(crate) metrics: Metrics,
    pub(crate) clients: Clients,
    pub(crate) activity: Activity,
    pub(crate) indexer: Indexer,
    pub(crate) model: ModelSlot,
    pub(crate) observer: Observer,
    pub(crate) backups: Backups,
    pub(crate) integrity: Integrity,
    pub(crate) purged_log: PurgedLog,
    pub(crate) config: EngineConfig,
    pub(crate) started_ms: i64,
    /// Requests that are still to be committed one by one, after a batch failed for a reason in one of them.
    pub(crate) singles_left: AtomicU64,
    clock: Arc<dyn Clock>,
    limits: Mutex<Limits>,
    /// Fencing number of the last commit.
    epoch: AtomicU64,
    /// Why writing has stopped for good, if it has.
    stopped: Mutex<Option<String>>,
    /// Why the last batch was not written, if it was not.
    failing: Mutex<Option<String>>,
    /// Why the settings file is not in use as it stands, if it is not.
    settings_problem: Mutex<Option<String>>,
    /// Grows with every change of a setting, or of what is wrong with them.
    settings_revision: AtomicU64,
    closing: Closing,
}

/// Says that the engine is shutting down; a pause of the writer ends early then.
#[derive(Default)]
struct Closing {
    is_closing: Mutex<bool>,
    changed: Condvar,
    /// The same for code that must not block.
    flag: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // None of the values behind these mutexes can be left half changed by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.metrics.counters
    }

    pub(crate) fn limits(&self) -> Limits {
        *lock(&self.limits)
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    pub(crate) fn note_commit(&self, epoch: Epoch) {
        self.epoch.store(epoch.0, Ordering::Relaxed);
        *lock(&self.failing) = None;
    }

    pub(crate) fn settings_revision(&self) -> u64 {
        self.settings_revision.load(Ordering::Relaxed)
    }

    pub(crate) fn settings_problem(&self) -> Option<String> {
        lock(&self.settings_problem).clone()
    }

    /// Looks whether the writes of this store are paused.
    pub(crate) fn paused(&self) -> Option<Pause> {
        self.locks.paused().map(pause_of)
    }

    pub(crate) fn index_backlog(&self) -> u64 {
        self.indexer.backlog()
    }

    pub(crate) fn stopped(&self) -> Option<String> {
        lock(&self.stopped).clone()
    }

    pub(crate) fn failing(&self) -> Option<String> {
        lock(&self.failing).clone()
    }

    /// Keeps why a batch was not written, for the first glance, until the next one is.
    pub(crate) fn note_failure(&self, reason: String) {
        *lock(&self.failing) = Some(reason);
    }

    /// Makes the observer tick.
    pub(crate) fn note_change(&self) {
        self.counters().changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a write whose client was over its share.
    pub(crate) fn note_throttled(&self, client: &Origin) {
        self.clients.throttled(client);
    }

    /// Refuses every write from now on.
    pub(crate) fn stop_writing(&self, reason: String) {
        tracing::error!(%reason, "writing has stopped");
        *lock(&self.stopped) = Some(reason);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.flag.load(Ordering::Relaxed)
    }

    /// Blocks the writer before its next attempt; a shutdown ends the pause.
    pub(crate) fn pause_writer(&self, pause: Duration) {
        self.wait_closing(pause);
    }

    /// Blocks for `time`, or until the engine is closing. Returns whether it is.
    pub(crate) fn wait_closing(&self, time: Duration) -> bool {
        let is_closing = lock(&self.closing.is_closing);
        let waited = self
            .closing
            .changed
            .wait_timeout_while(is_closing, time, |is_closing| !*is_closing);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn start_closing(&self) {
        self.closing.flag.store(true, Ordering::Relaxed);
        *lock(&self.closing.is_closing) = true;
        self.closing.changed.notify_all();
        self.queue.close();
    }

    /// Says whether this is the host that indexes: the oldest of those that serve.
    pub(crate) fn is_oldest_host(&self) -> bool {
        let own = &self.locks.identity().instance;
        let serving = self
            .locks
            .instances()
            .into_iter()
            .find(|other| other.url.is_some());
        serving.is_none_or(|oldest| oldest.identity.instance == *own)
    }
}

impl Engine {
    /// Opens the store and starts the threads. Blocks for some milliseconds, longer if another instance migrates it.
    pub fn open(config: EngineConfig, identity: Identity) -> Result<Self, OpenError> {
        Self::open_with_clock(config, identity, Arc::new(SystemClock))
    }

    /// Does the same with another clock, for tests.
    pub fn open_with_clock(
        config: EngineConfig,
        identity: Identity,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        config.limits.check()?;
        if config.data_dir.exists() && !config.data_dir.is_dir() {
            return Err(commonplace_store::OpenError::NotADirectory {
                path: config.data_dir,
            }
            .into());
        }
        let locks = Locks::open_with_clock(
            &config.data_dir.join(LOCKS_DIR),
            identity,
            Arc::clone(&clock),
        )?;
        let started_ms = clock.now_ms();
        let store = SqliteStore::open(&config.data_dir, &locks, started_ms)?;
        let limits = config.limits;
        let count = match limits.workers {
            WorkerCount::Fixed(count) => count,
            WorkerCount::Auto => observer::AUTO_WORKERS_AT_START,
        };
        let is_host = config.model_use == ModelUse::Indexing;
        let shared = Arc::new(Shared {
            store: Box::new(store),
            queue: WriteQueue::new(locks.identity().instance.clone(), limits.queue_len_max),
            metrics: Metrics::new(&config.data_dir, &locks.identity().instance),
            locks,
            workers: Workers::start(count)?,
            clients: Clients::default(),
            activity: Activity::default(),
            indexer: Indexer::default(),
            model: ModelSlot::empty(),
            observer: Observer::default(),
            backups: Backups::default(),
            integrity: Integrity::new(is_host),
            purged_log: PurgedLog::new(is_host),
            config,
            started_ms,
            singles_left: AtomicU64::new(0),
            clock,
            limits: Mutex::new(limits),
            epoch: AtomicU64::new(0),
            stopped: Mutex::new(None),
            failing: Mutex::new(None),
            settings_problem: Mutex::new(None),
            settings_revision: AtomicU64::new(0),
            closing: Closing::default(),
        });
        shared.metrics.keep_days(limits.history_days);
        let threads = start_threads(&shared)?;
        Ok(Self {
            shared,
            threads: Arc::new(Mutex::new(threads)),
        })
    }

    /// Carries out one write; answers when it is committed and synced.
    ///
    /// One that concerns many memories is done in parts, which go on until the deadline: then the answer says what is left
    /// ([`Acknowledged::unfinished`]). Dropping the future takes the request back, unless its commit has begun: then it is
    /// finished all the same. Of a write in parts, no further part is begun.
    ///
    /// # Errors
    /// See [`RequestError`]; after any error but `Unknown` nothing was written.
    pub async fn write(
        &self,
        origin: &Origin,
        op: WriteOp,
        options: WriteOptions,
    ) -> Result<Acknowledged, RequestError> {
        let until = Until {
            deadline: Some(Instant::now() + self.deadline(&options)),
            told: &mut |_| true,
        };
        self.write_until(origin, op, options, until).await
    }

    fn deadline(&self, options: &WriteOptions) -> Duration {
        let given = options.deadline;
        given
            .unwrap_or(self.shared.limits().write_deadline)
            .min(Limits::WRITE_DEADLINE_MAX)
    }

    /// Carries out one write in one transaction.
    pub(crate) async fn write_one(
        &self,
        origin: &Origin,
        op: WriteOp,
        options: WriteOptions,
    ) -> Result<Acknowledged, RequestError> {
        let shared = &self.shared;
        let _active = shared.activity.begin();
        shared.clients.asked(origin, shared.now_ms());
        let asked = Instant::now();
        let result = self.write_queued(origin, op, options).await;
        let times = result.as_ref().ok().map(|acknowledged| WriteTimes {
            queue_wait: acknowledged.queue_wait,
            total: asked.elapsed(),
        });
        shared.clients.answered(origin, result.is_err(), times);
        result
    }

    async fn write_queued(
        &self,
        origin: &Origin,
        op: WriteOp,
        options: WriteOptions,
    ) -> Result<Acknowledged, RequestError> {
        let shared = &self.shared;
        let (kind, deadline) = (op.kind(), self.deadline(&options));
        if let Some(reason) = shared.stopped() {
            let away = TurnedAway {
                end: RequestEnd::Failed,
                is_throttled: false,
                queue_length: shared.queue.len(),
            };
            shared.record_turned_away(origin, kind, away);
            return Err(RequestError::Store {
                message: reason,
                is_passing: false,
            });
        }
        let stamp = commonplace_store::Stamp {
            now_ms: shared.now_ms(),
            op_id: options.op_id,
            provenance: origin.provenance(&shared.locks.identity().host_name),
        };
        let (slot, answer) = shared
            .queue
            .push(origin, op, stamp)
            .map_err(|refused| self.not_accepted(origin, kind, refused))?;
        let acknowledged = Pending::new(shared, slot, answer).wait(deadline).await?;
        if makes_backlog(&acknowledged.applied.outcome) && !acknowledged.applied.is_repeat {
            shared.indexer.add(1);
        }
        Ok(acknowledged)
    }

    fn not_accepted(
        &self,
        origin: &Origin,
        kind: &'static str,
        refused: NotAccepted,
    ) -> RequestError {
        match refused {
            NotAccepted::Closed => RequestError::ShuttingDown,
            NotAccepted::Full { length, own, limit } => {
                let away = TurnedAway {
                    end: RequestEnd::QueueFull,
                    is_throttled: own < length,
                    queue_length: length,
                };
                self.shared.record_turned_away(origin, kind, away);
                if away.is_throttled {
                    self.shared.note_throttled(origin);
                }
                RequestError::QueueFull {
                    length,
                    own,
                    limit,
                    retry_after: Duration::from_secs(1),
                }
            }
        }
    }

    /// Reads the state of this host. Looks at the lock directory and counts memories, at most ten times a second
    /// however often it is called; that takes some milliseconds in a store of 100,000. Never waits for a lock.
    pub fn status(&self) -> Status {
        observer::status(&self.shared)
    }

    /// Counters and wait times over all instances that ever had the store open. Has in it everything this host answered
    /// before. Reads files if something is new: takes a millisecond.
    pub fn stats(&self) -> Stats {
        let shared = &self.shared;
        shared.metrics.stats(&shared.locks, shared.now_ms())
    }

    /// One sample for each of the last `seconds` seconds, at most 3,600, the oldest first; the last is the one that has
    /// begun. Over all instances, as [`Engine::stats`].
    pub fn history(&self, seconds: usize) -> Vec<Sample> {
        let seconds = seconds.min(3_600);
        let end_ms = (self.shared.now_ms().div_euclid(1000) + 1) * 1000;
        self.history_between(end_ms - seconds as i64 * 1000, end_ms, seconds)
    }

    /// The part of the past from `from_ms` to `to_ms`, milliseconds since 1970, in about `points_max` samples
    /// of equal length, the oldest first.
    pub fn history_between(&self, from_ms: i64, to_ms: i64, points_max: usize) -> Vec<Sample> {
        let span = Span {
            from_ms,
            to_ms,
            points_max,
        };
        observer::fold(&self.shared);
        self.shared.metrics.history(span, self.shared.now_ms())
    }

    /// How the waits between two moments lie, milliseconds since 1970, and whose they were. `points_max` says how finely
    /// the past is cut, as in [`Engine::history_between`]: the same figures then have the same edges.
    pub fn waits_between(&self, from_ms: i64, to_ms: i64, points_max: usize) -> WaitsReport {
        let span = Span {
            from_ms,
            to_ms,
            points_max,
        };
        observer::fold(&self.shared);
        self.shared.metrics.waits(span, self.shared.now_ms())
    }

    /// The last slow holds, slow waits and failures of all instances, the newest first; 1,000 are kept.
    pub fn incidents(&self, limit: usize) -> Vec<Incident> {
        observer::fold(&self.shared);
        self.shared.metrics.incidents(limit)
    }

    /// Ticks when the status may have changed: at most ten times a second, at least once.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.observer.changes()
    }

    /// Returns the time of this host in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.shared.now_ms()
    }

    /// Returns the limits in force.
    pub fn limits(&self) -> Limits {
        self.shared.limits()
    }

    /// Changes the limits at once. What waits already stays; more workers start now, fewer end as soon as they are idle.
    ///
    /// # Errors
    /// [`LimitsError`] if one is outside its range; then all old ones stay in force.
    pub fn set_limits(&self, limits: Limits) -> Result<(), LimitsError> {
        limits.check()?;
        if let WorkerCount::Fixed(count) = limits.workers {
            self.shared.workers.resize(count)?;
        }
        self.shared.queue.set_limit(limits.queue_len_max);
        self.shared.metrics.keep_days(limits.history_days);
        *lock(&self.shared.limits) = limits;
        self.shared.note_change();
        Ok(())
    }

    /// Tells whoever looks at the status that settings have changed, and why the file is not in use as it stands; None if
    /// it is.
    pub fn note_settings(&self, problem: Option<String>) {
        *lock(&self.shared.settings_problem) = problem;
        self.shared
            .settings_revision
            .fetch_add(1, Ordering::Relaxed);
        self.shared.note_change();
    }

    /// Writes into this instance's record where it listens, so that commands and bridges find it.
    pub fn announce(&self, served: Served) -> Result<(), OpenError> {
        Ok(self.shared.locks.announce(served)?)
    }

    /// Returns where the local socket of this instance belongs. It is removed with the instance's record: at exit, or by
    /// who finds it dead.
    #[must_use]
    pub fn socket_path(&self) -> PathBuf {
        self.shared.locks.socket_path()
    }

    /// Waits until the model can be used; false if it cannot within `patience`. For commands that search once.
    pub fn wait_model(&self, patience: Duration) -> bool {
        self.shared.model.wait_ready(patience).is_some()
    }

    /// Has the shutdown wait for a thread that ends by itself when the engine is closing.
    pub(crate) fn join_at_shutdown(&self, thread: JoinHandle<()>) {
        let mut threads = lock(&self.threads);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
    }

    /// Finishes what was accepted, refuses the rest, and ends the threads. Returns false if something was unfinished
    /// after `patience`; it goes on in its thread until the process ends. May be called more than once.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        self.shared.start_closing();
        let threads = std::mem::take(&mut *lock(&self.threads));
        let shared = Arc::clone(&self.shared);
        let finish = tokio::task::spawn_blocking(move || {
            shared.indexer.close();
            shared.workers.close();
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a thread of the engine panicked");
                }
            }
        });
        tokio::time::timeout(patience, finish).await.is_ok()
    }
}

/// Starts the threads that this engine needs.
fn start_threads(shared: &Arc<Shared>) -> Result<Vec<JoinHandle<()>>, OpenError> {
    let spawn = |name: &str, run: fn(&Shared)| {
        let shared = Arc::clone(shared);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&shared))
    };
    let mut threads = vec![
        spawn("writer", writer_thread::run)?,
        spawn("observer", observer::run)?,
    ];
    if shared.config.model_use != ModelUse::None {
        let options = EmbedOptions::default();
        shared
            .model
            .load_in_background(shared.config.model_dir.clone(), options);
    }
    if shared.config.model_use == ModelUse::Indexing {
        threads.push(spawn("indexer", indexer::run)?);
        threads.push(spawn("check", Shared::check_integrity)?);
    }
    Ok(threads)
}

/// Says whether a write leaves a memory without vectors.
fn makes_backlog(outcome: &WriteOutcome) -> bool {
    match outcome {
        WriteOutcome::Stored { .. } => true,
        WriteOutcome::Updated { fields, .. } => fields.iter().any(|field| field == "content"),
        WriteOutcome::AlreadyStored { .. }
        | WriteOutcome::Deleted { .. }
        | WriteOutcome::Undeleted { .. }
        | WriteOutcome::Purged { .. }
        | WriteOutcome::ByIds { .. }
        | WriteOutcome::Indexed { .. } => false,
    }
}
