//! One round: so many clients store and search at once, first with our host, then with the rival.

use std::path::Path;
use std::time::Instant;

use crate::calls::Calls;
use crate::client::Client;
use crate::crowd::{self, Kept, Stored};
use crate::error::BenchError;
use crate::figures::{Figure, Limit, Section};
use crate::host::{Host, Program};
use crate::machine;
use crate::report::{Bench, note};
use crate::rival::{Dialect, Rival, RivalClient};
use crate::samples::{Samples, per_second};
use crate::texts::{Text, queries, texts};

/// Texts that are looked up by meaning, after the host says that all can be.
const MEANING_CHECKS: usize = 20;

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    pub(crate) seed: u64,
    pub(crate) clients: usize,
    /// By each client.
    pub(crate) writes: usize,
    /// By each client.
    pub(crate) searches: usize,
}

/// Measures ours and then the rival, if there is one, each on a fresh store.
pub(crate) fn measure(
    bench: &Bench,
    title: String,
    amount: Amount,
    of_rival: Option<(&Rival, Amount)>,
) -> Result<Section, BenchError> {
    let dir = bench.scratch()?;
    let floor = machine::floor(dir.path()).map_err(BenchError::file(dir.path()))?;
    let mut section = Section::new(title);
    ours(&bench.program, dir.path(), amount, &mut section)?;
    section.add_time("floor: sync of 4 kB, p50", floor.p50());
    drop(dir);
    if let Some((of, amount)) = of_rival {
        note("the rival");
        section.beside(rival(of, bench.scratch()?.path(), amount)?);
    }
    Ok(section)
}

fn ours(
    program: &Program,
    dir: &Path,
    amount: Amount,
    section: &mut Section,
) -> Result<(), BenchError> {
    let mut host = Host::start(program, dir)?;
    let has_model = host.wait_model()?;
    let mut clients = host.clients(amount.clients)?;
    let before = warm_up(&mut clients, amount);
    let _ = has_model && host.wait_indexed(before)?;

    let all = all_texts(amount);
    let started = Instant::now();
    let stored = crowd::store(&mut clients, &[host.pid()], |one| all[one].iter().cloned());
    let done = Instant::now();
    let count = stored.acknowledged.len();
    let is_indexed = has_model && host.wait_indexed(before + count as u64)?;
    let ended = Instant::now();
    let stats = host.status()?.stats;
    // The host closes connections that were silent for long, as they were while the indexer worked.
    clients = host.clients(amount.clients)?;
    let by_meaning = has_model.then(|| found_by_meaning(&mut clients[0], &all));
    let kept = crowd::look_up(&mut clients, &stored.acknowledged);
    let searched = search(&mut clients, amount, "round", None);

    add_both(section, "ours", &stored, &searched, kept);
    section.limit("lost", Limit::Zero);
    let vectors = per_second(count, ended - started).filter(|_| is_indexed);
    section.add("vectors", vectors.map(Figure::PerSecond));
    let behind = is_indexed.then(|| ended - done);
    section.add_time("found by meaning after the last store", behind);
    section.add("then found by meaning", by_meaning);
    let (queue, lock) = (stats.queue_wait.average_ms, stats.lock_wait.average_ms);
    section.add("queue wait, average", Figure::millis(queue));
    section.add("lock wait, average", Figure::millis(lock));
    section.add("queue and lock wait, average", Figure::millis(queue + lock));
    section.add_fault("failed acquisitions", stats.failed_acquisitions as usize);
    Ok(())
}

/// Measures the rival, one process for each client, in a fresh directory `dir`.
pub(crate) fn rival(rival: &Rival, dir: &Path, amount: Amount) -> Result<Section, BenchError> {
    let (started, _) = crowd::together(&mut vec![(); amount.clients], |_, ()| rival.start(dir));
    let mut clients: Vec<RivalClient> = started.into_iter().collect::<Result<_, _>>()?;
    let start: Samples = clients.iter().map(|client| client.start).collect();
    warm_up(&mut clients, amount);
    let pids: Vec<u32> = clients.iter().map(RivalClient::pid).collect();
    let all = all_texts(amount);
    let stored = crowd::store(&mut clients, &pids, |one| all[one].iter().cloned());
    let searched = search(&mut clients, amount, "round", None);
    let resident = |pid: &u32| machine::memory(*pid).map(|memory| memory.resident_bytes);
    let memory: Option<u64> = pids.iter().map(resident).sum();
    // One process alone must find what all have stored.
    let kept = crowd::look_up(&mut clients[..1], &stored.acknowledged);
    // Each waits for its process to end; together they end sooner.
    let mut clients: Vec<_> = clients.into_iter().map(Some).collect();
    crowd::together(&mut clients, |_, client| drop(client.take()));

    let mut section = Section::new("the rival");
    add_both(&mut section, "the rival", &stored, &searched, kept);
    // It embeds before it answers: its vectors are as many as its stores.
    let vectors = stored
        .per_second()
        .filter(|_| rival.dialect == Dialect::Memory);
    section.add("vectors", vectors.map(Figure::PerSecond));
    section.add_time("start to tools/list, all at once, p50", start.p50());
    section.add("memory of all processes", memory.map(Figure::Bytes));
    Ok(section)
}

/// Adds what both programs are measured by.
fn add_both(section: &mut Section, who: &str, stored: &Stored, searched: &Calls, kept: Kept) {
    let failed = stored.calls.failed + searched.failed;
    section.add("stores", stored.per_second().map(Figure::PerSecond));
    section.add_time("store p50", stored.calls.times.p50());
    section.add_time("store p99", stored.calls.times.p99());
    section.add_time("search p50", searched.times.p50());
    section.add_time("search p99", searched.times.p99());
    section.add("found of acknowledged", kept.found_of_acknowledged());
    section.add(
        "look-ups without an answer",
        Figure::Count(kept.unanswered as u64),
    );
    section.add("lost", Figure::Count(kept.lost() as u64));
    section.add("calls that failed", Figure::Count(failed as u64));
    let (program, generator) = (stored.program_cores, stored.generator_cores);
    section.add("cores used while storing", program.map(Figure::Cores));
    section.add("cores used by this generator", generator.map(Figure::Cores));
    section.complain(&format!("stores of {who}"), &stored.calls);
    section.complain(&format!("searches of {who}"), searched);
}

/// Stores one text with each client; returns how many were acknowledged.
///
/// The rival loads its model with the first text: before the clock starts, for both.
fn warm_up<C: Client>(clients: &mut [C], amount: Amount) -> u64 {
    let text = |client| texts(amount.seed, "warm", client, 1).into_iter();
    crowd::store(clients, &[], text).acknowledged.len() as u64
}

fn all_texts(amount: Amount) -> Vec<Vec<Text>> {
    let of_client = |client| texts(amount.seed, "round", client, amount.writes);
    (0..amount.clients).map(of_client).collect()
}

/// Searches once unmeasured with every client, then measures.
pub(crate) fn search<C: Client>(
    clients: &mut [C],
    amount: Amount,
    series: &str,
    mode: Option<&str>,
) -> Calls {
    let count = clients.len();
    let ask = |series: &str, searches| -> Vec<Vec<String>> {
        let of_client = |client| queries(amount.seed, series, client, searches);
        (0..count).map(of_client).collect()
    };
    let (warm, measured) = (
        ask(&format!("warm{series}"), 1),
        ask(series, amount.searches),
    );
    drop(crowd::search(clients, &warm, mode));
    crowd::search(clients, &measured, mode)
}

/// Looks up texts spread over all by their own words, by meaning alone.
fn found_by_meaning(client: &mut impl Client, all: &[Vec<Text>]) -> Figure {
    let texts: Vec<&Text> = all.iter().flatten().collect();
    let step = texts.len().div_ceil(MEANING_CHECKS).max(1);
    let checked: Vec<&Text> = texts.into_iter().step_by(step).collect();
    let mut is_found = |text: &Text| {
        let answer = client.search(&text.body, Some("semantic")).text;
        // The answer repeats the beginning of the query, so only what comes after its first line counts.
        answer.is_ok_and(|answer| {
            let hits = answer.split_once('\n').map(|(_, hits)| hits);
            hits.is_some_and(|hits| hits.contains(&text.marker))
        })
    };
    let found = checked.iter().filter(|text| is_found(text)).count();
    Figure::Part(found, checked.len())
}
