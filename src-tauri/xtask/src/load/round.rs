//! One round: so many clients store and search at once, first with our host, then with the rival.

use std::path::Path;
use std::time::{Duration, Instant};

use super::client::{self, Client};
use super::crowd::{self, Kept, Searched, Stored};
use super::host::{Host, HostError, Program};
use super::process;
use super::rival::{Rival, RivalClient, RivalError};
use super::samples::{Samples, per_second};
use super::texts::{Text, queries, texts};

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

/// What both programs are measured by.
#[derive(Debug, Default)]
pub(crate) struct Side {
    pub(crate) stored: Stored,
    pub(crate) kept: Kept,
    pub(crate) searched: Searched,
}

/// What only our host is measured by.
#[derive(Debug, Default)]
pub(crate) struct OurRound {
    pub(crate) side: Side,
    /// None without a model.
    pub(crate) indexed: Option<Indexed>,
    pub(crate) waits: Waits,
}

/// What only the rival is measured by.
#[derive(Debug, Default)]
pub(crate) struct RivalRound {
    pub(crate) side: Side,
    /// From the start of each process to its list of tools, all started at once.
    pub(crate) start: Samples,
    /// Memory of all its processes together.
    pub(crate) memory_bytes: Option<u64>,
}

/// How the background indexer kept up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Indexed {
    /// Vectors in a second, from the first store until all were there.
    pub(crate) vectors_per_s: Option<f64>,
    /// From the last acknowledgement until everything could be found by meaning; None if that came to a standstill.
    pub(crate) behind: Option<Duration>,
    /// Of `checked` texts, how many a search by meaning found.
    pub(crate) found: usize,
    pub(crate) checked: usize,
}

/// What the host itself says about waiting.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waits {
    pub(crate) queue_average_ms: f64,
    pub(crate) lock_average_ms: f64,
    pub(crate) failed_acquisitions: u64,
}

/// Measures our host on a fresh store `dir`.
pub(crate) fn ours(program: &Program, dir: &Path, amount: Amount) -> Result<OurRound, HostError> {
    let mut host = Host::start(program, dir)?;
    let has_model = host.wait_model()?;
    let mut clients = host.clients(amount.clients)?;
    let before = warm_up(&mut clients, amount);
    let _ = has_model && host.wait_indexed(before)?;

    let all = all_texts(amount);
    let started = Instant::now();
    let stored = crowd::store(&mut clients, &all, &[host.pid()]);
    let done = Instant::now();
    let count = stored.acknowledged.len();
    let is_indexed = has_model && host.wait_indexed(before + count as u64)?;
    let ended = Instant::now();
    let waits = waits(&mut host)?;
    // The host closes connections that were silent for long, as they were while the indexer worked.
    clients = host.clients(amount.clients)?;
    let indexed = has_model.then(|| {
        let (found, checked) = found_by_meaning(&mut clients[0], &all);
        Indexed {
            vectors_per_s: per_second(count, ended - started).filter(|_| is_indexed),
            behind: is_indexed.then(|| ended - done),
            found,
            checked,
        }
    });
    let side = Side {
        kept: crowd::look_up(&mut clients, &stored.acknowledged),
        searched: search(&mut clients, amount),
        stored,
    };
    host.stop();
    Ok(OurRound {
        side,
        indexed,
        waits,
    })
}

/// Measures the rival, one process for each client, in a fresh directory `dir`.
pub(crate) fn rival(rival: &Rival, dir: &Path, amount: Amount) -> Result<RivalRound, RivalError> {
    let (started, _) = crowd::together(&mut vec![(); amount.clients], |_, ()| rival.start(dir));
    let mut clients: Vec<RivalClient> = started.into_iter().collect::<Result<_, _>>()?;
    let start = clients.iter().map(|client| client.start).collect();
    warm_up(&mut clients, amount);
    let pids: Vec<u32> = clients.iter().map(RivalClient::pid).collect();
    let stored = crowd::store(&mut clients, &all_texts(amount), &pids);
    let searched = search(&mut clients, amount);
    let resident = |pid: &u32| process::memory(*pid).map(|memory| memory.resident);
    let memory_bytes = pids.iter().map(resident).sum();
    // One process alone must find what all have stored.
    let kept = crowd::look_up(&mut clients[..1], &stored.acknowledged);
    // Each waits for its process to end; together they end sooner.
    crowd::together(
        &mut clients.into_iter().map(Some).collect::<Vec<_>>(),
        |_, client| drop(client.take()),
    );
    Ok(RivalRound {
        side: Side {
            stored,
            kept,
            searched,
        },
        start,
        memory_bytes,
    })
}

/// Stores one text with each client; returns how many were acknowledged.
///
/// The rival loads its model with the first text: before the clock starts, for both.
fn warm_up<C: Client>(clients: &mut [C], amount: Amount) -> u64 {
    let all: Vec<Vec<Text>> = (0..clients.len())
        .map(|client| texts(amount.seed, "warm", client, 1))
        .collect();
    crowd::store(clients, &all, &[]).acknowledged.len() as u64
}

fn all_texts(amount: Amount) -> Vec<Vec<Text>> {
    (0..amount.clients)
        .map(|client| texts(amount.seed, "round", client, amount.writes))
        .collect()
}

fn search<C: Client>(clients: &mut [C], amount: Amount) -> Searched {
    search_warm(clients, amount, "round", None)
}

/// Searches once unmeasured with every client, then measures.
pub(crate) fn search_warm<C: Client>(
    clients: &mut [C],
    amount: Amount,
    series: &str,
    mode: Option<&str>,
) -> Searched {
    let ask = |series: &str, count: usize| -> Vec<Vec<String>> {
        (0..clients.len())
            .map(|client| queries(amount.seed, series, client, count))
            .collect()
    };
    let (warm, measured) = (
        ask(&format!("warm{series}"), 1),
        ask(series, amount.searches),
    );
    drop(crowd::search(clients, &warm, mode));
    crowd::search(clients, &measured, mode)
}

/// Looks up texts spread over all by their own words, by meaning alone.
fn found_by_meaning(client: &mut impl Client, all: &[Vec<Text>]) -> (usize, usize) {
    let texts: Vec<&Text> = all.iter().flatten().collect();
    let step = texts.len().div_ceil(MEANING_CHECKS).max(1);
    let checked: Vec<&Text> = texts.into_iter().step_by(step).collect();
    let mut is_found = |text: &Text| {
        let called = client::search(client, &text.body, Some("semantic"));
        // The answer repeats the beginning of the query, so only what comes after its first line counts.
        called.text.is_ok_and(|answer| {
            answer
                .split_once('\n')
                .is_some_and(|(_, hits)| hits.contains(&text.marker))
        })
    };
    let found = checked.iter().filter(|text| is_found(text)).count();
    (found, checked.len())
}

fn waits(host: &mut Host) -> Result<Waits, HostError> {
    let state = host.state()?;
    Ok(Waits {
        queue_average_ms: state.number("/stats/queue_wait/average_ms"),
        lock_average_ms: state.number("/stats/lock_wait/average_ms"),
        failed_acquisitions: state.number("/stats/failed_acquisitions") as u64,
    })
}
