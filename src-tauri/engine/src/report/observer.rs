//! The observer: a thread that adds up the statistics each second, ticks when something changed, and sets the number of
//! workers if that is automatic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use commonplace_api::settings::WorkerCount;
use commonplace_lock::LockWatch;
use tokio::sync::watch;

use crate::context::Context;
use crate::read::scaling::Scaling;
use crate::read::workers::Workers;
use crate::redactions::Redactions;
use crate::report::holder::holder_words;
use crate::report::status::StatusCache;
use crate::upkeep::backups::{self, Backups};
use crate::upkeep::purged_log::PurgedLog;
use crate::write::queue::WriteQueue;

/// Statistics are added up at least this often, for what other instances left behind.
const FOLD_EVERY: Duration = Duration::from_secs(60);
/// How often the observer looks for changes.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the observer keeps, and tells those who follow the status.
pub(crate) struct Observer {
    pub(crate) status: StatusCache,
    changes: watch::Sender<u64>,
    /// What had been recorded here at the last fold, plus one.
    folded: AtomicU64,
}

impl Default for Observer {
    fn default() -> Self {
        Self {
            status: StatusCache::default(),
            changes: watch::Sender::new(0),
            folded: AtomicU64::new(0),
        }
    }
}

impl Observer {
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Adds up the statistics if something was recorded here since the last time.
    pub(crate) fn fold(&self, context: &Context) {
        let (metrics, now_ms) = (&context.metrics, context.now_ms());
        metrics.note_leftovers(&context.locks, now_ms);
        let recorded = metrics.recorded() + 1;
        // Noted afterwards: who looks meanwhile folds too, and does not take it for done.
        let is_new = self.folded.load(Ordering::Relaxed) != recorded;
        if is_new && metrics.fold(&context.locks, now_ms) {
            self.folded.store(recorded, Ordering::Relaxed);
        }
    }
}

/// What the thread works with.
pub(crate) struct ObserverThread<'a> {
    pub(crate) context: &'a Context,
    pub(crate) observer: &'a Observer,
    pub(crate) queue: &'a WriteQueue,
    pub(crate) workers: &'a Workers,
    pub(crate) purged_log: &'a PurgedLog,
    pub(crate) backups: &'a Backups,
    pub(crate) redactions: &'a Redactions,
}

impl ObserverThread<'_> {
    /// Runs until the engine closes.
    pub(crate) fn run(&self) {
        let context = self.context;
        let mut next_second = Instant::now() + Duration::from_secs(1);
        // What instances left behind that are gone: a command that runs briefly does not come to it later.
        self.fold_all();
        let mut next_fold = Instant::now() + FOLD_EVERY;
        let mut counted = 0;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut scaling = Scaling::for_cores(cores);
        let mut watch = Watch::default();
        while !context.wait_closing(LOOK_EVERY) {
            let elsewhere = watch.has_changed(context, self.observer);
            if elsewhere {
                self.observer.status.expire();
            }
            let changes = context.counters().changes.load(Ordering::Relaxed);
            let is_time = Instant::now() >= next_second;
            if is_time {
                next_second += Duration::from_secs(1);
                self.each_second(&mut scaling);
            }
            if Instant::now() >= next_fold {
                next_fold = Instant::now() + FOLD_EVERY;
                self.fold_all();
            }
            self.note_long_wait();
            if is_time || elsewhere || changes != counted || self.queue.len() > 0 {
                counted = changes;
                self.observer.changes.send_modify(|tick| *tick += 1);
            }
        }
        backups::rescue(context, self.backups);
    }

    fn each_second(&self, scaling: &mut Scaling) {
        // Looks, and saves what can be saved.
        let _ = self.context.store.displaced();
        self.scale_workers(scaling);
        self.context.metrics.flush();
        self.observer.fold(self.context);
        self.purged_log.try_again(self.context);
        self.redactions.expire(self.context.now_ms());
    }

    fn fold_all(&self) {
        let context = self.context;
        context.metrics.fold(&context.locks, context.now_ms());
    }

    /// Keeps who is in the way while a write waits for long: when it has the lock at last, nobody can tell any more.
    fn note_long_wait(&self) {
        let context = self.context;
        let patience = context.limits().slow_wait / 2;
        let waits_long = |asked: Instant| asked.elapsed() >= patience;
        if self.queue.oldest().is_some_and(waits_long) {
            let holder = holder_words(&context.locks, context.now_ms());
            context.long_wait.note(holder);
        }
    }

    /// Follows the measured wait if the number of workers is automatic.
    fn scale_workers(&self, scaling: &mut Scaling) {
        let load = self.workers.take_load();
        let wanted = scaling.wanted(&load);
        if self.context.limits().workers != WorkerCount::Auto || wanted == load.workers {
            return;
        }
        match self.workers.resize(wanted) {
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
    fn has_changed(&mut self, context: &Context, observer: &Observer) -> bool {
        let is_followed = observer.changes.receiver_count() > 0;
        if !is_followed {
            self.watch = None;
        } else if self.watch.is_none() && !self.is_refused {
            let flag = Arc::clone(&self.has_changed);
            match context
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
