//! What every part of the engine stands on: store, locks, time, limits, figures, and whether the engine is closing.
//!
//! It knows no queue, no thread and no request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use commonplace_api::Pause;
use commonplace_api::settings::Limits;
use commonplace_lock::{Clock, Locks, PauseRecord, SystemClock};
use commonplace_store::Backend;

use crate::config::EngineConfig;
use crate::health::Health;
use crate::mutex::lock;
use crate::report::holder::LongWait;
use crate::report::metrics::{Counters, Metrics};

/// See the module.
pub(crate) struct Context {
    pub(crate) store: Box<dyn Backend>,
    pub(crate) locks: Locks,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    pub(crate) long_wait: LongWait,
    pub(crate) config: EngineConfig,
    pub(crate) started_ms: i64,
    limits: Mutex<Limits>,
    closing: Closing,
}

/// Says that the engine is shutting down; every wait of its threads ends early then.
#[derive(Default)]
struct Closing {
    is_closing: Mutex<bool>,
    changed: Condvar,
    /// The same for code that must not block.
    flag: AtomicBool,
}

/// Turns the record of a pause into what leaves the process.
#[must_use]
pub fn pause_of(record: PauseRecord) -> Pause {
    Pause {
        since_ms: record.since_ms,
        by: record.by,
    }
}

impl Context {
    pub(crate) fn new(
        store: Box<dyn Backend>,
        locks: Locks,
        config: EngineConfig,
        started_ms: i64,
    ) -> Self {
        let metrics = Metrics::new(&config.data_dir, &locks.identity().instance);
        metrics.keep_days(config.limits.history_days);
        Self {
            store,
            metrics,
            health: Health::default(),
            long_wait: LongWait::default(),
            started_ms,
            limits: Mutex::new(config.limits),
            closing: Closing::default(),
            locks,
            config,
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        SystemClock.now_ms()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.metrics.counters
    }

    pub(crate) fn limits(&self) -> Limits {
        *lock(&self.limits)
    }

    pub(crate) fn set_limits(&self, limits: Limits) {
        self.metrics.keep_days(limits.history_days);
        *lock(&self.limits) = limits;
    }

    /// Looks whether the writes of this store are paused.
    pub(crate) fn paused(&self) -> Option<Pause> {
        self.locks.paused().map(pause_of)
    }

    /// Makes the observer tick.
    pub(crate) fn note_change(&self) {
        self.counters().changes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.flag.load(Ordering::Relaxed)
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

    pub(crate) fn start_closing(&self) {
        self.closing.flag.store(true, Ordering::Relaxed);
        *lock(&self.closing.is_closing) = true;
        self.closing.changed.notify_all();
    }
}
