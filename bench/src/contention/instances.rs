//! Eight hosts on one store, with four clients each, that store one text after another.

use std::path::Path;
use std::time::{Duration, Instant};

use commonplace_api::statistics::{Stats, TimeSummary};

use crate::crowd::{self, Kept, Stored};
use crate::error::BenchError;
use crate::figures::{Figure, Limit, Row, Section};
use crate::host::{Host, Program};
use crate::samples::times;
use crate::texts::endless;

const INSTANCES: usize = 8;
const CLIENTS_EACH: usize = 4;
/// The longest wait may be so many times the average at equal load.
const WAIT_RATIO_MAX: f64 = 5.0;

/// Lets all clients store for the time `span`; every host has its model before, if there is one.
///
/// Nothing is stored before the clock starts, so what the hosts say about waiting is about these writes alone.
pub(super) fn measure(
    program: &Program,
    dir: &Path,
    seed: u64,
    span: Duration,
) -> Result<Section, BenchError> {
    let started = (0..INSTANCES).map(|_| Host::start(program, dir));
    let mut hosts = started.collect::<Result<Vec<Host>, _>>()?;
    let mut clients = Vec::with_capacity(INSTANCES * CLIENTS_EACH);
    for host in &mut hosts {
        host.wait_model()?;
        clients.extend(host.clients(CLIENTS_EACH)?);
    }
    let pids: Vec<u32> = hosts.iter().map(Host::pid).collect();
    // The texts are made on the way, in a few microseconds.
    let stored = crowd::store(&mut clients, &pids, |client| {
        let end = Instant::now() + span;
        endless(seed, "span", client).take_while(move |_| Instant::now() < end)
    });
    // One host counts the waits of all.
    let stats = hosts[0].fresh_status()?.stats;
    // Each text is looked up with a client of another host than the one that stored it, most of the time.
    let kept = crowd::look_up(&mut clients, &stored.acknowledged);
    Ok(section(&stored, kept, &stats))
}

fn section(stored: &Stored, kept: Kept, stats: &Stats) -> Section {
    let calls = &stored.calls.times;
    let time = |name, time: Option<Duration>| Row::ours(name, time.map(Figure::Time));
    let ratio = |name, ratio: Option<f64>| Row::ours(name, ratio.map(Figure::Times));
    let wait = |name, ms| Row::ours(name, Figure::millis(ms));
    let cores = |name, cores: Option<f64>| Row::ours(name, cores.map(Figure::Cores));
    let count = |name, count: u64| Row::ours(name, Figure::Count(count)).limited(Limit::Zero);
    let (queue, lock) = (&stats.queue_wait, &stats.lock_wait);
    let counted = Figure::Part(queue.count as usize, stored.acknowledged.len());
    // Equal load means that the two are close.
    let fewest = stored.by_client.iter().min().copied().unwrap_or(0);
    let most = stored.by_client.iter().max().copied().unwrap_or(0);
    let rows = vec![
        Row::ours("stores", stored.per_second().map(Figure::PerSecond)),
        time("store p50, clients' clocks", calls.p50()),
        time("store p99, clients' clocks", calls.p99()),
        time("store average, clients' clocks", calls.average()),
        time("longest store, clients' clocks", calls.max()),
        ratio(
            "longest store to the average",
            times(calls.max(), calls.average()),
        ),
        Row::ours(
            "stores of one client, fewest of most",
            Figure::Part(fewest, most),
        ),
        wait("queue wait, average", queue.average_ms),
        wait("queue wait, p50", queue.p50_ms),
        wait("queue wait, p99", queue.p99_ms),
        wait("queue wait, longest", queue.max_ms),
        ratio(
            "queue wait, longest to the average",
            longest_to_average(queue),
        )
        .limited(Limit::AtMost(Figure::Times(WAIT_RATIO_MAX))),
        wait("lock wait, average", lock.average_ms),
        wait("lock wait, p50", lock.p50_ms),
        wait("lock wait, p99", lock.p99_ms),
        wait("lock wait, longest", lock.max_ms),
        ratio(
            "lock wait, longest to the average",
            longest_to_average(lock),
        ),
        count("failed acquisitions", stats.failed_acquisitions),
        count("calls that failed", stored.calls.failed as u64),
        Row::ours("requests that a host counted for all", counted),
        Row::ours("found of acknowledged", kept.found_of_acknowledged()),
        count("lost", kept.lost() as u64),
        cores("cores used, all hosts", stored.program_cores),
        cores("cores used by this generator", stored.generator_cores),
    ];
    let title = format!("{INSTANCES} instances, {CLIENTS_EACH} clients each");
    let mut section = Section::new(title, rows);
    let complaint = stored.calls.complaint("stores to 8 instances");
    section.complaints.extend(complaint);
    section
}

/// How many times the average the longest wait is; None if nothing waited.
fn longest_to_average(wait: &TimeSummary) -> Option<f64> {
    (wait.average_ms > 0.0).then(|| wait.max_ms / wait.average_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_losses_and_a_long_wait_are_missed_limits() {
        let mut stats = Stats::default();
        stats.queue_wait.average_ms = 2.0;
        stats.queue_wait.max_ms = 10.0;
        let missed = |stored: &Stored, kept, stats: &Stats| {
            let compared = section(stored, kept, stats).compared();
            compared
                .iter()
                .filter(|limit| limit.is_met != Some(true))
                .count()
        };
        let mut stored = Stored::default();
        let mut kept = Kept::default();
        assert_eq!(missed(&stored, kept, &stats), 0);
        stats.queue_wait.max_ms = 10.001;
        assert_eq!(missed(&stored, kept, &stats), 1);
        stats.failed_acquisitions = 1;
        stored.calls.failed = 1;
        kept.acknowledged = 1;
        assert_eq!(missed(&stored, kept, &stats), 4);
        assert_eq!(missed(&stored, kept, &Stats::default()), 3, "not measured");
    }
}
