//! What is measured: the live counters of this host, and the statistics of the store, which cover all instances.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use commonplace_api::statistics::{
    AcquisitionFailures, ClientStats, Incident, IncidentKind, KindStats, Sample, Stats,
    TimeSummary, WaitBin, WaitShare, WaitsReport,
};
use commonplace_lock::{InstanceId, Locks};
use commonplace_store::statistics::{
    self, Counter, Event, Figures, HistoryPoint, Measure, Moment, Share, Span, Statistics, Times,
};

use crate::mutex::lock;

/// Events of other instances are looked for again after this time, own ones at once.
const KNOWN_FOR: Duration = Duration::from_millis(200);
/// Fewest bins of waits, if there is any wait.
const WAIT_BINS_MIN: usize = 8;
/// Refusals that cost nothing come in floods: one in this time is kept as an incident, in milliseconds.
const REFUSAL_KEPT_EVERY_MS: i64 = 1_000;

/// Counters of this host that are added to without a lock.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) active_locks: AtomicU64,
    pub(crate) in_commit: AtomicU64,
    /// Grows with everything that can be seen; tells the observer that something changed.
    pub(crate) changes: AtomicU64,
}

/// Everything that is measured.
pub(crate) struct Metrics {
    pub(crate) counters: Counters,
    statistics: Statistics,
    /// Times that something was recorded here.
    recorded: AtomicU64,
    /// Leftovers that were recorded, of those that the locks counted.
    leftovers: AtomicU64,
    refusal_kept_ms: AtomicI64,
    cached: Mutex<CachedStats>,
}

/// The figures as they were read last.
#[derive(Default)]
struct CachedStats {
    at: Option<Instant>,
    recorded: u64,
    stats: Stats,
}

impl Metrics {
    pub(crate) fn new(store_dir: &Path, instance: &InstanceId) -> Self {
        Self {
            counters: Counters::default(),
            statistics: Statistics::new(store_dir, instance),
            recorded: AtomicU64::new(0),
            leftovers: AtomicU64::new(0),
            refusal_kept_ms: AtomicI64::new(i64::MIN),
            cached: Mutex::default(),
        }
    }

    /// Records what happened, before anybody is answered.
    pub(crate) fn record(&self, events: &[Event]) {
        self.statistics.record(events);
        self.recorded.fetch_add(1, Ordering::Release);
        self.counters.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps this many days of the past.
    pub(crate) fn keep_days(&self, days: u32) {
        self.statistics.keep_days(days);
    }

    /// Tries again to write what could not be written, so that others see it.
    pub(crate) fn flush(&self) {
        self.statistics.flush();
    }

    /// Returns how many times something was recorded.
    pub(crate) fn recorded(&self) -> u64 {
        self.recorded.load(Ordering::Acquire)
    }

    /// Says whether a refusal is to be kept as an incident.
    pub(crate) fn keeps_refusal(&self, now_ms: i64) -> bool {
        let last_ms = self.refusal_kept_ms.load(Ordering::Relaxed);
        now_ms.saturating_sub(last_ms).saturating_abs() >= REFUSAL_KEPT_EVERY_MS
            && self
                .refusal_kept_ms
                .compare_exchange(last_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Records the leftovers that were cleared since the last call.
    pub(crate) fn note_leftovers(&self, locks: &Locks, now_ms: i64) {
        let cleared = locks.leftovers_cleared();
        let before = self.leftovers.swap(cleared, Ordering::Relaxed);
        if cleared > before {
            self.record(&[Event::LeftoversCleared {
                at_ms: now_ms,
                count: cleared - before,
            }]);
        }
    }

    /// Adds up what is new, of all instances; false if another instance has the statistics locked for long.
    pub(crate) fn fold(&self, locks: &Locks, now_ms: i64) -> bool {
        self.statistics
            .fold(now_ms, &|id| locks.is_instance_alive(id))
    }

    /// Returns the figures of all instances. They have in them what this one recorded before, and what others did until
    /// a fifth of a second ago.
    pub(crate) fn stats(&self, locks: &Locks, now_ms: i64) -> Stats {
        self.note_leftovers(locks, now_ms);
        let mut cached = lock(&self.cached);
        let recorded = self.recorded();
        let is_fresh = cached.at.is_some_and(|at| at.elapsed() < KNOWN_FOR);
        if !is_fresh || cached.recorded != recorded {
            let is_alive = |id: &InstanceId| locks.is_instance_alive(id);
            *cached = CachedStats {
                at: Some(Instant::now()),
                recorded,
                stats: stats_of(&self.statistics.figures(now_ms, &is_alive)),
            };
        }
        let active_locks = self.counters.active_locks.load(Ordering::Relaxed);
        Stats {
            active_locks,
            ..cached.stats.clone()
        }
    }

    /// Returns what happened in `span`, up to the last fold.
    pub(crate) fn history(&self, span: Span, now_ms: i64) -> Vec<Sample> {
        let points = self.statistics.history(span, now_ms);
        points.iter().map(sample_of).collect()
    }

    /// Returns how the waits of `span` lie and whose they were, up to the last fold.
    pub(crate) fn waits(&self, span: Span, now_ms: i64) -> WaitsReport {
        let mut all = Moment::default();
        for point in self.statistics.history(span, now_ms) {
            all.add(&point.moment);
        }
        let shares = self
            .statistics
            .wait_shares(span.from_ms, span.to_ms, now_ms);
        WaitsReport {
            bins: wait_bins(&all.queue_wait, &all.lock_wait),
            by_client: wait_shares(&shares.by_client),
            by_kind: wait_shares(&shares.by_kind),
        }
    }

    /// Returns the last slow holds, slow waits and failures, the newest first.
    pub(crate) fn incidents(&self, limit: usize) -> Vec<Incident> {
        let incidents = self.statistics.incidents(limit);
        incidents.into_iter().map(incident_of).collect()
    }
}

/// Reads the figures of a store that no instance of this process has open; None if none were ever recorded.
pub fn recorded_stats(store_dir: &Path, now_ms: i64) -> Option<Stats> {
    let figures = read_only(store_dir)?.figures(now_ms, &|_| true);
    Some(stats_of(&figures))
}

/// Reads the last slow holds, slow waits and failures of such a store, the newest first.
pub fn recorded_incidents(store_dir: &Path, now_ms: i64, limit: usize) -> Vec<Incident> {
    let Some(statistics) = read_only(store_dir) else {
        return Vec::new();
    };
    statistics.fold(now_ms, &|_| true);
    let incidents = statistics.incidents(limit);
    incidents.into_iter().map(incident_of).collect()
}

/// Opens the statistics for reading only; everybody counts as alive.
fn read_only(store_dir: &Path) -> Option<Statistics> {
    let is_there = Statistics::dir_of(store_dir).is_dir();
    is_there.then(|| Statistics::new(store_dir, &InstanceId::random()))
}

fn stats_of(figures: &Figures) -> Stats {
    let all = &figures.all;
    let failures = AcquisitionFailures {
        timed_out: all.count(Counter::AcquisitionTimedOut),
        gave_up: all.count(Counter::AcquisitionGaveUp),
        io: all.count(Counter::AcquisitionIo),
        fenced: all.count(Counter::AcquisitionFenced),
    };
    let times = |measure| summary_of(&all.times(measure));
    Stats {
        acquisitions: all.count(Counter::Acquisitions),
        failed_acquisitions: failures.sum(),
        failed_by_reason: failures,
        contended_acquisitions: all.count(Counter::Contended),
        last_acquisition_ms: figures.last_acquisition_ms,
        active_locks: 0,
        acknowledged: all.count(Counter::Acknowledged),
        refused: all.count(Counter::Refused),
        failed: all.count(Counter::Failed),
        queue_full: all.count(Counter::QueueFull),
        throttled: all.count(Counter::Throttled),
        timed_out: all.count(Counter::TimedOut),
        cancelled: all.count(Counter::Cancelled),
        commits: all.count(Counter::Commits),
        retries: all.count(Counter::Retries),
        searches: all.count(Counter::Searches),
        leftovers_cleared: all.count(Counter::LeftoversCleared),
        queue_wait: times(Measure::QueueWait),
        lock_wait: times(Measure::LockWait),
        hold: times(Measure::Hold),
        commit: times(Measure::Commit),
        write_total: times(Measure::WriteTotal),
        search_total: times(Measure::SearchTotal),
        by_kind: listed(&figures.by_kind, kind_stats),
        by_client: listed(&figures.by_client, client_stats),
    }
}

fn listed<T>(shares: &BTreeMap<String, Share>, stats: impl Fn(&str, &Share) -> T) -> Vec<T> {
    let stats = |(name, share): (&String, &Share)| stats(name, share);
    shares.iter().map(stats).collect()
}

fn kind_stats(kind: &str, share: &Share) -> KindStats {
    let times = |measure| summary_of(&share.times(measure));
    // A kind either writes or reads.
    let total = match share.count(Counter::Searches) {
        0 => times(Measure::WriteTotal),
        _ => times(Measure::SearchTotal),
    };
    KindStats {
        kind: kind.to_owned(),
        acquisitions: share.count(Counter::Acquisitions),
        done: share.count(Counter::Done),
        failed: share.count(Counter::NotDone),
        queue_wait: times(Measure::QueueWait),
        lock_wait: times(Measure::LockWait),
        hold: times(Measure::Hold),
        total,
    }
}

fn client_stats(client: &str, share: &Share) -> ClientStats {
    let times = |measure| summary_of(&share.times(measure));
    ClientStats {
        client: client.to_owned(),
        acquisitions: share.count(Counter::Acquisitions),
        done: share.count(Counter::Done),
        failed: share.count(Counter::NotDone),
        queue_full: share.count(Counter::QueueFull),
        throttled: share.count(Counter::Throttled),
        timed_out: share.count(Counter::TimedOut),
        cancelled: share.count(Counter::Cancelled),
        queue_wait: times(Measure::QueueWait),
        lock_wait: times(Measure::LockWait),
        hold: times(Measure::Hold),
        write_total: times(Measure::WriteTotal),
        search_total: times(Measure::SearchTotal),
    }
}

/// Puts waits into bins of 1, 2, 5, 10, 20, 50 and so on, from a tenth of a millisecond to a hundred seconds.
fn wait_bins(queue: &Times, lock: &Times) -> Vec<WaitBin> {
    let edges_us: Vec<u64> = (2..8)
        .flat_map(|power| [1, 2, 5].map(|digit| digit * 10u64.pow(power)))
        .chain([100_000_000])
        .collect();
    let edges: Vec<Duration> = edges_us
        .iter()
        .copied()
        .map(Duration::from_micros)
        .collect();
    let counts = queue
        .counts_up_to(&edges)
        .into_iter()
        .zip(lock.counts_up_to(&edges));
    let bins: Vec<WaitBin> = counts
        .enumerate()
        .map(|(n, (queue, lock))| WaitBin {
            from_ms: n.checked_sub(1).map_or(0.0, |before| ms(edges[before])),
            up_to_ms: edges.get(n).copied().map(ms),
            queue,
            lock,
        })
        .collect();
    let is_used = |bin: &WaitBin| bin.queue + bin.lock > 0;
    let (Some(first), Some(last)) = (
        bins.iter().position(is_used),
        bins.iter().rposition(is_used),
    ) else {
        return Vec::new();
    };
    // A few empty ones beside what is used: one lonely bin would say nothing about its neighbours.
    let last = last.max(first + WAIT_BINS_MIN - 1).min(bins.len() - 1);
    let first = first.min(last + 1 - WAIT_BINS_MIN);
    bins[first..=last].to_vec()
}

fn wait_shares(shares: &BTreeMap<String, Times>) -> Vec<WaitShare> {
    let share = |(name, times): (&String, &Times)| WaitShare {
        name: name.clone(),
        queue_wait: summary_of(times),
    };
    let mut shares: Vec<_> = shares.iter().map(share).collect();
    shares.sort_by(|a, b| b.queue_wait.sum_ms.total_cmp(&a.queue_wait.sum_ms));
    shares
}

/// Sums times up.
pub(crate) fn summary_of(times: &Times) -> TimeSummary {
    let count = times.count();
    if count == 0 {
        return TimeSummary::default();
    }
    let at = |share| ms(times.quantile(share));
    let sum_ms = ms(times.sum());
    TimeSummary {
        count,
        average_ms: sum_ms / count as f64,
        p50_ms: at(0.5),
        p95_ms: at(0.95),
        p99_ms: at(0.99),
        max_ms: ms(times.max()),
        sum_ms,
    }
}

fn sample_of(point: &HistoryPoint) -> Sample {
    let moment = &point.moment;
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let (queue, lock, hold) = (&moment.queue_wait, &moment.lock_wait, &moment.hold);
    let at = |times: &Times, share| ms(times.quantile(share)) as f32;
    Sample {
        at_ms: point.at_ms,
        length_ms: point.length_ms,
        writes: count(moment.writes),
        searches: count(moment.searches),
        failures: count(moment.failures),
        acquisitions: count(moment.acquisitions),
        commits: count(moment.commits),
        queue_wait_max_ms: ms(queue.max()) as f32,
        queue_wait_average_ms: summary_of(queue).average_ms as f32,
        queue_wait_p50_ms: at(queue, 0.5),
        queue_wait_p95_ms: at(queue, 0.95),
        lock_wait_max_ms: ms(lock.max()) as f32,
        lock_wait_p50_ms: at(lock, 0.5),
        lock_wait_p95_ms: at(lock, 0.95),
        hold_max_ms: ms(hold.max()) as f32,
        hold_p50_ms: at(hold, 0.5),
        hold_p95_ms: at(hold, 0.95),
        queue_length_max: count(moment.queue_length_max),
    }
}

fn incident_of(incident: statistics::Incident) -> Incident {
    Incident {
        at_ms: incident.at_ms,
        what: match incident.what {
            statistics::IncidentKind::SlowHold => IncidentKind::SlowHold,
            statistics::IncidentKind::SlowWait => IncidentKind::SlowWait,
            statistics::IncidentKind::FailedAcquisition => IncidentKind::FailedAcquisition,
            statistics::IncidentKind::FailedWrite => IncidentKind::FailedWrite,
        },
        end: incident.end,
        instance: incident.instance,
        client: incident.client,
        kind: incident.kind,
        took_ms: ms(incident.took),
        holder: incident.holder,
    }
}

fn ms(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_agrees_with_what_was_recorded() {
        let mut times = Times::default();
        assert_eq!(
            summary_of(&times),
            TimeSummary::default(),
            "nothing recorded, nothing claimed"
        );
        (1..=100).for_each(|n| times.record(Duration::from_millis(n)));
        let summary = summary_of(&times);
        assert_eq!((summary.count, summary.max_ms), (100, 100.0));
        assert!((summary.average_ms - 50.5).abs() < 1e-9);
        assert!(
            (95.0..95.8).contains(&summary.p95_ms),
            "within 0.8 %: {}",
            summary.p95_ms
        );
    }

    #[test]
    fn waits_lie_in_bins_that_people_count_in() {
        let (mut queue, mut lock) = (Times::default(), Times::default());
        for us in [300, 700, 700, 1_500_000] {
            queue.record(Duration::from_micros(us));
        }
        lock.record(Duration::from_secs(500));
        let bins = wait_bins(&queue, &lock);
        let used: Vec<_> = bins.iter().filter(|bin| bin.queue + bin.lock > 0).collect();
        let row = |bin: &WaitBin| (bin.from_ms, bin.up_to_ms, bin.queue, bin.lock);
        let expected = [
            (0.2, Some(0.5), 1, 0),
            (0.5, Some(1.0), 2, 0),
            (1_000.0, Some(2_000.0), 1, 0),
            (100_000.0, None, 0, 1),
        ];
        assert_eq!(
            used.iter().map(|bin| row(bin)).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(bins.len(), 18, "the empty ones between are there");
        assert_eq!(wait_bins(&Times::default(), &Times::default()), []);
        queue.record(Duration::ZERO);
        assert_eq!(wait_bins(&queue, &lock)[0].up_to_ms, Some(0.1));
    }

    #[test]
    fn who_waited_longest_in_sum_comes_first() {
        let times = |ms: &[u64]| {
            let mut times = Times::default();
            ms.iter()
                .for_each(|ms| times.record(Duration::from_millis(*ms)));
            times
        };
        let shares = BTreeMap::from([
            ("ada".to_owned(), times(&[30])),
            ("ben".to_owned(), times(&[20, 20])),
        ]);
        let names: Vec<_> = wait_shares(&shares)
            .into_iter()
            .map(|share| share.name)
            .collect();
        assert_eq!(names, ["ben", "ada"]);
    }

    #[test]
    fn of_a_flood_of_refusals_one_a_second_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let metrics = Metrics::new(folder.path(), &InstanceId::random());
        let kept = |now_ms| metrics.keeps_refusal(now_ms);
        let answers = [0, 1, 999, 1_000, 1_001, -5_000].map(kept);
        assert_eq!(answers, [true, false, false, true, false, true]);
    }
}
