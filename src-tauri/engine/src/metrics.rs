//! Counters and distributions of times, kept in memory since this host started.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::status::{KindStats, Sample, Stats, TimeSummary};

/// Longest time that is told apart: one hour, in microseconds.
const TIME_US_MAX: u64 = 3_600_000_000;

/// A distribution of times with two significant digits (about 20 kB).
pub(crate) struct Times {
    histogram: Histogram<u64>,
    sum: Duration,
}

impl Times {
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, TIME_US_MAX, 2)
            .expect("the bounds are constants that fit");
        Self {
            histogram,
            sum: Duration::ZERO,
        }
    }

    pub(crate) fn record(&mut self, time: Duration) {
        self.histogram
            .saturating_record(time.as_micros().clamp(1, u128::from(TIME_US_MAX)) as u64);
        self.sum += time;
    }

    pub(crate) fn summary(&self) -> TimeSummary {
        let count = self.histogram.len();
        if count == 0 {
            return TimeSummary::default();
        }
        let at = |quantile| self.histogram.value_at_quantile(quantile) as f64 / 1e3;
        let sum_ms = self.sum.as_secs_f64() * 1e3;
        TimeSummary {
            count,
            average_ms: sum_ms / count as f64,
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms: self.histogram.max() as f64 / 1e3,
            sum_ms,
        }
    }
}

/// How one request ended, for the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Refused,
    Failed,
    TimedOut,
    QueueFull,
    Cancelled,
}

/// Counters that are added to without a lock.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) acquisitions: AtomicU64,
    pub(crate) failed_acquisitions: AtomicU64,
    pub(crate) contended_acquisitions: AtomicU64,
    pub(crate) last_acquisition_ms: AtomicI64,
    pub(crate) active_locks: AtomicU64,
    pub(crate) acknowledged: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) queue_full: AtomicU64,
    pub(crate) throttled: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) searches: AtomicU64,
    pub(crate) in_commit: AtomicU64,
    /// Grows with everything that can be seen; tells the observer that something changed.
    pub(crate) changes: AtomicU64,
}

/// Everything that is measured.
pub(crate) struct Metrics {
    pub(crate) counters: Counters,
    /// Distributions; held for a few microseconds, never across a commit.
    times: Mutex<AllTimes>,
}

struct AllTimes {
    queue_wait: Times,
    lock_wait: Times,
    hold: Times,
    commit: Times,
    write_total: Times,
    search_total: Times,
    by_kind: BTreeMap<&'static str, Kind>,
    second: Second,
}

struct Kind {
    done: u64,
    failed: u64,
    total: Times,
}

/// What happened since the last sample was taken.
#[derive(Default)]
struct Second {
    sample: Sample,
    queue_wait_sum_ms: f64,
    queue_waits: u32,
}

/// Times of one acquisition and its commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchTimes {
    pub(crate) lock_wait: Duration,
    pub(crate) hold: Duration,
    pub(crate) commit: Duration,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let times = AllTimes {
            queue_wait: Times::new(),
            lock_wait: Times::new(),
            hold: Times::new(),
            commit: Times::new(),
            write_total: Times::new(),
            search_total: Times::new(),
            by_kind: BTreeMap::new(),
            second: Second::default(),
        };
        Self {
            counters: Counters::default(),
            times: Mutex::new(times),
        }
    }

    fn times(&self) -> MutexGuard<'_, AllTimes> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a batch that was committed.
    pub(crate) fn batch(&self, batch: BatchTimes) {
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        self.counters.changes.fetch_add(1, Ordering::Relaxed);
        let mut times = self.times();
        times.lock_wait.record(batch.lock_wait);
        times.hold.record(batch.hold);
        times.commit.record(batch.commit);
        let sample = &mut times.second.sample;
        sample.lock_wait_max_ms = sample.lock_wait_max_ms.max(ms(batch.lock_wait));
        sample.hold_max_ms = sample.hold_max_ms.max(ms(batch.hold));
    }

    /// Records one write request. The indexer's own are not counted as anybody's requests.
    pub(crate) fn write(
        &self,
        kind: &'static str,
        end: End,
        queue_wait: Option<Duration>,
        total: Duration,
    ) {
        self.count(end);
        let mut times = self.times();
        times.by_kind(kind).add(end, total);
        if kind == "index" {
            return;
        }
        if end == End::Done {
            times.write_total.record(total);
        }
        times.second.add_write(end, queue_wait);
        if let Some(wait) = queue_wait {
            times.queue_wait.record(wait);
        }
    }

    /// Records one search or list.
    pub(crate) fn search(&self, kind: &'static str, end: End, total: Duration) {
        self.counters.changes.fetch_add(1, Ordering::Relaxed);
        self.counters.searches.fetch_add(1, Ordering::Relaxed);
        let mut times = self.times();
        times.by_kind(kind).add(end, total);
        times.search_total.record(total);
        times.second.sample.searches += 1;
        times.second.sample.failures += u32::from(end != End::Done);
    }

    /// Notes the length of the queue for the sample of this second.
    pub(crate) fn queue_length(&self, length: usize) {
        let mut times = self.times();
        let sample = &mut times.second.sample;
        sample.queue_length_max = sample.queue_length_max.max(length as u32);
    }

    fn count(&self, end: End) {
        let counters = &self.counters;
        counters.changes.fetch_add(1, Ordering::Relaxed);
        let counter = match end {
            End::Done => &counters.acknowledged,
            End::Refused => &counters.refused,
            End::TimedOut => &counters.timed_out,
            End::QueueFull => &counters.queue_full,
            End::Cancelled => &counters.cancelled,
            End::Failed => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the sample of the second that ends now.
    pub(crate) fn take_sample(&self, at_ms: i64) -> Sample {
        let second = std::mem::take(&mut self.times().second);
        let average = second.queue_wait_sum_ms / f64::from(second.queue_waits.max(1));
        Sample {
            at_ms,
            queue_wait_average_ms: average as f32,
            ..second.sample
        }
    }

    /// Reads everything.
    pub(crate) fn stats(&self, leftovers_cleared: u64) -> Stats {
        let counters = &self.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let last = counters.last_acquisition_ms.load(Ordering::Relaxed);
        let times = self.times();
        Stats {
            acquisitions: read(&counters.acquisitions),
            failed_acquisitions: read(&counters.failed_acquisitions),
            contended_acquisitions: read(&counters.contended_acquisitions),
            last_acquisition_ms: (last != 0).then_some(last),
            active_locks: read(&counters.active_locks),
            acknowledged: read(&counters.acknowledged),
            refused: read(&counters.refused),
            queue_full: read(&counters.queue_full),
            throttled: read(&counters.throttled),
            timed_out: read(&counters.timed_out),
            cancelled: read(&counters.cancelled),
            commits: read(&counters.commits),
            retries: read(&counters.retries),
            searches: read(&counters.searches),
            leftovers_cleared,
            queue_wait: times.queue_wait.summary(),
            lock_wait: times.lock_wait.summary(),
            hold: times.hold.summary(),
            commit: times.commit.summary(),
            write_total: times.write_total.summary(),
            search_total: times.search_total.summary(),
            by_kind: times
                .by_kind
                .iter()
                .map(|(name, kind)| kind.stats(name))
                .collect(),
        }
    }
}

impl AllTimes {
    fn by_kind(&mut self, kind: &'static str) -> &mut Kind {
        self.by_kind.entry(kind).or_insert_with(|| Kind {
            done: 0,
            failed: 0,
            total: Times::new(),
        })
    }
}

impl Kind {
    fn add(&mut self, end: End, total: Duration) {
        if end == End::Done {
            self.done += 1;
            self.total.record(total);
        } else {
            self.failed += 1;
        }
    }

    fn stats(&self, name: &str) -> KindStats {
        KindStats {
            kind: name.to_owned(),
            done: self.done,
            failed: self.failed,
            total: self.total.summary(),
        }
    }
}

impl Second {
    fn add_write(&mut self, end: End, queue_wait: Option<Duration>) {
        self.sample.writes += u32::from(end == End::Done);
        self.sample.failures += u32::from(!matches!(end, End::Done | End::Cancelled));
        if let Some(wait) = queue_wait {
            self.sample.queue_wait_max_ms = self.sample.queue_wait_max_ms.max(ms(wait));
            self.queue_wait_sum_ms += wait.as_secs_f64() * 1e3;
            self.queue_waits += 1;
        }
    }
}

fn ms(time: Duration) -> f32 {
    time.as_secs_f32() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_agrees_with_what_was_recorded() {
        let mut times = Times::new();
        assert_eq!(
            times.summary(),
            TimeSummary::default(),
            "nothing recorded, nothing claimed"
        );
        (1..=100).for_each(|n| times.record(Duration::from_millis(n)));
        let summary = times.summary();
        assert_eq!(summary.count, 100);
        assert!((summary.average_ms - 50.5).abs() < 1e-6);
        assert!(
            (summary.p95_ms - 95.0).abs() < 1.0,
            "within two digits: {}",
            summary.p95_ms
        );
        assert!((summary.max_ms - 100.0).abs() < 1.0);
    }

    #[test]
    fn a_sample_covers_one_second_and_starts_anew() {
        let metrics = Metrics::new();
        let wait = Some(Duration::from_millis(4));
        metrics.write("store", End::Done, wait, Duration::from_millis(5));
        metrics.write(
            "store",
            End::Done,
            Some(Duration::from_millis(8)),
            Duration::from_millis(9),
        );
        metrics.write("index", End::Done, wait, Duration::from_millis(5));
        let sample = metrics.take_sample(7);
        assert_eq!(
            (sample.at_ms, sample.writes),
            (7, 2),
            "the indexer's writes are nobody's requests"
        );
        assert_eq!(
            (sample.queue_wait_max_ms, sample.queue_wait_average_ms),
            (8.0, 6.0)
        );
        assert_eq!(
            metrics.take_sample(8),
            Sample {
                at_ms: 8,
                ..Sample::default()
            }
        );
    }
}
