//! Which threads run the model.
//!
//! Three kinds of pools, because one pool serves two masters badly: a rayon thread that waits for
//! a part of its own work takes up whatever else is queued, so a query of 5 ms in a shared pool
//! can wait for a batch of 300 ms.
//!
//! - wide: all threads work on one query. Best when there is only one.
//! - narrow: one thread each. Best for throughput when several queries come at once.
//! - background: one thread of low priority, for batches.

use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::platform::lower_this_thread_priority;

/// More threads than this do not make one query faster.
const THREADS_MAX: usize = 8;

pub(crate) struct Lanes {
    wide: ThreadPool,
    narrow: Vec<ThreadPool>,
    background: ThreadPool,
    /// Protects the choice of a lane: queries that run or wait in `wide` and in each of `narrow`.
    queries: Mutex<Queries>,
}

#[derive(Debug, Default)]
struct Queries {
    wide: usize,
    narrow: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Wide,
    Narrow(usize),
}

impl Lanes {
    pub(crate) fn start(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let threads = threads.clamp(1, THREADS_MAX);
        let background = named("embed-background", 1).start_handler(|_| {
            lower_this_thread_priority();
        });
        Ok(Self {
            wide: named("embed-wide", threads).build()?,
            narrow: (0..threads)
                .map(|_| named("embed-query", 1).build())
                .collect::<Result<_, _>>()?,
            background: background.build()?,
            queries: Mutex::new(Queries {
                wide: 0,
                narrow: vec![0; threads],
            }),
        })
    }

    /// Runs a query: on all threads if it is alone, on one if others run.
    pub(crate) fn run_query<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let turn = Turn::take(&self.queries);
        match turn.lane {
            Lane::Wide => self.wide.install(work),
            Lane::Narrow(index) => self.narrow[index].install(work),
        }
    }

    /// Runs work for which nobody waits.
    pub(crate) fn run_background<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.background.install(work)
    }
}

impl Queries {
    /// The wide lane if nothing runs, else the narrow lane with the fewest queries.
    fn choose(&self) -> Lane {
        let least = self
            .narrow
            .iter()
            .enumerate()
            .min_by_key(|(_, queries)| **queries);
        match least {
            Some((index, _)) if self.wide + self.narrow.iter().sum::<usize>() > 0 => {
                Lane::Narrow(index)
            }
            _ => Lane::Wide,
        }
    }

    fn count(&mut self, lane: Lane) -> &mut usize {
        match lane {
            Lane::Wide => &mut self.wide,
            Lane::Narrow(index) => &mut self.narrow[index],
        }
    }
}

/// A place in a lane, given back when dropped, also after a panic.
struct Turn<'a> {
    queries: &'a Mutex<Queries>,
    lane: Lane,
}

impl<'a> Turn<'a> {
    fn take(queries: &'a Mutex<Queries>) -> Self {
        let mut counts = queries.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = counts.choose();
        *counts.count(lane) += 1;
        Self { queries, lane }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self
            .queries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count(self.lane) -= 1;
    }
}

fn named(name: &'static str, threads: usize) -> ThreadPoolBuilder {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(move |index| format!("{name}-{index}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_query_gets_all_threads_and_others_one_each() {
        let queries = Mutex::new(Queries {
            wide: 0,
            narrow: vec![0; 2],
        });
        let first = Turn::take(&queries);
        let others: Vec<_> = (0..3).map(|_| Turn::take(&queries)).collect();
        assert_eq!(first.lane, Lane::Wide);
        assert_eq!(others[0].lane, Lane::Narrow(0));
        assert_eq!(
            others[1].lane,
            Lane::Narrow(1),
            "a lane that is in use is avoided"
        );
        assert_eq!(
            others[2].lane,
            Lane::Narrow(0),
            "all are in use, so one is shared"
        );
        drop(first);
        assert_eq!(
            Turn::take(&queries).lane,
            Lane::Narrow(1),
            "the one with fewest queries"
        );
        drop(others);
        assert_eq!(Turn::take(&queries).lane, Lane::Wide, "all have ended");
    }
}
