//! The limits of the design, beside what was measured.

use std::time::Duration;

use super::table::times;
use super::{Contention, Wait};
use crate::load::figures::time_text;
use crate::load::limits::{Limit, below, none};

/// The longest wait may be so many times the average at equal load.
const WAIT_RATIO_MAX: f64 = 5.0;
/// Lock, records and statistics may take this share of a request of a client that is alone, and this time.
const OVERHEAD_SHARE_MAX: f64 = 0.10;
const OVERHEAD_MAX: Duration = Duration::from_micros(100);

impl Contention {
    /// Compares everything with its limit; what was not measured is not met.
    pub(super) fn limits(&self) -> Vec<Limit> {
        let layers = &self.layers;
        let instances = &self.instances.waits;
        let four = self.round(4).map(|round| round.ours.waits);
        let average =
            four.map(|waits| Duration::from_secs_f64(waits.queue_average_ms.max(0.0) / 1e3));
        let one_host = self.one_host.rounds.iter();
        let failed: u64 = one_host
            .map(|round| round.ours.waits.failed_acquisitions)
            .sum();
        let (asked, burst) = (self.burst.requests, &self.burst);
        vec![
            below(
                "hand-over between processes, p50",
                Some(layers.hand_over_p50),
                1,
            ),
            below(
                "hand-over between processes, p99",
                Some(layers.hand_over_p99),
                10,
            ),
            wait_ratio(&instances.queue),
            below("queue wait, average, 1 host with 4 clients", average, 2),
            none("failed acquisitions, 1 host", failed),
            none(
                "failed acquisitions, 8 instances",
                instances.failed_acquisitions,
            ),
            none(
                "calls that failed, 8 instances",
                self.instances.stored.errors.count as u64,
            ),
            self.overhead_share(),
            overhead_time(self.overhead()),
            none("refused or failed in the burst", burst.errors.count as u64),
            none("acknowledged while the lock was held", burst.early as u64),
            Limit {
                what: "acknowledged and found in the burst".to_owned(),
                wanted: asked.to_string(),
                measured: burst.kept.found.to_string(),
                is_met: Some(burst.kept.found == asked),
            },
            none("acknowledged writes lost", self.lost() as u64),
        ]
    }

    /// Acknowledged writes that ours does not have.
    fn lost(&self) -> usize {
        self.one_host.lost() + self.instances.kept.lost() + self.burst.kept.lost()
    }

    fn overhead(&self) -> Duration {
        self.layers.lock_p50 + self.layers.recording_p50
    }

    fn overhead_share(&self) -> Limit {
        let request = self
            .round(1)
            .and_then(|round| round.ours.side.stored.times.p50());
        let share = request.map(|request| self.overhead().as_secs_f64() / request.as_secs_f64());
        Limit {
            what: "lock, records and statistics of a store request, 1 client".to_owned(),
            wanted: format!("below {:.0} %", OVERHEAD_SHARE_MAX * 100.0),
            measured: share.map_or("-".to_owned(), |share| format!("{:.1} %", share * 100.0)),
            is_met: share.map(|share| share < OVERHEAD_SHARE_MAX),
        }
    }
}

fn wait_ratio(wait: &Wait) -> Limit {
    let ratio = times(wait.max, wait.average);
    Limit {
        what: "longest queue wait to the average, 8 instances with 4 clients each".to_owned(),
        wanted: format!("at most {WAIT_RATIO_MAX} x"),
        measured: ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.1} x")),
        is_met: ratio.map(|ratio| ratio <= WAIT_RATIO_MAX),
    }
}

fn overhead_time(overhead: Duration) -> Limit {
    Limit {
        what: "lock, records and statistics, p50".to_owned(),
        wanted: format!("below {}", time_text(OVERHEAD_MAX)),
        measured: time_text(overhead),
        is_met: Some(overhead < OVERHEAD_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::crowd::Kept;
    use crate::load::results::Round;
    use crate::load::samples::Samples;

    fn micros(count: u64) -> Duration {
        Duration::from_micros(count)
    }

    /// A run in which everything is as it should be.
    fn good() -> Contention {
        let mut run = Contention::default();
        for clients in [1, 4, 8] {
            let mut round = Round {
                clients,
                ..Round::default()
            };
            round.ours.side.stored.times = [micros(600)].into_iter().collect::<Samples>();
            round.ours.waits.queue_average_ms = 1.5;
            run.one_host.rounds.push(round);
        }
        run.layers.lock_p50 = micros(10);
        run.layers.recording_p50 = micros(5);
        run.instances.waits.queue = Wait {
            average: micros(2_000),
            max: micros(10_000),
            ..Wait::default()
        };
        run.burst.requests = 1_000;
        run.burst.kept = Kept {
            acknowledged: 1_000,
            found: 1_000,
            unanswered: 0,
        };
        run
    }

    fn missed(run: &Contention) -> Vec<String> {
        let limits = run.limits().into_iter();
        limits
            .filter(|limit| limit.is_met != Some(true))
            .map(|limit| limit.what)
            .collect()
    }

    /// Spoils a good run and returns the only limit that is missed then.
    fn missed_after(spoil: impl FnOnce(&mut Contention)) -> String {
        let mut run = good();
        spoil(&mut run);
        let all = missed(&run);
        assert_eq!(all.len(), 1, "not this limit alone: {all:?}");
        all.into_iter().next().unwrap_or_default()
    }

    #[test]
    fn a_good_run_misses_nothing_and_one_without_figures_something() {
        assert_eq!(missed(&good()), [""; 0]);
        assert!(!missed(&Contention::default()).is_empty());
    }

    #[test]
    fn each_limit_is_missed_by_what_it_is_about() {
        let all = [
            missed_after(|run| run.layers.hand_over_p50 = micros(1_000)),
            missed_after(|run| run.layers.hand_over_p99 = micros(10_000)),
            missed_after(|run| run.instances.waits.queue.max = micros(10_001)),
            missed_after(|run| run.one_host.rounds[1].ours.waits.queue_average_ms = 2.0),
            missed_after(|run| run.one_host.rounds[0].ours.waits.failed_acquisitions = 1),
            missed_after(|run| run.instances.waits.failed_acquisitions = 1),
            missed_after(|run| run.instances.stored.errors.count = 1),
            missed_after(|run| run.layers.lock_p50 = micros(55)),
            missed_after(|run| run.burst.errors.count = 1),
            missed_after(|run| run.burst.early = 1),
            missed_after(|run| run.burst.kept.acknowledged = 1_001),
        ];
        let wanted = [
            "hand-over between processes, p50",
            "hand-over between processes, p99",
            "longest queue wait to the average, 8 instances with 4 clients each",
            "queue wait, average, 1 host with 4 clients",
            "failed acquisitions, 1 host",
            "failed acquisitions, 8 instances",
            "calls that failed, 8 instances",
            "lock, records and statistics of a store request, 1 client",
            "refused or failed in the burst",
            "acknowledged while the lock was held",
            "acknowledged writes lost",
        ];
        assert_eq!(all, wanted);
    }

    #[test]
    fn a_lost_write_of_the_burst_misses_two_limits() {
        let mut run = good();
        run.burst.kept.found = 999;
        assert_eq!(
            missed(&run),
            [
                "acknowledged and found in the burst",
                "acknowledged writes lost"
            ]
        );
    }
}
