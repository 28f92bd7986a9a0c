//! How long to wait for a lock, and waiting by asking again and again.
//!
//! The write lock has a line with an order (see [`crate::line`]). Everything else, and the write lock on a full disk, is
//! asked for again and again with growing pauses, which promises no order.

use std::thread;
use std::time::{Duration, Instant};

/// First pause between two tries; about as long as a short batch of writes.
const PAUSE_FIRST: Duration = Duration::from_micros(200);
/// Longest pause: the most that a waiting call can add to a hand-over. Too short for a person to notice, long enough that a
/// hundred waiting processes cost little.
const PAUSE_MAX: Duration = Duration::from_millis(5);

/// Says how long a call may wait for a lock and how it can be told to stop.
#[derive(Clone, Copy)]
pub struct Wait<'a> {
    /// Longest wait. Zero: try once, do not wait.
    pub timeout: Duration,
    /// Asked several times a second while the call waits; `false` ends the wait.
    pub keep_waiting: &'a dyn Fn() -> bool,
}

impl Wait<'static> {
    /// Waits until `timeout` has passed.
    #[must_use]
    pub const fn up_to(timeout: Duration) -> Self {
        Self {
            timeout,
            keep_waiting: &|| true,
        }
    }
}

impl<'a> Wait<'a> {
    /// Waits until `timeout` has passed or `keep_waiting` says no.
    ///
    /// `keep_waiting` runs on the waiting thread and should be quick.
    #[must_use]
    pub fn up_to_while(timeout: Duration, keep_waiting: &'a dyn Fn() -> bool) -> Self {
        Self {
            timeout,
            keep_waiting,
        }
    }

    /// Returns what is left of the time for a wait that began at `started`.
    pub(crate) fn left(&self, started: Instant) -> Duration {
        self.timeout.saturating_sub(started.elapsed())
    }
}

/// Why a wait ended without the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    TimedOut,
    GaveUp,
}

/// Tries until `attempt` has taken the lock, the time since `started` is up or the caller is told to stop.
///
/// Begins with a pause: the caller has tried already. The last try comes when the time is up, so a short timeout is still
/// waited out.
pub(crate) fn until_taken<E>(
    wait: Wait<'_>,
    started: Instant,
    mut attempt: impl FnMut() -> Result<bool, E>,
) -> Result<Result<(), NotTaken>, E> {
    let mut pause = PAUSE_FIRST;
    loop {
        if !(wait.keep_waiting)() {
            return Ok(Err(NotTaken::GaveUp));
        }
        let left = wait.left(started);
        if left.is_zero() {
            return Ok(Err(NotTaken::TimedOut));
        }
        thread::sleep(pause.min(left));
        if attempt()? {
            return Ok(Ok(()));
        }
        pause = longer(pause);
    }
}

/// Returns the pause after `pause`: half as long again, at most [`PAUSE_MAX`].
fn longer(pause: Duration) -> Duration {
    (pause * 3 / 2).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn pauses_grow_to_five_milliseconds_and_no_further() {
        let pauses: Vec<_> = std::iter::successors(Some(PAUSE_FIRST), |pause| Some(longer(*pause)))
            .take(20)
            .collect();
        assert_eq!(pauses[1], Duration::from_micros(300));
        assert!(pauses.is_sorted());
        assert_eq!(pauses[19], PAUSE_MAX);
    }

    #[test]
    fn a_wait_that_is_given_up_does_not_try_again() {
        let asked = Cell::new(0);
        let tried = Cell::new(0);
        let keep_waiting = || {
            asked.set(asked.get() + 1);
            asked.get() <= 3
        };
        let wait = Wait::up_to_while(Duration::from_secs(10), &keep_waiting);
        let ended = until_taken::<Infallible>(wait, Instant::now(), || {
            tried.set(tried.get() + 1);
            Ok(false)
        });
        assert_eq!(ended, Ok(Err(NotTaken::GaveUp)));
        assert_eq!(tried.get(), 3, "one try after each yes");
    }

    #[test]
    fn no_time_means_no_further_try() {
        let wait = Wait::up_to(Duration::ZERO);
        let ended = until_taken::<Infallible>(wait, Instant::now(), || unreachable!());
        assert_eq!(ended, Ok(Err(NotTaken::TimedOut)));
    }

    #[test]
    fn the_time_is_waited_out_before_the_refusal() {
        let started = Instant::now();
        let timeout = Duration::from_millis(20);
        let ended = until_taken::<Infallible>(Wait::up_to(timeout), started, || Ok(false));
        assert_eq!(ended, Ok(Err(NotTaken::TimedOut)));
        assert!(started.elapsed() >= timeout);
    }
}
