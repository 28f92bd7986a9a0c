//! The wall clock, passed in so that tests can set it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time of day for the `since_ms` of records.
///
/// Waits and holds are measured with the monotonic clock instead, so a clock that jumps changes what people read, never how
/// long anyone waits.
pub trait Clock: Send + Sync {
    /// Returns milliseconds since 1970-01-01 00:00 UTC.
    fn now_ms(&self) -> i64;
}

/// Reads the clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        // A clock set before 1970 or past the year 292 million reads as 0.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since| i64::try_from(since.as_millis()).ok())
            .unwrap_or(0)
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now_ms(&self) -> i64 {
        (**self).now_ms()
    }
}
