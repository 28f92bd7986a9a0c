//! Whether requests are under way: the indexer works when they are not.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::mutex::lock;

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
        *lock(&self.active) += 1;
        Active(self)
    }

    /// Waits until no request is under way, but at most `patience`, so that a busy host still gets its index.
    pub(crate) fn wait_quiet(&self, patience: Duration) {
        let active = lock(&self.active);
        drop(
            self.quiet
                .wait_timeout_while(active, patience, |active| *active > 0),
        );
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        let mut active = lock(&self.0.active);
        *active -= 1;
        if *active == 0 {
            self.0.quiet.notify_all();
        }
    }
}
