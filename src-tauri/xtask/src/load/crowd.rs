//! Clients that work at the same time: they store, search, and look up what was acknowledged.

use std::borrow::Borrow;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::client::{self, Client};
use super::process::Meter;
use super::samples::{Samples, per_second};
use super::texts::{Text, endless};

/// What came of storing.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// Markers of the texts that were acknowledged.
    pub(crate) acknowledged: Vec<String>,
    /// How many of them each client has.
    pub(crate) by_client: Vec<usize>,
    pub(crate) errors: Errors,
    /// One time for each call, also for those that failed.
    pub(crate) times: Samples,
    /// From the first call to the last answer.
    pub(crate) span: Duration,
    /// Cores that this generator used meanwhile.
    pub(crate) generator_cores: Option<f64>,
    /// Cores that the measured program used meanwhile, all its processes together.
    pub(crate) program_cores: Option<f64>,
}

/// What came of searching.
#[derive(Debug, Default)]
pub(crate) struct Searched {
    pub(crate) times: Samples,
    pub(crate) errors: Errors,
}

/// What came of looking up what was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) acknowledged: usize,
    pub(crate) found: usize,
    /// Look-ups without an answer: they prove nothing.
    pub(crate) unanswered: usize,
}

/// Calls that failed: how many, and what the first was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Errors {
    pub(crate) count: usize,
    pub(crate) first: Option<String>,
}

impl Stored {
    /// Acknowledged writes in a second; None without any.
    pub(crate) fn per_second(&self) -> Option<f64> {
        per_second(self.acknowledged.len(), self.span).filter(|rate| *rate > 0.0)
    }
}

impl Kept {
    /// Acknowledged and answered for, but not there.
    pub(crate) fn lost(self) -> usize {
        self.acknowledged - self.found - self.unanswered
    }
}

impl Errors {
    /// Counts one more.
    pub(crate) fn add(&mut self, error: String) {
        self.count += 1;
        self.first.get_or_insert(error);
    }

    /// Joins those of another client.
    pub(crate) fn join(&mut self, other: Self) {
        self.count += other.count;
        if self.first.is_none() {
            self.first = other.first;
        }
    }
}

/// Lets every client do `work` with its number, all beginning at once; returns what they bring, and the time from the
/// first beginning to the last end.
pub(crate) fn together<C: Send, R: Send>(
    clients: &mut [C],
    work: impl Fn(usize, &mut C) -> R + Sync,
) -> (Vec<R>, Duration) {
    let gate = Barrier::new(clients.len());
    let one = |number: usize, client: &mut C| {
        gate.wait();
        let started = Instant::now();
        let brought = work(number, client);
        (brought, started, Instant::now())
    };
    let done: Vec<_> = std::thread::scope(|scope| {
        let one = &one;
        let spawn = |(number, client)| scope.spawn(move || one(number, client));
        let threads: Vec<_> = clients.iter_mut().enumerate().map(spawn).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no client panics"))
            .collect()
    });
    let first = done.iter().map(|(_, started, _)| *started).min();
    let last = done.iter().map(|(_, _, ended)| *ended).max();
    let span = first
        .zip(last)
        .map_or(Duration::ZERO, |(first, last)| last.duration_since(first));
    (
        done.into_iter().map(|(brought, _, _)| brought).collect(),
        span,
    )
}

/// Each client stores its own texts, one after another; `pids` are the processes of the measured program.
pub(crate) fn store<C: Client>(clients: &mut [C], texts: &[Vec<Text>], pids: &[u32]) -> Stored {
    store_all(clients, pids, |number, client| {
        store_each(client, texts[number].iter())
    })
}

/// Each client stores one text after another for the time `span`; the texts are made on the way, in a few microseconds.
pub(crate) fn store_for<C: Client>(
    clients: &mut [C],
    seed: u64,
    span: Duration,
    pids: &[u32],
) -> Stored {
    store_all(clients, pids, |number, client| {
        let end = Instant::now() + span;
        let texts = endless(seed, "span", number).take_while(|_| Instant::now() < end);
        store_each(client, texts)
    })
}

/// What one client brings: markers of what was acknowledged, what failed, and the times of all calls.
type Part = (Vec<String>, Errors, Vec<Duration>);

fn store_all<C: Client>(
    clients: &mut [C],
    pids: &[u32],
    work: impl Fn(usize, &mut C) -> Part + Sync,
) -> Stored {
    let (generator, program) = (Meter::start(&[std::process::id()]), Meter::start(pids));
    let (parts, span) = together(clients, work);
    let mut all = Stored {
        span,
        generator_cores: generator.cores(span),
        program_cores: program.cores(span),
        ..Stored::default()
    };
    let mut times = Vec::new();
    for (acknowledged, errors, some) in parts {
        all.by_client.push(acknowledged.len());
        all.acknowledged.extend(acknowledged);
        all.errors.join(errors);
        times.extend(some);
    }
    all.times = times.into_iter().collect();
    all
}

fn store_each(client: &mut impl Client, texts: impl Iterator<Item = impl Borrow<Text>>) -> Part {
    let mut acknowledged = Vec::new();
    let mut errors = Errors::default();
    let mut times = Vec::new();
    for text in texts {
        let text = text.borrow();
        let called = client::store(client, text);
        times.push(called.took);
        match called.text {
            Ok(_) => acknowledged.push(text.marker.clone()),
            Err(error) => errors.add(error),
        }
    }
    (acknowledged, errors, times)
}

/// Each client asks its own queries, one after another; without `mode` as the program does by default.
pub(crate) fn search<C: Client>(
    clients: &mut [C],
    queries: &[Vec<String>],
    mode: Option<&str>,
) -> Searched {
    let (parts, _) = together(clients, |number, client| {
        let mut errors = Errors::default();
        let ask = |query: &String| {
            let called = client::search(client, query, mode);
            called
                .text
                .err()
                .into_iter()
                .for_each(|error| errors.add(error));
            called.took
        };
        let times: Vec<Duration> = queries[number].iter().map(ask).collect();
        (times, errors)
    });
    let mut errors = Errors::default();
    let mut times = Vec::new();
    for (some, failed) in parts {
        times.extend(some);
        errors.join(failed);
    }
    Searched {
        times: times.into_iter().collect(),
        errors,
    }
}

/// Looks up every marker, the clients sharing the work.
pub(crate) fn look_up<C: Client>(clients: &mut [C], markers: &[String]) -> Kept {
    let count = clients.len();
    let (parts, _) = together(clients, |number, client| {
        let mut kept = Kept::default();
        for marker in markers.iter().skip(number).step_by(count) {
            kept.acknowledged += 1;
            match client::has(client, marker) {
                Ok(is_found) => kept.found += usize::from(is_found),
                Err(_) => kept.unanswered += 1,
            }
        }
        kept
    });
    parts.into_iter().fold(Kept::default(), |all, kept| Kept {
        acknowledged: all.acknowledged + kept.acknowledged,
        found: all.found + kept.found,
        unanswered: all.unanswered + kept.unanswered,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::Value;

    use super::*;
    use crate::load::client::Called;
    use crate::load::texts::texts;

    /// A server that forgets every text whose marker ends as `forgets`, and refuses those that end as `refuses`.
    struct Played<'a> {
        kept: &'a Mutex<Vec<String>>,
        forgets: &'a str,
        refuses: &'a str,
    }

    impl Client for Played<'_> {
        fn call(&mut self, tool: &str, arguments: Value) -> Called {
            let mut kept = self.kept.lock().expect("nobody panics");
            let text = if tool == "memory_store" {
                let text = arguments["content"].as_str().expect("a text").to_owned();
                let marker = text.split(' ').next().expect("a marker").to_owned();
                if marker.ends_with(self.refuses) {
                    Err("queue_full".to_owned())
                } else {
                    kept.extend((!marker.ends_with(self.forgets)).then_some(text));
                    Ok("Memory stored".to_owned())
                }
            } else {
                let query = arguments["query"].as_str().expect("a query");
                Ok(kept
                    .iter()
                    .find(|text| text.contains(query))
                    .cloned()
                    .unwrap_or_default())
            };
            Called {
                took: Duration::from_millis(1),
                text,
            }
        }
    }

    fn outcome(forgets: &str, refuses: &str) -> (Stored, Kept) {
        let kept = Mutex::new(Vec::new());
        let played = || Played {
            kept: &kept,
            forgets,
            refuses,
        };
        let mut clients = [played(), played(), played()];
        let all: Vec<_> = (0..3).map(|client| texts(1, "a", client, 10)).collect();
        let stored = store(&mut clients, &all, &[]);
        let kept = look_up(&mut clients, &stored.acknowledged);
        (stored, kept)
    }

    #[test]
    fn what_was_acknowledged_and_is_missing_is_lost() {
        let (stored, kept) = outcome("x7q", "none");
        assert_eq!((stored.acknowledged.len(), stored.errors.count), (30, 0));
        assert_eq!(
            kept,
            Kept {
                acknowledged: 30,
                found: 27,
                unanswered: 0
            }
        );
        assert_eq!(kept.lost(), 3, "each of three clients had one forgotten");
    }

    #[test]
    fn what_was_refused_is_not_lost() {
        let (stored, kept) = outcome("none", "x7q");
        assert_eq!((stored.acknowledged.len(), stored.errors.count), (27, 3));
        assert_eq!(stored.by_client, [9, 9, 9]);
        assert_eq!(stored.errors.first.as_deref(), Some("queue_full"));
        assert_eq!((kept.acknowledged, kept.lost()), (27, 0));
    }

    #[test]
    fn all_clients_are_at_work_at_once() {
        let meeting = Barrier::new(4);
        let (numbers, span) = together(&mut [(); 4], |number, ()| {
            // Hangs unless all four get here.
            meeting.wait();
            number
        });
        assert_eq!(numbers, [0, 1, 2, 3]);
        assert!(span > Duration::ZERO);
    }
}
