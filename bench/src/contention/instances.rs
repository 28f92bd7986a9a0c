//! Eight hosts on one store, with four clients each, that store one text after another.

use std::path::Path;
use std::time::{Duration, Instant};

use commonplace_api::statistics::Stats;

use crate::crowd::{self, Kept, Stored};
use crate::error::BenchError;
use crate::figures::{Figure, Limit, Section};
use crate::host::{Host, Program};
use crate::samples::times;
use crate::texts::endless;

const INSTANCES: usize = 8;
const CLIENTS_EACH: usize = 4;
/// The longest wait may be so many times the average at equal load.
const WAIT_RATIO_MAX: Figure = Figure::Times(5.0);

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
    let times_of_calls = &stored.calls.times;
    let (longest, average) = (times_of_calls.max(), times_of_calls.average());
    let counted = Figure::Part(stats.queue_wait.count as usize, stored.acknowledged.len());
    // Equal load means that the two are close.
    let fewest = stored.by_client.iter().min().copied().unwrap_or(0);
    let most = stored.by_client.iter().max().copied().unwrap_or(0);
    let mut section = Section::new(format!(
        "{INSTANCES} instances, {CLIENTS_EACH} clients each"
    ));
    section.add("stores", stored.per_second().map(Figure::PerSecond));
    section.add_calls("store", "clients' clocks", &stored.calls);
    section.add_time("store average, clients' clocks", average);
    section.add_time("longest store, clients' clocks", longest);
    section.add(
        "longest store to the average",
        times(longest, average).map(Figure::Times),
    );
    section.add(
        "stores of one client, fewest of most",
        Figure::Part(fewest, most),
    );
    section.add_wait("queue wait", &stats.queue_wait);
    section.limit(
        "queue wait, longest to the average",
        Limit::AtMost(WAIT_RATIO_MAX),
    );
    section.add_wait("lock wait", &stats.lock_wait);
    section.add_fault("failed acquisitions", stats.failed_acquisitions as usize);
    section.add_fault("calls that failed", stored.calls.failed);
    section.add("requests that a host counted for all", counted);
    section.add("found of acknowledged", kept.found_of_acknowledged());
    section.add_fault("lost", kept.lost());
    section.add(
        "cores used, all hosts",
        stored.program_cores.map(Figure::Cores),
    );
    section.add(
        "cores used by this generator",
        stored.generator_cores.map(Figure::Cores),
    );
    section
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
