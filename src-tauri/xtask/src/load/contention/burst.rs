//! A burst of writes to one host while another instance holds the write lock.

use std::path::Path;
use std::time::{Duration, Instant};

use super::holder::Holder;
use crate::load::LoadError;
use crate::load::client;
use crate::load::crowd::{self, Errors, Kept};
use crate::load::host::{Host, HostError, Program};
use crate::load::texts::{Text, texts};

/// Clients that look up afterwards what was acknowledged.
const LOOKERS: usize = 4;

/// How much, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amount {
    pub(super) seed: u64,
    /// One from each client, all at once.
    pub(super) requests: usize,
    /// How long the other instance holds the lock.
    pub(super) hold: Duration,
}

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    pub(super) requests: usize,
    pub(super) held: Duration,
    /// In the host's queue, right before the lock was given back.
    pub(super) waiting: usize,
    /// Acknowledged although the lock was held.
    pub(super) early: usize,
    pub(super) errors: Errors,
    pub(super) kept: Kept,
    /// From giving the lock back to the last answer.
    pub(super) drained_in: Duration,
}

/// Sends the burst to a host on the fresh store `dir`, as soon as the other instance has the lock.
pub(super) fn measure(
    program: &Program,
    root: &Path,
    dir: &Path,
    amount: Amount,
) -> Result<Burst, LoadError> {
    let mut host = Host::start(program, dir)?;
    host.wait_model()?;
    let mut clients = host.clients(amount.requests).map_err(HostError::from)?;
    let all = texts(amount.seed, "burst", 0, amount.requests);
    let holder = Holder::take(root, &dir.join("locks"))?;
    let taken_at = Instant::now();
    let (answers, state, released) = std::thread::scope(|scope| {
        let storing = scope.spawn(|| {
            crowd::together(&mut clients, |number, client| {
                let text = client::store(client, &all[number]).text;
                (text.map(|_| ()), Instant::now())
            })
        });
        std::thread::sleep(amount.hold);
        let state = host.state();
        let released = holder.release();
        let (answers, _) = storing.join().expect("no client panics");
        (answers, state, released)
    });
    let (state, released) = (state?, released?);
    drop(clients);
    let acknowledged = acknowledged(&all, &answers);
    let mut lookers = host.clients(LOOKERS).map_err(HostError::from)?;
    let kept = crowd::look_up(&mut lookers, &acknowledged);
    host.stop();
    Ok(Burst {
        requests: amount.requests,
        held: released - taken_at,
        waiting: state.number("/queue/length") as usize,
        kept,
        ..summed(answers, released)
    })
}

/// What a client was told, and when.
type Answer = (Result<(), String>, Instant);

fn acknowledged(all: &[Text], answers: &[Answer]) -> Vec<String> {
    let told = all.iter().zip(answers);
    told.filter(|(_, (answer, _))| answer.is_ok())
        .map(|(text, _)| text.marker.clone())
        .collect()
}

fn summed(answers: Vec<Answer>, released: Instant) -> Burst {
    let mut burst = Burst::default();
    for (answer, at) in answers {
        burst.early += usize::from(answer.is_ok() && at < released);
        burst.drained_in = burst.drained_in.max(at.saturating_duration_since(released));
        answer
            .err()
            .into_iter()
            .for_each(|error| burst.errors.add(error));
    }
    burst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_before_the_release_and_refusals_are_counted() {
        let released = Instant::now() + Duration::from_secs(60);
        let at = |ms: i64| {
            released + Duration::from_secs(9) - Duration::from_millis((9_000 - ms) as u64)
        };
        let answers = vec![
            (Ok(()), at(-5)),
            (Err("queue_full".to_owned()), at(-7)),
            (Ok(()), at(40)),
        ];
        let all = texts(1, "burst", 0, 3);
        assert_eq!(
            acknowledged(&all, &answers),
            [all[0].marker.clone(), all[2].marker.clone()]
        );
        let burst = summed(answers, released);
        assert_eq!((burst.early, burst.errors.count), (1, 1));
        assert_eq!(burst.drained_in, Duration::from_millis(40));
    }
}
