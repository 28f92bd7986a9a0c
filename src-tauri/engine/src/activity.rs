//! Whether requests are under way: the indexer works when they are not.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Counts requests under way.
#[derive(Default)]
pub(crate) struct Activity {
    active: Mutex<usize>,
    /// Signalled when the last request ends.
    quiet: Condvar,
}

/// One request under way; ends when dropped.
#[must_use]
pub(crate) struct Active<'a>(&'a Activity);

impl Activity {
    /// Notes that a request has begun.
    pub(crate) fn begin(&self) -> Active<'_> {
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Active(self)
    }

    /// Waits until no request is under way, but at most `patience`, so that a busy host still gets its index.
    pub(crate) fn wait_quiet(&self, patience: Duration) {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        drop(
            self.quiet
                .wait_timeout_while(active, patience, |active| *active > 0),
        );
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        let mut active = self.0.active.lock().unwrap_or_else(PoisonError::into_inner);
        *active -= 1;
        if *active == 0 {
            self.0.quiet.notify_all();
        }
    }
}
