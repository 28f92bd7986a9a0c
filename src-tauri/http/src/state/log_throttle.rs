//! Warnings that could flood the log, written at most once a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two warnings of one kind.
const EVERY: Duration = Duration::from_secs(60);

/// Counts what is not logged each time.
#[derive(Debug, Default)]
pub(crate) struct LogThrottle(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    logged: Option<Instant>,
    since: u64,
}

impl LogThrottle {
    /// Counts one more. Returns how many there have been since the last warning, if a warning is due.
    pub(crate) fn count(&self, now: Instant) -> Option<u64> {
        // Two numbers: at worst one is counted twice.
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.since += 1;
        let is_due = counted
            .logged
            .is_none_or(|logged| now.saturating_duration_since(logged) >= EVERY);
        is_due.then(|| {
            counted.logged = Some(now);
            std::mem::take(&mut counted.since)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_logged_at_once_and_the_others_together_a_minute_later() {
        let throttle = LogThrottle::default();
        let now = Instant::now();
        assert_eq!(throttle.count(now), Some(1));
        assert_eq!(throttle.count(now), None);
        assert_eq!(throttle.count(now + EVERY / 2), None);
        assert_eq!(throttle.count(now + EVERY), Some(3));
    }
}
