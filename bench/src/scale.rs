//! The scale part: a store with many memories, searched by one client and by eight, and written to while the indexer
//! is idle and while it is busy; then opened again and again.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::connection::Connection;
use crate::crowd::{self, Calls, Kept, Stored};
use crate::error::BenchError;
use crate::figures::{Figure, Limit, Row, Section};
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
    let started = Instant::now();
    let filled = store_crowd(&host, amount.seed, "fill", memories.div_ceil(CROWD))?;
    let count = filled.acknowledged.len();
    let is_indexed = has_model && host.wait_indexed(count as u64)?;
    let indexed_after = is_indexed.then(|| started.elapsed());
    let step = count.div_ceil(LOOK_UPS).max(1);
    let some: Vec<String> = filled.acknowledged.iter().step_by(step).cloned().collect();
    // The connections may have been closed while the indexer worked.
    let kept = crowd::look_up(&mut host.clients(CROWD)?, &some);
    let memories = host.fresh_status()?.memories.total;

    let mut one = host.clients(1)?;
    let by_default = search(&mut one, amount, "default", None);
    let by_words = search(&mut one, amount, "keyword", Some("keyword"));
    let by_meaning = search(&mut one, amount, "semantic", Some("semantic"));
    let by_crowd = search(&mut host.clients(CROWD)?, amount, "crowd", None);
    let idle = paced_idle(&mut host, amount.seed, has_model)?;
    // Without a model the indexer is never busy.
    let busy = if has_model {
        paced_busy(&mut host, amount.seed)?
    } else {
        Calls::default()
    };
    let mut crowd = host.clients(CROWD)?;
    // A connection counts once it was used.
    let searches = 1;
    drop(search(
        &mut crowd,
        Amount { searches, ..amount },
        "memory",
        None,
    ));
    let memory = machine::memory(host.pid());

    let time = |name, time: Option<Duration>| Row::ours(name, time.map(Figure::Time));
    let p50 = |name, calls: &Calls| time(name, calls.times.p50());
    let p99 = |name, calls: &Calls| time(name, calls.times.p99());
    let vectors = indexed_after.and_then(|time| per_second(count, time));
    let slower = times(busy.times.p50(), idle.times.p50());
    let resident = memory.map(|memory| Figure::Bytes(memory.resident_bytes));
    let peak = memory.map(|memory| Figure::Bytes(memory.peak_bytes));
    let lost = lost(kept, memories, count);
    let rows = vec![
        Row::ours(
            "stores, 8 clients",
            filled.per_second().map(Figure::PerSecond),
        ),
        p50("store p50, 8 clients", &filled.calls),
        p99("store p99, 8 clients", &filled.calls),
        Row::ours("acknowledged", Figure::Count(count as u64)),
        Row::ours("found of some of them", kept.found_of_acknowledged()),
        Row::ours("lost", Figure::Count(lost)).limited(Limit::Zero),
        time("all found by meaning after", indexed_after),
        Row::ours("vectors", vectors.map(Figure::PerSecond)),
        p50("search p50, 1 client", &by_default).limited(Limit::below_ms(8.0)),
        p99("search p99, 1 client", &by_default),
        p50("search p50, 1 client, words only", &by_words),
        p50("search p50, 1 client, meaning only", &by_meaning),
        p50("search p50, 8 clients", &by_crowd).limited(Limit::below_ms(40.0)),
        p99("search p99, 8 clients", &by_crowd),
        p50("store p50, 1 client, indexer idle", &idle),
        p99("store p99, 1 client, indexer idle", &idle),
        p50("store p50, 1 client, indexer busy", &busy),
        p99("store p99, 1 client, indexer busy", &busy),
        Row::ours("store p50, indexer busy to idle", slower.map(Figure::Times))
            .limited(Limit::AtMost(Figure::Times(2.0))),
        Row::ours("memory, 8 clients connected", resident)
            .limited(Limit::Below(Figure::Bytes(MEMORY_BYTES_MAX))),
        Row::ours("memory, highest", peak),
    ];
    let mut section = Section::new(format!("{memories} memories"), rows);
    let searches = crowd::joined([by_default, by_words, by_meaning, by_crowd]);
    let all = [
        ("filling the store", &filled.calls),
        ("paced stores, indexer idle", &idle),
        ("paced stores, indexer busy", &busy),
        ("searches in the full store", &searches),
    ];
    let complaints = all.iter().filter_map(|(what, calls)| calls.complaint(what));
    section.complaints.extend(complaints);
    Ok(section)
}

/// Acknowledged writes that the host does not have. Some are looked up and all are counted: the larger number is the truth.
fn lost(looked_up: Kept, memories: u64, acknowledged: usize) -> u64 {
    let uncounted = (acknowledged as u64).saturating_sub(memories);
    uncounted.max(looked_up.lost() as u64)
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
    let row = |name, of: fn(&Samples) -> Option<Duration>| Row {
        rival: of(&rival).map(Figure::Time),
        ..Row::ours(name, of(&ours).map(Figure::Time))
    };
    let rows = vec![
        row("start to tools/list, p50", Samples::p50).limited(Limit::below_ms(300.0)),
        row("start to tools/list, longest", Samples::max),
    ];
    Ok(Section::new(
        "start on this store, one process".to_owned(),
        rows,
    ))
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
