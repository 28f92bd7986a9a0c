//! Clients that work at the same time: they store, search, and look up what was acknowledged.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::calls::Calls;
use crate::client::Client;
use crate::figures::Figure;
use crate::machine::Meter;
use crate::samples::per_second;
use crate::texts::Text;

/// What came of storing.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) calls: Calls,
    /// Markers of the texts that were acknowledged.
    pub(crate) acknowledged: Vec<String>,
    /// How many of them each client has.
    pub(crate) by_client: Vec<usize>,
    /// From the first call to the last answer.
    pub(crate) span: Duration,
    /// Cores that this generator used meanwhile.
    pub(crate) generator_cores: Option<f64>,
    /// Cores that the measured program used meanwhile, all its processes together.
    pub(crate) program_cores: Option<f64>,
}

/// What came of looking up what was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) acknowledged: usize,
    pub(crate) found: usize,
    /// Look-ups without an answer: they prove nothing.
    pub(crate) unanswered: usize,
}

impl Stored {
    /// Acknowledged writes in a second; None without any.
    pub(crate) fn per_second(&self) -> Option<f64> {
        per_second(self.acknowledged.len(), self.span).filter(|rate| *rate > 0.0)
    }
}

impl Kept {
    pub(crate) fn found_of_acknowledged(self) -> Figure {
        Figure::Part(self.found, self.acknowledged)
    }

    /// Acknowledged and answered for, but not there.
    pub(crate) fn lost(self) -> usize {
        self.acknowledged - self.found - self.unanswered
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
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|done| done.expect("no client panics")).collect()
    });
    let first = done.iter().map(|(_, started, _)| *started).min();
    let last = done.iter().map(|(_, _, ended)| *ended).max();
    let span = first
        .zip(last)
        .map_or(Duration::ZERO, |(first, last)| last - first);
    (
        done.into_iter().map(|(brought, ..)| brought).collect(),
        span,
    )
}

/// Each client stores the texts of its number, one after another; `pids` are the processes of the measured program.
pub(crate) fn store<C: Client, T: Iterator<Item = Text>>(
    clients: &mut [C],
    pids: &[u32],
    texts: impl Fn(usize) -> T + Sync,
) -> Stored {
    let (generator, program) = (Meter::start(&[std::process::id()]), Meter::start(pids));
    let (parts, span) = together(clients, |number, client| {
        let (mut calls, mut acknowledged) = (Calls::default(), Vec::new());
        for text in texts(number) {
            if calls.add(client.store(&text)) {
                acknowledged.push(text.marker);
            }
        }
        (calls, acknowledged)
    });
    let mut all = Stored {
        span,
        generator_cores: generator.cores(span),
        program_cores: program.cores(span),
        ..Stored::default()
    };
    for (calls, acknowledged) in parts {
        all.calls.join(calls);
        all.by_client.push(acknowledged.len());
        all.acknowledged.extend(acknowledged);
    }
    all
}

/// Each client asks its own queries, one after another; without `mode` as the program does by default.
pub(crate) fn search<C: Client>(
    clients: &mut [C],
    queries: &[Vec<String>],
    mode: Option<&str>,
) -> Calls {
    let (parts, _) = together(clients, |number, client| {
        let mut calls = Calls::default();
        for query in &queries[number] {
            calls.add(client.search(query, mode));
        }
        calls
    });
    let mut all = Calls::default();
    parts.into_iter().for_each(|calls| all.join(calls));
    all
}

/// Looks up every marker, the clients sharing the work.
pub(crate) fn look_up<C: Client>(clients: &mut [C], markers: &[String]) -> Kept {
    let count = clients.len();
    let (parts, _) = together(clients, |number, client| {
        let mut kept = Kept::default();
        for marker in markers.iter().skip(number).step_by(count) {
            kept.acknowledged += 1;
            match client.has(marker) {
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
    use crate::client::Called;
    use crate::texts::endless;

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
                let found = kept.iter().find(|text| text.contains(query));
                Ok(found.cloned().unwrap_or_default())
            };
            let took = Duration::from_millis(1);
            Called { took, text }
        }
    }

    fn outcome(forgets: &str, refuses: &str) -> (Stored, Kept) {
        let kept = Mutex::new(Vec::new());
        let mut clients = [(); 3].map(|()| Played {
            kept: &kept,
            forgets,
            refuses,
        });
        let stored = store(&mut clients, &[], |client| endless(1, "a", client).take(10));
        let kept = look_up(&mut clients, &stored.acknowledged);
        (stored, kept)
    }

    #[test]
    fn what_was_acknowledged_and_is_missing_is_lost() {
        let (stored, kept) = outcome("x7q", "none");
        assert_eq!((stored.acknowledged.len(), stored.calls.failed), (30, 0));
        assert_eq!(
            (kept.acknowledged, kept.found, kept.unanswered),
            (30, 27, 0)
        );
        assert_eq!(kept.lost(), 3, "each of three clients had one forgotten");
    }

    #[test]
    fn what_was_refused_is_not_lost() {
        let (stored, kept) = outcome("none", "x7q");
        assert_eq!((stored.acknowledged.len(), stored.calls.failed), (27, 3));
        assert_eq!(stored.by_client, [9, 9, 9]);
        assert_eq!((kept.acknowledged, kept.lost()), (27, 0));
        let complaint = stored.calls.complaint("stores");
        let expected = "stores: 3 failed, the first with: queue_full";
        assert_eq!(complaint.as_deref(), Some(expected));
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
