//! Purged text in the log of the database: it is taken out right after the purge, or once nothing is in the way.
//!
//! The log keeps pages as they were until it is emptied, which a reader or a backup under way forbids. Then the writer
//! tries again with its later turns, the observer while nobody writes, and an instance that ends before it does so. A host
//! that starts does not know what one that died has left, and empties the log once.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use commonplace_lock::{Purpose, Wait, WriteLock};
use commonplace_store::Backend;

use crate::context::Context;
use crate::mutex::lock;

/// How often it is tried again: each try may cost a sync.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// How long an instance that ends goes on trying. Longer than a search; a backup is not waited for.
const END_PATIENCE: Duration = Duration::from_secs(2);
/// How often it tries in that time.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is known of purged text in the log.
pub(crate) struct PurgedLog {
    /// None if there is none that this instance knows of.
    left: Mutex<Option<Left>>,
}

/// Purged text may be in the log.
#[derive(Debug, Clone, Copy)]
struct Left {
    /// When it was tried last to take it out; None before the first time.
    tried: Option<Instant>,
}

impl PurgedLog {
    /// `is_host` says whether one that died may have left something that nobody else takes out.
    pub(crate) fn new(is_host: bool) -> Self {
        let left = is_host.then_some(Left { tried: None });
        Self {
            left: Mutex::new(left),
        }
    }

    fn left(&self) -> MutexGuard<'_, Option<Left>> {
        lock(&self.left)
    }

    /// Says whether it is time to try again.
    pub(crate) fn is_due(&self) -> bool {
        let is_time = |tried: Instant| tried.elapsed() >= TRY_EVERY;
        self.left()
            .is_some_and(|left| left.tried.is_none_or(is_time))
    }

    /// Empties the log under `lock`, and keeps in mind if that could not be done.
    pub(crate) fn empty(&self, store: &dyn Backend, lock: &WriteLock) {
        let answer = store.checkpoint(lock);
        let mut left = self.left();
        if matches!(answer, Ok(true)) {
            *left = None;
            return;
        }
        let was_tried = left.is_some_and(|left| left.tried.is_some());
        let tried = Some(Instant::now());
        *left = Some(Left { tried });
        match answer {
            Err(error) if !was_tried => {
                tracing::warn!(%error, "what was purged may still be in the log of the database; it is tried again");
            }
            _ => {
                tracing::debug!(
                    "a reader or a backup keeps the log of the database from being emptied"
                )
            }
        }
    }

    /// Tries again if it is time and the write lock is free; waits for nobody.
    pub(crate) fn try_again(&self, context: &Context) {
        if self.is_due() {
            self.empty_if_free(context, Duration::ZERO);
        }
    }

    /// Tries until it is done, for [`END_PATIENCE`] at most. What is left then is taken out by the last instance that closes
    /// the store, or by the next host.
    pub(crate) fn empty_before_end(&self, context: &Context) {
        let until = Instant::now() + END_PATIENCE;
        let is_left = || {
            let left = self.left();
            left.is_some_and(|left| left.tried.is_some())
        };
        while is_left() {
            let patience = until.saturating_duration_since(Instant::now());
            if patience.is_zero() || !self.empty_if_free(context, patience) {
                tracing::warn!(
                    "what was purged may still be in the log of the database; the next host that starts takes it out"
                );
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Empties the log if there is any, and the write lock is free within `patience`; false if it cannot, or writes are
    /// paused or have stopped permanently.
    fn empty_if_free(&self, context: &Context, patience: Duration) -> bool {
        if context.paused().is_some() || context.health.stopped().is_some() {
            return false;
        }
        {
            // Under the mutex: what a turn leaves in the log meanwhile is noted after this.
            let mut left = self.left();
            if context.store.facts().wal_bytes == 0 {
                *left = None;
                return true;
            }
        }
        let purpose = Purpose {
            client: "observer".to_owned(),
            kind: "purge".to_owned(),
            requests: 0,
            progress: None,
        };
        // Who is in the way has the lock for a write, and the writer of this instance tries with its own.
        let Ok(lock) = context.locks.acquire_write(&purpose, Wait::up_to(patience)) else {
            return false;
        };
        self.empty(&*context.store, &lock);
        drop(lock);
        true
    }
}
