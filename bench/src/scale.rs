//! The scale part: a store with many memories, searched by one client and by eight, and written to while the indexer
//! is idle and while it is busy; then opened again and again.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::calls::Calls;
use crate::client::Client;
use crate::connection::Connection;
use crate::crowd::{self, Kept, Stored};
use crate::error::BenchError;
use crate::figures::{Figure, Limit, Section};
use crate::host::{Host, Program};
use crate::machine;
use crate::rival::Rival;
use crate::round::{Amount, search};
use crate::samples::{Samples, per_second, times};
use crate::texts::{Text, endless, texts};

/// As many clients as the design counts on.
pub(crate) const CROWD: usize = 8;
/// Acknowledged texts that are looked up one by one, of all that were stored; the others are counted by the host.
const LOOK_UPS: usize = 500;
/// Stores of the one client, in each state of the indexer.
const PACED_STORES: usize = 60;
/// Between two of them: an instance thinks before it stores the next fact.
const PACE: Duration = Duration::from_millis(25);
/// Stored at once to make the indexer busy; by each of eight clients.
const BURST: usize = 50;
/// Above it the indexer has at least one batch to go, so that it is busy when the store arrives.
const BUSY_BACKLOG_MIN: u64 = 100;
/// What the host may take with eight clients connected.
const MEMORY_BYTES_MAX: u64 = 250_000_000;
const STARTS: usize = 10;
/// It takes seconds each time.
const RIVAL_STARTS: usize = 5;

/// Fills the store in `dir` to `memories` and measures; leaves the store behind.
pub(crate) fn measure(
    program: &Program,
    dir: &Path,
    amount: Amount,
    memories: usize,
) -> Result<Section, BenchError> {
    let mut host = Host::start(program, dir)?;
    let has_model = host.wait_model()?;
    let mut section = Section::new(format!("{memories} memories"));
    fill(&mut host, amount.seed, memories, has_model, &mut section)?;
    search_full(&host, amount, &mut section)?;
    store_full(&mut host, amount.seed, has_model, &mut section)?;
    let mut crowd = host.clients(CROWD)?;
    // A connection counts once it was used.
    let once = Amount {
        searches: 1,
        ..amount
    };
    drop(search(&mut crowd, once, "memory", None));
    let memory = machine::memory(host.pid());
    let resident = memory.map(|memory| Figure::Bytes(memory.resident_bytes));
    section.add("memory, 8 clients connected", resident).limit =
        Some(Limit::Below(Figure::Bytes(MEMORY_BYTES_MAX)));
    let peak = memory.map(|memory| Figure::Bytes(memory.peak_bytes));
    section.add("memory, highest", peak);
    Ok(section)
}

/// Eight clients store; then all of it is indexed.
fn fill(
    host: &mut Host,
    seed: u64,
    memories: usize,
    has_model: bool,
    section: &mut Section,
) -> Result<(), BenchError> {
    let started = Instant::now();
    let filled = store_crowd(host, seed, "fill", memories.div_ceil(CROWD))?;
    let count = filled.acknowledged.len();
    let is_indexed = has_model && host.wait_indexed(count as u64)?;
    let indexed_after = is_indexed.then(|| started.elapsed());
    let vectors = indexed_after.and_then(|time| per_second(count, time));
    let step = count.div_ceil(LOOK_UPS).max(1);
    let some: Vec<String> = filled.acknowledged.iter().step_by(step).cloned().collect();
    // The connections may have been closed while the indexer worked.
    let kept = crowd::look_up(&mut host.clients(CROWD)?, &some);
    let counted = host.fresh_status()?.memories.total;
    section.add(
        "stores, 8 clients",
        filled.per_second().map(Figure::PerSecond),
    );
    section.add_calls("store", "8 clients", &filled.calls);
    section.add("acknowledged", Figure::Count(count as u64));
    section.add("found of some of them", kept.found_of_acknowledged());
    section.add_fault("lost", lost(kept, counted, count));
    section.add_time("all found by meaning after", indexed_after);
    section.add("vectors", vectors.map(Figure::PerSecond));
    Ok(())
}

fn search_full(host: &Host, amount: Amount, section: &mut Section) -> Result<(), BenchError> {
    let kinds = [
        ("1 client", 1, "default", None),
        ("1 client, words only", 1, "keyword", Some("keyword")),
        ("1 client, meaning only", 1, "semantic", Some("semantic")),
        ("8 clients", CROWD, "crowd", None),
    ];
    for (whose, clients, series, mode) in kinds {
        let calls = search(&mut host.clients(clients)?, amount, series, mode);
        section.add_calls("search", whose, &calls);
    }
    section.limit("search p50, 1 client", Limit::below_ms(8.0));
    section.limit("search p50, 8 clients", Limit::below_ms(40.0));
    Ok(())
}

fn store_full(
    host: &mut Host,
    seed: u64,
    has_model: bool,
    section: &mut Section,
) -> Result<(), BenchError> {
    let idle = paced_idle(host, seed, has_model)?;
    // Without a model the indexer is never busy.
    let busy = if has_model {
        paced_busy(host, seed)?
    } else {
        Calls::default()
    };
    section.add_calls("store", "1 client, indexer idle", &idle);
    section.add_calls("store", "1 client, indexer busy", &busy);
    let slower = times(busy.times.p50(), idle.times.p50());
    section
        .add("store p50, indexer busy to idle", slower.map(Figure::Times))
        .limit = Some(Limit::AtMost(Figure::Times(2.0)));
    Ok(())
}

/// Acknowledged writes that the host does not have. Some are looked up and all are counted: the larger number is the truth.
fn lost(looked_up: Kept, memories: u64, acknowledged: usize) -> usize {
    let uncounted = acknowledged.saturating_sub(memories as usize);
    uncounted.max(looked_up.lost())
}

/// Starts `serve` on the store in `dir` again and again, each time it was stopped in order before, and then the rival, one
/// process at a time. The files were read before, so they come from memory and not from the disk.
pub(crate) fn starts(
    program: &Program,
    dir: &Path,
    rival: Option<(&Rival, &Path)>,
) -> Result<Section, BenchError> {
    let one = |_| {
        let started = Instant::now();
        let host = Host::start(program, dir)?;
        host.client()?.count_tools()?;
        Ok::<_, BenchError>(started.elapsed())
    };
    let ours: Samples = (0..STARTS).map(one).collect::<Result<_, _>>()?;
    let of_rival = |(rival, dir): (&Rival, &Path)| {
        let one = |_| rival.start(dir).map(|client| client.start);
        (0..RIVAL_STARTS).map(one).collect::<Result<Samples, _>>()
    };
    let rival = rival.map(of_rival).transpose()?.unwrap_or_default();
    let mut section = Section::new("start on this store, one process");
    let lines = [
        ("start to tools/list, p50", ours.p50(), rival.p50()),
        ("start to tools/list, longest", ours.max(), rival.max()),
    ];
    for (name, ours, rival) in lines {
        section.add_time(name, ours).rival = rival.map(Figure::Time);
    }
    section.limit("start to tools/list, p50", Limit::below_ms(300.0));
    Ok(section)
}

fn store_crowd(host: &Host, seed: u64, series: &str, each: usize) -> Result<Stored, BenchError> {
    let all: Vec<Vec<Text>> = (0..CROWD)
        .map(|one| texts(seed, series, one, each))
        .collect();
    let texts = |one: usize| all[one].iter().cloned();
    Ok(crowd::store(
        &mut host.clients(CROWD)?,
        &[host.pid()],
        texts,
    ))
}

/// Measures stores of one client that find the indexer without work.
fn paced_idle(host: &mut Host, seed: u64, has_model: bool) -> Result<Calls, BenchError> {
    let mut client = host.client()?;
    let mut calls = Calls::default();
    let mut memories = host.fresh_status()?.memories.total;
    for text in endless(seed, "idle", 0).take(PACED_STORES) {
        if has_model && !host.wait_indexed(memories)? {
            break;
        }
        memories += u64::from(store_paced(&mut client, &text, &mut calls));
    }
    Ok(calls)
}

/// Measures stores of one client that find it at work.
fn paced_busy(host: &mut Host, seed: u64) -> Result<Calls, BenchError> {
    let mut client = host.client()?;
    let mut calls = Calls::default();
    let mut bursts = 0;
    for text in endless(seed, "busy", 0).take(PACED_STORES) {
        if host.status()?.index.backlog < BUSY_BACKLOG_MIN {
            bursts += 1;
            let burst = store_crowd(host, seed, &format!("burst{bursts}"), BURST)?;
            calls.join_failures(burst.calls);
            // The host needs time to count it.
            host.fresh_status()?;
        }
        store_paced(&mut client, &text, &mut calls);
    }
    Ok(calls)
}

fn store_paced(client: &mut Connection, text: &Text, calls: &mut Calls) -> bool {
    std::thread::sleep(PACE);
    calls.add(client.store(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_memories_than_acknowledged_hide_nothing() {
        let looked_up = Kept {
            acknowledged: 10,
            found: 9,
            unanswered: 0,
        };
        assert_eq!(lost(looked_up, 96, 100), 4);
        assert_eq!(lost(looked_up, 108, 100), 1);
    }
}
