//! How many workers there should be, from how long jobs waited for one. No threads, no clock.
//!
//! One more (up to four) after a second in which jobs waited long; one less after ten calm seconds in a row, so that a
//! pause between two bursts costs nothing. Never above [`Scaling::most`] and never below one.

use std::time::Duration;

use commonplace_api::settings::Limits;

/// A wait for a worker that is too long: a search takes about this time itself.
const WAIT_LONG: Duration = Duration::from_millis(10);
/// A wait that nobody notices.
const WAIT_SHORT: Duration = Duration::from_millis(1);
/// Calm seconds in a row before a worker ends.
const CALM_SECONDS: u32 = 10;
/// Most workers that start in one second.
const STEP_MAX: usize = 4;
/// Workers for each core that are worth having: searches are bound by the processor, and more threads would only wait for
/// each other there.
const WORKERS_PER_CORE: usize = 4;

/// What was measured in one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) workers: usize,
    pub(crate) busy: usize,
    /// Jobs that wait now, and how long the oldest of them has.
    pub(crate) waiting: usize,
    pub(crate) oldest: Duration,
    /// Average wait of the jobs that began in that second.
    pub(crate) wait_average: Duration,
}

impl Load {
    fn wait(&self) -> Duration {
        self.wait_average.max(self.oldest)
    }
}

/// The part that is remembered from second to second.
#[derive(Debug)]
pub(crate) struct Scaling {
    /// The most workers it asks for.
    pub(crate) most: usize,
    calm_seconds: u32,
}

impl Scaling {
    /// Follows the load on a machine with so many cores.
    pub(crate) fn for_cores(cores: usize) -> Self {
        let most =
            (cores * WORKERS_PER_CORE).clamp(*Limits::WORKERS.start(), *Limits::WORKERS.end());
        Self {
            most,
            calm_seconds: 0,
        }
    }

    /// Says how many workers there should be after this second.
    pub(crate) fn wanted(&mut self, load: &Load) -> usize {
        let is_calm = load.wait() < WAIT_SHORT && load.busy * 2 <= load.workers;
        self.calm_seconds = if is_calm { self.calm_seconds + 1 } else { 0 };
        let wanted = if load.wait() >= WAIT_LONG {
            load.workers + load.waiting.div_ceil(STEP_MAX).clamp(1, STEP_MAX)
        } else if self.calm_seconds >= CALM_SECONDS {
            self.calm_seconds = 0;
            load.workers.saturating_sub(1)
        } else {
            load.workers
        };
        wanted.clamp(*Limits::WORKERS.start(), self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(workers: usize, busy: usize, waiting: usize, wait_ms: u64) -> Load {
        Load {
            workers,
            busy,
            waiting,
            oldest: Duration::ZERO,
            wait_average: Duration::from_millis(wait_ms),
        }
    }

    #[test]
    fn the_number_of_workers_follows_the_measured_wait_and_keeps_its_bounds() {
        let stuck = Load {
            oldest: Duration::from_secs(1),
            ..load(4, 4, 1, 0)
        };
        let table = [
            (load(4, 4, 0, 12), 5, "jobs waited long: one more"),
            (load(4, 4, 100, 12), 8, "many wait: four more"),
            (stuck, 5, "one waits long, although none began"),
            (load(4, 4, 3, 5), 4, "a wait between short and long"),
            (load(16, 16, 100, 500), 16, "never above its bound"),
            (
                load(32, 0, 0, 0),
                16,
                "set to more before: back to the bound",
            ),
            (load(1, 0, 0, 0), 1, "never below one"),
        ];
        for (load, wanted, why) in table {
            assert_eq!(Scaling::for_cores(4).wanted(&load), wanted, "{why}");
        }
    }

    #[test]
    fn a_worker_ends_after_ten_calm_seconds_in_a_row() {
        let mut scaling = Scaling::for_cores(4);
        let mut after = |load: Load| scaling.wanted(&load);
        for _ in 0..9 {
            assert_eq!(after(load(4, 0, 0, 0)), 4);
        }
        assert_eq!(after(load(4, 4, 0, 0)), 4, "busy: the count starts again");
        for _ in 0..9 {
            assert_eq!(after(load(4, 1, 0, 0)), 4);
        }
        assert_eq!(after(load(4, 1, 0, 0)), 3);
        assert_eq!(after(load(3, 0, 0, 0)), 3, "one at a time");
    }

    #[test]
    fn whatever_is_measured_the_bounds_hold() {
        for cores in [1, 2, 8, 128] {
            let mut scaling = Scaling::for_cores(cores);
            for step in 0..2_000_usize {
                let measured = load(step % 40, step % 7, step % 1000, (step % 30) as u64);
                let wanted = scaling.wanted(&measured);
                assert!((1..=32).contains(&wanted) && wanted <= cores * 4);
            }
        }
    }
}
