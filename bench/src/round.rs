//! One round: so many clients store and search at once, first with our host, then with the rival.

use std::path::Path;
use std::time::{Duration, Instant};

use commonplace_api::statistics::Stats;

use crate::client::Client;
use crate::crowd::{self, Calls, Kept, Stored};
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

/// What one of the two programs is measured by.
#[derive(Debug, Default)]
pub(crate) struct Side {
    pub(crate) stored: Stored,
    pub(crate) kept: Kept,
    pub(crate) searched: Calls,
    /// From the first store until all were there. The rival embeds before it answers: its vectors are as many as its
    /// stores.
    pub(crate) vectors_per_s: Option<f64>,
    /// From the last acknowledgement until everything could be found by meaning; None if that came to a standstill.
    indexed_after: Option<Duration>,
    /// Of so many texts, how many a search by meaning found then.
    by_meaning: Option<Figure>,
    /// What our host itself says.
    pub(crate) stats: Option<Stats>,
    /// From the start of each process of the rival to its list of tools, all started at once.
    start: Samples,
    /// Memory of all processes of the rival together.
    memory_bytes: Option<u64>,
    /// Appending 4 kB and syncing, right before our part.
    floor: Samples,
}

/// A round with so many clients.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) clients: usize,
    pub(crate) ours: Side,
    pub(crate) rival: Option<Side>,
}

impl Kept {
    pub(crate) fn found_of_acknowledged(self) -> Figure {
        Figure::Part(self.found, self.acknowledged)
    }
}

impl Side {
    /// The lines of the table.
    fn figures(&self) -> [(&'static str, Option<Figure>); 21] {
        let time = |time: Option<Duration>| time.map(Figure::Time);
        let count = |count: usize| Some(Figure::Count(count as u64));
        let (stored, searched, kept) = (&self.stored, &self.searched, self.kept);
        let stats = self.stats.as_ref();
        let queue = stats.map(|stats| stats.queue_wait.average_ms);
        let lock = stats.map(|stats| stats.lock_wait.average_ms);
        let both = queue.zip(lock).map(|(queue, lock)| queue + lock);
        let failed = stats.map(|stats| stats.failed_acquisitions);
        [
            ("stores", stored.per_second().map(Figure::PerSecond)),
            ("store p50", time(stored.calls.times.p50())),
            ("store p99", time(stored.calls.times.p99())),
            ("search p50", time(searched.times.p50())),
            ("search p99", time(searched.times.p99())),
            ("found of acknowledged", Some(kept.found_of_acknowledged())),
            ("look-ups without an answer", count(kept.unanswered)),
            ("lost", count(kept.lost())),
            (
                "calls that failed",
                count(stored.calls.failed + searched.failed),
            ),
            ("vectors", self.vectors_per_s.map(Figure::PerSecond)),
            (
                "found by meaning after the last store",
                time(self.indexed_after),
            ),
            ("then found by meaning", self.by_meaning),
            ("queue wait, average", queue.map(Figure::millis)),
            ("lock wait, average", lock.map(Figure::millis)),
            ("queue and lock wait, average", both.map(Figure::millis)),
            ("failed acquisitions", failed.map(Figure::Count)),
            (
                "cores used while storing",
                stored.program_cores.map(Figure::Cores),
            ),
            (
                "cores used by this generator",
                stored.generator_cores.map(Figure::Cores),
            ),
            (
                "start to tools/list, all at once, p50",
                time(self.start.p50()),
            ),
            (
                "memory of all processes",
                self.memory_bytes.map(Figure::Bytes),
            ),
            ("floor: sync of 4 kB, p50", time(self.floor.p50())),
        ]
    }

    /// The two programs beside each other.
    pub(crate) fn section(title: String, ours: &Self, rival: Option<&Self>) -> Section {
        let of_rival = rival.map(Self::figures);
        let mut section = Section::new(title);
        for (index, (name, figure)) in ours.figures().into_iter().enumerate() {
            section.add(name, figure).rival = of_rival.and_then(|figures| figures[index].1);
        }
        for (who, side) in [("ours", Some(ours)), ("the rival", rival)] {
            let Some(side) = side else { continue };
            section.complain(&format!("stores of {who}"), &side.stored.calls);
            section.complain(&format!("searches of {who}"), &side.searched);
        }
        section
    }
}

impl Round {
    /// Measures ours and then the rival, if there is one, each on a fresh store.
    pub(crate) fn measure(
        bench: &Bench,
        amount: Amount,
        rival_of_it: Option<(&Rival, Amount)>,
    ) -> Result<Self, BenchError> {
        let dir = bench.scratch()?;
        let floor = machine::floor(dir.path()).map_err(BenchError::file(dir.path()))?;
        let ours = Side {
            floor,
            ..ours(&bench.program, dir.path(), amount)?
        };
        drop(dir);
        let rival = rival_of_it.map(|(of, amount)| {
            note("the rival");
            rival(of, bench.scratch()?.path(), amount)
        });
        Ok(Self {
            clients: amount.clients,
            ours,
            rival: rival.transpose()?,
        })
    }

    /// The table, with the limits that hold for every round.
    pub(crate) fn section(&self, title: String) -> Section {
        let mut section = Side::section(title, &self.ours, self.rival.as_ref());
        section.limit("failed acquisitions", Limit::Zero);
        section.limit("lost", Limit::Zero);
        section
    }
}

fn ours(program: &Program, dir: &Path, amount: Amount) -> Result<Side, BenchError> {
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
    Ok(Side {
        vectors_per_s: per_second(count, ended - started).filter(|_| is_indexed),
        indexed_after: is_indexed.then(|| ended - done),
        by_meaning: has_model.then(|| found_by_meaning(&mut clients[0], &all)),
        stats: Some(stats),
        kept: crowd::look_up(&mut clients, &stored.acknowledged),
        searched: search(&mut clients, amount, "round", None),
        stored,
        ..Side::default()
    })
}

/// Measures the rival, one process for each client, in a fresh directory `dir`.
pub(crate) fn rival(rival: &Rival, dir: &Path, amount: Amount) -> Result<Side, BenchError> {
    let (started, _) = crowd::together(&mut vec![(); amount.clients], |_, ()| rival.start(dir));
    let mut clients: Vec<RivalClient> = started.into_iter().collect::<Result<_, _>>()?;
    let start = clients.iter().map(|client| client.start).collect();
    warm_up(&mut clients, amount);
    let pids: Vec<u32> = clients.iter().map(RivalClient::pid).collect();
    let all = all_texts(amount);
    let stored = crowd::store(&mut clients, &pids, |one| all[one].iter().cloned());
    let searched = search(&mut clients, amount, "round", None);
    let resident = |pid: &u32| machine::memory(*pid).map(|memory| memory.resident_bytes);
    let memory_bytes = pids.iter().map(resident).sum();
    // One process alone must find what all have stored.
    let kept = crowd::look_up(&mut clients[..1], &stored.acknowledged);
    // Each waits for its process to end; together they end sooner.
    let mut clients: Vec<_> = clients.into_iter().map(Some).collect();
    crowd::together(&mut clients, |_, client| drop(client.take()));
    let vectors_per_s = stored
        .per_second()
        .filter(|_| rival.dialect == Dialect::Memory);
    Ok(Side {
        stored,
        kept,
        searched,
        vectors_per_s,
        start,
        memory_bytes,
        ..Side::default()
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_rival_loses_and_why_calls_failed_is_shown() {
        let mut round = Round {
            rival: Some(Side::default()),
            ..Round::default()
        };
        let rival = round.rival.as_mut().expect("set above");
        rival.kept.acknowledged = 3;
        rival.searched.failed = 2;
        rival.searched.first_error = Some("queue_full".to_owned());
        let section = round.section(String::new());
        let row = section.rows.iter().find(|row| row.name == "lost");
        let row = row.expect("the row is there");
        let (ours, rival) = (Figure::Count(0), Figure::Count(3));
        assert_eq!((row.ours, row.rival), (Some(ours), Some(rival)));
        let told = "searches of the rival: 2 failed, the first with: queue_full";
        assert_eq!(section.complaints, [told]);
    }
}
