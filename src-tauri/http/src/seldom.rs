//! Things that come in floods and are told once a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a thing is told.
const EVERY: Duration = Duration::from_secs(60);

/// Counts what is not told each time.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    told: Option<Instant>,
    since: u64,
}

impl Seldom {
    /// Counts one more. Returns how many have come since it was told last, if it is to be told now.
    pub(crate) fn count(&self, now: Instant) -> Option<u64> {
        // Two numbers: at worst one is counted twice.
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.since += 1;
        let is_due = counted
            .told
            .is_none_or(|told| now.saturating_duration_since(told) >= EVERY);
        is_due.then(|| {
            counted.told = Some(now);
            std::mem::take(&mut counted.since)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_others_together_a_minute_later() {
        let seldom = Seldom::default();
        let now = Instant::now();
        assert_eq!(seldom.count(now), Some(1));
        assert_eq!(seldom.count(now), None);
        assert_eq!(seldom.count(now + EVERY / 2), None);
        assert_eq!(seldom.count(now + EVERY), Some(3));
    }
}
