//! The scale part: a store with many memories, searched by one client and by eight, and written to while the indexer
//! is idle and while it is busy.

use std::path::Path;
use std::time::{Duration, Instant};

use super::client::{self, HostClient};
use super::crowd::{self, Errors, Kept, Searched, Stored};
use super::host::{Host, HostError, Program};
use super::process::{self, Memory};
use super::round::{Amount, search_warm};
use super::samples::Samples;
use super::texts::{Text, texts};

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

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Scale {
    /// Memories in the store when it was searched.
    pub(crate) memories: u64,
    pub(crate) filled: Stored,
    /// Of a part of the acknowledged.
    pub(crate) kept: Kept,
    /// Memories that the host counts, less those that were acknowledged; negative if some are lost.
    pub(crate) surplus: i64,
    /// From the first store until everything was found by meaning; None without a model or at a standstill.
    pub(crate) indexed_after: Option<Duration>,
    pub(crate) search_1: Searched,
    pub(crate) search_1_keyword: Searched,
    pub(crate) search_1_semantic: Searched,
    pub(crate) search_8: Searched,
    pub(crate) idle: Samples,
    /// Empty without a model: then the indexer is never busy.
    pub(crate) busy: Samples,
    /// Of the paced stores.
    pub(crate) errors: Errors,
    /// Of the host with eight clients connected.
    pub(crate) memory: Option<Memory>,
}

/// Fills the store `dir` to `memories` and measures; leaves the store behind.
pub(crate) fn measure(
    program: &Program,
    dir: &Path,
    amount: Amount,
    memories: usize,
) -> Result<Scale, HostError> {
    let mut host = Host::start(program, dir)?;
    let has_model = host.wait_model()?;
    let (filled, kept, indexed_after) = fill(&mut host, amount, memories, has_model)?;
    let count = host.fresh_state()?.memories();
    let surplus = count as i64 - filled.acknowledged.len() as i64;

    let mut one = host.clients(1)?;
    let mut by = |mode| {
        search_warm(
            &mut one,
            amount,
            mode,
            Some(mode).filter(|mode| *mode != "default"),
        )
    };
    let (search_1, search_1_keyword, search_1_semantic) =
        (by("default"), by("keyword"), by("semantic"));
    let search_8 = search_warm(&mut host.clients(CROWD)?, amount, "crowd", None);

    let mut paced = Paced {
        host: &mut host,
        amount,
        number: 0,
        errors: Errors::default(),
    };
    let idle = paced.idle(has_model)?;
    let busy = if has_model {
        paced.busy()?
    } else {
        Samples::default()
    };
    let errors = paced.errors;

    let mut crowd = host.clients(CROWD)?;
    // A connection counts once it was used.
    drop(search_warm(
        &mut crowd,
        Amount {
            searches: 1,
            ..amount
        },
        "memory",
        None,
    ));
    let memory = process::memory(host.pid());
    host.stop();
    Ok(Scale {
        memories: count,
        filled,
        kept,
        surplus,
        indexed_after,
        search_1,
        search_1_keyword,
        search_1_semantic,
        search_8,
        idle,
        busy,
        errors,
        memory,
    })
}

/// Eight clients store; then all of it is indexed.
fn fill(
    host: &mut Host,
    amount: Amount,
    memories: usize,
    has_model: bool,
) -> Result<(Stored, Kept, Option<Duration>), HostError> {
    let each = memories.div_ceil(CROWD);
    let all = crowd_texts(amount.seed, "fill", each);
    let mut clients = host.clients(CROWD)?;
    let started = Instant::now();
    let filled = crowd::store(&mut clients, &all, &[host.pid()]);
    let is_indexed = has_model && host.wait_indexed(filled.acknowledged.len() as u64)?;
    let indexed_after = is_indexed.then(|| started.elapsed());
    let step = filled.acknowledged.len().div_ceil(LOOK_UPS).max(1);
    let some: Vec<String> = filled.acknowledged.iter().step_by(step).cloned().collect();
    // The connections may have been closed while the indexer worked.
    let kept = crowd::look_up(&mut host.clients(CROWD)?, &some);
    Ok((filled, kept, indexed_after))
}

fn crowd_texts(seed: u64, series: &str, each: usize) -> Vec<Vec<Text>> {
    (0..CROWD)
        .map(|client| texts(seed, series, client, each))
        .collect()
}

/// One client that stores now and then.
struct Paced<'a> {
    host: &'a mut Host,
    amount: Amount,
    /// Of the series of texts.
    number: usize,
    errors: Errors,
}

impl Paced<'_> {
    /// Measures stores that find the indexer without work.
    fn idle(&mut self, has_model: bool) -> Result<Samples, HostError> {
        let texts = texts(self.amount.seed, "idle", 0, PACED_STORES);
        let mut client = self.host.client()?;
        let mut times = Vec::new();
        let mut memories = self.host.fresh_state()?.memories();
        for text in &texts {
            if has_model && !self.host.wait_indexed(memories)? {
                break;
            }
            let before = self.errors.count;
            times.push(self.store(&mut client, text));
            memories += u64::from(self.errors.count == before);
        }
        Ok(times.into_iter().collect())
    }

    /// Measures stores that find it at work.
    fn busy(&mut self) -> Result<Samples, HostError> {
        let texts = texts(self.amount.seed, "busy", 0, PACED_STORES);
        let mut client = self.host.client()?;
        let mut times = Vec::new();
        for text in &texts {
            if self.host.state()?.backlog() < BUSY_BACKLOG_MIN {
                self.burst()?;
            }
            times.push(self.store(&mut client, text));
        }
        Ok(times.into_iter().collect())
    }

    fn store(&mut self, client: &mut HostClient, text: &Text) -> Duration {
        std::thread::sleep(PACE);
        let called = client::store(client, text);
        if let Err(error) = called.text {
            self.errors.join(Errors {
                count: 1,
                first: Some(error),
            });
        }
        called.took
    }

    /// Gives the indexer something to do, and the host the time to count it.
    fn burst(&mut self) -> Result<(), HostError> {
        self.number += 1;
        let texts = crowd_texts(self.amount.seed, &format!("burst{}", self.number), BURST);
        let stored = crowd::store(&mut self.host.clients(CROWD)?, &texts, &[]);
        self.errors.join(stored.errors);
        self.host.fresh_state()?;
        Ok(())
    }
}
