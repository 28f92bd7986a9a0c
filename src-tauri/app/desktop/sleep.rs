//! Whether this program ran all the time, or slept: with the machine, or stopped by somebody.
//!
//! Whoever waits or holds a lock does so by the clock, and a night of sleep looks like a night of waiting.

use std::time::{Duration, Instant, SystemTime};

/// A longer time between two looks is a sleep. They are about a second apart, and a slow desktop may delay one by some
/// seconds; a shorter sleep makes nobody look slow.
const GAP_MIN: Duration = Duration::from_secs(5);

/// When was looked last, by both clocks: in most systems one of them stands still while the machine sleeps.
#[derive(Debug, Default)]
pub(super) struct SleepDetector {
    looked: Option<(Instant, SystemTime)>,
}

impl SleepDetector {
    /// Returns how long the program slept since the last call, if it did.
    ///
    /// A clock that is set forward counts as a sleep: the same times look long then.
    pub(super) fn slept(&mut self, now: Instant, clock: SystemTime) -> Option<Duration> {
        let (earlier, clock_earlier) = self.looked.replace((now, clock))?;
        let by_clock = clock.duration_since(clock_earlier).unwrap_or_default();
        let gap = by_clock.max(now.duration_since(earlier));
        (gap >= GAP_MIN).then_some(gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_by_either_clock_is_a_sleep_and_a_clock_that_is_set_back_is_none() {
        let (start, clock) = (Instant::now(), SystemTime::now());
        let second = Duration::from_secs(1);
        let cases = [
            (second, second, None),
            (4 * second, 4 * second, None),
            (6 * second, 6 * second, Some(6 * second)),
            (second, 3600 * second, Some(3600 * second)),
            (6 * second, second, Some(6 * second)),
        ];
        for (by_instant, by_clock, expected) in cases {
            let mut sleep = SleepDetector::default();
            assert_eq!(sleep.slept(start, clock), None, "the first look");
            let slept = sleep.slept(start + by_instant, clock + by_clock);
            assert_eq!(slept, expected, "{by_instant:?}, {by_clock:?}");
        }
        let mut sleep = SleepDetector::default();
        assert_eq!(sleep.slept(start, clock), None);
        assert_eq!(sleep.slept(start + second, clock - 3600 * second), None);
    }
}
