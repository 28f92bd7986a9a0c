//! A burst of writes to one host while another instance holds the write lock.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use crate::calls::Calls;
use crate::client::{Called, Client};
use crate::crowd::{self, Kept};
use crate::error::BenchError;
use crate::figures::{Figure, Limit, Section};
use crate::host::{self, Host, Program};
use crate::process;
use crate::texts::{Text, texts};

/// Clients that look up afterwards what was acknowledged.
const LOOKERS: usize = 4;
/// Tells the benchmark of the lock to hold the lock in this directory of locks until its stdin ends.
const HOLD_VARIABLE: &str = "COMMONPLACE_LOCK_BENCH_HOLD";

/// What the clients were told.
#[derive(Debug, Default)]
struct Burst {
    calls: Calls,
    /// Markers of the texts that were acknowledged.
    acknowledged: Vec<String>,
    /// How many of them although the lock was held.
    early: usize,
    /// From giving the lock back to the last answer.
    drained_in: Duration,
}

/// Sends so many requests, one from each client and all at once, to a host on the fresh store in `dir`, as soon as the
/// other instance has the lock, which it holds for so long.
pub(super) fn measure(
    program: &Program,
    dir: &Path,
    seed: u64,
    requests: usize,
    hold: Duration,
) -> Result<Section, BenchError> {
    let mut host = Host::start(program, dir)?;
    host.wait_model()?;
    let mut clients = host.clients(requests)?;
    let all = texts(seed, "burst", 0, requests);
    let holder = Holder::take(&host::store(dir).join("locks"))?;
    let taken_at = Instant::now();
    let store =
        |number: usize, client: &mut _| (Client::store(client, &all[number]), Instant::now());
    let (answers, status, released) = std::thread::scope(|scope| {
        let storing = scope.spawn(|| crowd::together(&mut clients, store).0);
        std::thread::sleep(hold);
        let status = host.status();
        let released = holder.release();
        (storing.join().expect("no client panics"), status, released)
    });
    let (status, released) = (status?, released?);
    drop(clients);
    let burst = Burst::of(&all, answers, released);
    let kept = crowd::look_up(&mut host.clients(LOOKERS)?, &burst.acknowledged);
    let mut section = Section::new(format!("{requests} writes while another holds the lock"));
    section.add("the lock was held for", Figure::Time(released - taken_at));
    let waiting = Figure::Part(status.queue.length, requests);
    section.add("in the queue right before its release", waiting);
    burst.tell(requests, kept, &mut section);
    Ok(section)
}

impl Burst {
    /// Puts together what each client was told, and when.
    fn of(all: &[Text], answers: Vec<(Called, Instant)>, released: Instant) -> Self {
        let mut burst = Self::default();
        for (text, (called, at)) in all.iter().zip(answers) {
            burst.drained_in = burst.drained_in.max(at.saturating_duration_since(released));
            if burst.calls.add(called) {
                burst.early += usize::from(at < released);
                burst.acknowledged.push(text.marker.clone());
            }
        }
        burst
    }

    fn tell(&self, requests: usize, kept: Kept, section: &mut Section) {
        section.add("release to the last answer", Figure::Time(self.drained_in));
        section.add_fault("refused or failed", self.calls.failed);
        section.add_fault("acknowledged while the lock was held", self.early);
        let found = Figure::Part(kept.found, requests);
        section.add("acknowledged and found", found).limit = Some(Limit::Whole);
        section.add_fault("lost", kept.lost());
        section.complain("the burst", &self.calls);
    }
}

/// Another instance that holds the write lock and does nothing else: the lock's own benchmark, started for that. It gives
/// the lock back when this is dropped.
struct Holder {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Holder {
    /// Starts it and waits until it has the lock.
    fn take(locks: &Path) -> Result<Self, BenchError> {
        let mut command = process::cargo_bench("commonplace-lock", "lock");
        command.env(HOLD_VARIABLE, locks);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let spawned = command.spawn();
        let mut child = spawned.map_err(|source| BenchError::Start {
            program: "cargo bench".to_owned(),
            source,
        })?;
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let lines = BufReader::new(stdout);
        let mut holder = Self { child, lines };
        holder.expect("locked")?;
        Ok(holder)
    }

    /// Lets it give the lock back, and returns when it said so.
    fn release(mut self) -> Result<Instant, BenchError> {
        drop(self.child.stdin.take());
        self.expect("released")?;
        Ok(Instant::now())
    }

    fn expect(&mut self, word: &'static str) -> Result<(), BenchError> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(_) if line.trim() == word => Ok(()),
            _ => Err(BenchError::Holder(word)),
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It ends with its stdin; killing cargo would leave the benchmark below it alone.
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_before_the_release_and_refusals_are_counted() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let called = |text: Result<(), &str>| Called {
            took: Duration::ZERO,
            text: text.map(|()| "stored".to_owned()).map_err(str::to_owned),
        };
        let answers = vec![
            (called(Ok(())), at(95)),
            (called(Err("queue_full")), at(93)),
            (called(Ok(())), at(140)),
        ];
        let all = texts(1, "burst", 0, 3);
        let burst = Burst::of(&all, answers, at(100));
        let markers = [all[0].marker.clone(), all[2].marker.clone()];
        assert_eq!(burst.acknowledged, markers);
        assert_eq!((burst.early, burst.calls.failed), (1, 1));
        assert_eq!(burst.drained_in, Duration::from_millis(40));
        let kept = Kept {
            acknowledged: 2,
            found: 1,
            unanswered: 0,
        };
        let mut section = Section::new("burst");
        burst.tell(3, kept, &mut section);
        let compared = section.compared();
        assert!(compared.len() == 4 && compared.iter().all(|limit| limit.is_met == Some(false)));
    }
}
