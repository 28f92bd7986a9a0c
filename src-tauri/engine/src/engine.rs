//! The engine itself: opens the store, starts the threads, takes requests.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use commonplace_api::settings::{Limits, SettingError, WorkerCount};
use commonplace_api::statistics::{Incident, Sample, Stats, WaitsReport};
use commonplace_api::status::Status;
use commonplace_embed::{EmbedOptions, ModelSlot};
use commonplace_lock::{Clock, Identity, Locks, Served, SystemClock};
use commonplace_store::SqliteStore;
use commonplace_store::statistics::Span;
use tokio::sync::watch;

use crate::config::{EngineConfig, LOCKS_DIR, LimitsError, ModelUse};
use crate::context::Context;
use crate::mutex::lock;
use crate::read::activity::Activity;
use crate::read::indexer::{Indexer, IndexerThread};
use crate::read::workers::{AUTO_WORKERS_AT_START, Workers};
use crate::redactions::Redactions;
use crate::report::clients::Clients;
use crate::report::metrics::Metrics;
use crate::report::observer::{Observer, ObserverThread};
use crate::report::status::{Sources, status};
use crate::upkeep::backups::Backups;
use crate::upkeep::integrity::{self, Integrity};
use crate::upkeep::purged_log::PurgedLog;
use crate::write::queue::WriteQueue;
use crate::write::writer_thread::WriterThread;

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

/// What the requests and the threads of the engine share. A thread is lent what it works with, and never the whole.
pub(crate) struct Shared {
    pub(crate) context: Context,
    pub(crate) queue: WriteQueue,
    pub(crate) clients: Clients,
    pub(crate) workers: Workers,
    pub(crate) activity: Activity,
    pub(crate) indexer: Indexer,
    pub(crate) model: ModelSlot,
    pub(crate) backups: Backups,
    pub(crate) integrity: Integrity,
    purged_log: PurgedLog,
    pub(crate) redactions: Redactions,
    observer: Observer,
}

impl Engine {
    /// Opens the store and starts the threads. Blocks for some milliseconds, longer if another instance migrates it.
    pub fn open(config: EngineConfig, identity: Identity) -> Result<Self, OpenError> {
        config.limits.check()?;
        if config.data_dir.exists() && !config.data_dir.is_dir() {
            return Err(commonplace_store::OpenError::NotADirectory {
                path: config.data_dir,
            }
            .into());
        }
        let locks = Locks::open(&config.data_dir.join(LOCKS_DIR), identity)?;
        let started_ms = SystemClock.now_ms();
        let store = SqliteStore::open(&config.data_dir, &locks, started_ms)?;
        let limits = config.limits;
        let count = match limits.workers {
            WorkerCount::Fixed(count) => count,
            WorkerCount::Auto => AUTO_WORKERS_AT_START,
        };
        let is_host = config.model_use == ModelUse::Indexing;
        let shared = Arc::new(Shared {
            queue: WriteQueue::new(locks.identity().instance.clone(), limits.queue_len_max),
            context: Context::new(Box::new(store), locks, config, started_ms),
            clients: Clients::default(),
            workers: Workers::start(count)?,
            activity: Activity::default(),
            indexer: Indexer::default(),
            model: ModelSlot::empty(),
            backups: Backups::default(),
            integrity: Integrity::new(is_host),
            purged_log: PurgedLog::new(is_host),
            redactions: Redactions::default(),
            observer: Observer::default(),
        });
        let threads = start_threads(&shared)?;
        Ok(Self {
            shared,
            threads: Arc::new(Mutex::new(threads)),
        })
    }

    /// Reads the state of this host. Looks at the lock directory and counts memories, at most ten times a second
    /// however often it is called; that takes some milliseconds in a store of 100,000. Never waits for a lock.
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        status(&Sources {
            context: &shared.context,
            cache: &shared.observer.status,
            queue: &shared.queue,
            workers: &shared.workers,
            clients: &shared.clients,
            indexer: &shared.indexer,
            model: &shared.model,
            integrity: &shared.integrity,
            redactions: &shared.redactions,
        })
    }

    /// Counters and wait times over all instances that ever had the store open. Includes everything this host answered
    /// before. Reads files if something is new: takes a millisecond.
    pub fn stats(&self) -> Stats {
        let context = &self.shared.context;
        context.metrics.stats(&context.locks, context.now_ms())
    }

    /// One sample for each of the last `seconds` seconds, at most 3,600, the oldest first; the last is the one that has
    /// begun. Over all instances, as [`Engine::stats`].
    pub fn history(&self, seconds: usize) -> Vec<Sample> {
        let seconds = seconds.min(3_600);
        let end_ms = (self.now_ms().div_euclid(1000) + 1) * 1000;
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
        self.folded().history(span, self.now_ms())
    }

    /// How the waits between two moments lie, milliseconds since 1970, and whose they were. `points_max` says how finely
    /// the past is cut, as in [`Engine::history_between`]: the same figures then have the same edges.
    pub fn waits_between(&self, from_ms: i64, to_ms: i64, points_max: usize) -> WaitsReport {
        let span = Span {
            from_ms,
            to_ms,
            points_max,
        };
        self.folded().waits(span, self.now_ms())
    }

    /// The last slow holds, slow waits and failures of all instances, the newest first; 1,000 are kept.
    pub fn incidents(&self, limit: usize) -> Vec<Incident> {
        self.folded().incidents(limit)
    }

    fn folded(&self) -> &Metrics {
        self.shared.observer.fold(&self.shared.context);
        &self.shared.context.metrics
    }

    /// Ticks when the status may have changed: at most ten times a second, at least once.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.observer.changes()
    }

    /// Returns the time of this host in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.shared.context.now_ms()
    }

    /// Returns the limits in force.
    pub fn limits(&self) -> Limits {
        self.shared.context.limits()
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
        self.shared.context.set_limits(limits);
        self.shared.context.note_change();
        Ok(())
    }

    /// Tells whoever looks at the status that settings have changed, and why the file is not in use as it stands; None if
    /// it is.
    pub fn note_settings(&self, problem: Option<String>) {
        self.shared.context.health.note_settings(problem);
        self.shared.context.note_change();
    }

    /// Writes into this instance's record where it listens, so that commands and bridges find it.
    pub fn announce(&self, served: Served) -> Result<(), OpenError> {
        Ok(self.shared.context.locks.announce(served)?)
    }

    /// Returns where the local socket of this instance belongs. It is removed with the instance's record: at exit, or by
    /// who finds it dead.
    #[must_use]
    pub fn socket_path(&self) -> PathBuf {
        self.shared.context.locks.socket_path()
    }

    /// Waits until the model can be used; false if it cannot within `patience`. For commands that search once.
    pub fn wait_model(&self, patience: Duration) -> bool {
        self.shared.model.wait_ready(patience).is_some()
    }

    /// Runs `work` on a thread of its own that the shutdown waits for: it ends by itself when the engine is closing.
    pub(crate) fn spawn(
        &self,
        name: &str,
        work: impl FnOnce(&Shared) + Send + 'static,
    ) -> std::io::Result<()> {
        let thread = spawn(&self.shared, name, work)?;
        let mut threads = lock(&self.threads);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        Ok(())
    }

    /// Finishes what was accepted, refuses the rest, and ends the threads. Returns false if something was unfinished
    /// after `patience`; it goes on in its thread until the process ends. May be called more than once.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        self.shared.context.start_closing();
        self.shared.queue.close();
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

fn spawn(
    shared: &Arc<Shared>,
    name: &str,
    work: impl FnOnce(&Shared) + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let shared = Arc::clone(shared);
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || work(&shared))
}

/// Starts the threads that this engine needs.
fn start_threads(shared: &Arc<Shared>) -> Result<Vec<JoinHandle<()>>, OpenError> {
    let mut threads = vec![
        spawn(shared, "writer", run_writer)?,
        spawn(shared, "observer", run_observer)?,
    ];
    let config = &shared.context.config;
    if config.model_use != ModelUse::None {
        let options = EmbedOptions::default();
        shared
            .model
            .load_in_background(config.model_dir.clone(), options);
    }
    if config.model_use == ModelUse::Indexing {
        threads.push(spawn(shared, "indexer", run_indexer)?);
        threads.push(spawn(shared, "check", |shared| {
            integrity::check(&shared.context, &shared.integrity, &mut |_| ());
        })?);
    }
    Ok(threads)
}

fn run_writer(shared: &Shared) {
    let thread = WriterThread {
        context: &shared.context,
        queue: &shared.queue,
        clients: &shared.clients,
        indexer: &shared.indexer,
        purged_log: &shared.purged_log,
        singles_left: 0,
    };
    thread.run();
}

fn run_observer(shared: &Shared) {
    let thread = ObserverThread {
        context: &shared.context,
        observer: &shared.observer,
        queue: &shared.queue,
        workers: &shared.workers,
        purged_log: &shared.purged_log,
        backups: &shared.backups,
        redactions: &shared.redactions,
    };
    thread.run();
}

fn run_indexer(shared: &Shared) {
    let thread = IndexerThread {
        context: &shared.context,
        indexer: &shared.indexer,
        model: &shared.model,
        activity: &shared.activity,
        queue: &shared.queue,
    };
    thread.run();
}
