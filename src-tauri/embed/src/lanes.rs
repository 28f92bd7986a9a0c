//! Which threads run the model.
//!
//! Three kinds of pools, because one pool serves two masters badly: a rayon thread that waits for
//! a part of its own work takes up whatever else is queued, so a query of 5 ms in a shared pool
//! can wait for a batch of 300 ms.
//!
//! - wide: all threads work on one query. Best when there is nothing else to do.
//! - narrow: one thread each, when several queries come at once and beside a batch: there a query
//!   in parts ends with its slowest part, the one that shares a core.
//! - background: one thread of low priority, for batches.

use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::platform::lower_this_thread_priority;

/// A query has too few parts for more threads than this.
const THREADS_MAX: usize = 8;

pub(crate) struct Lanes {
    wide: ThreadPool,
    narrow: Vec<ThreadPool>,
    background: ThreadPool,
    /// Protects the choice of a lane: what runs or waits in each of them.
    load: Mutex<Load>,
}

#[derive(Debug, Default)]
struct Load {
    wide: usize,
    narrow: Vec<usize>,
    background: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Wide,
    Narrow(usize),
    Background,
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
            load: Mutex::new(Load {
                narrow: vec![0; threads],
                ..Load::default()
            }),
        })
    }

    /// Runs a query: on all threads if nothing else runs, on one otherwise.
    pub(crate) fn run_query<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.run(Load::choose, work)
    }

    /// Runs work for which nobody waits.
    pub(crate) fn run_background<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.run(|_| Lane::Background, work)
    }

    fn run<T: Send>(&self, choose: fn(&Load) -> Lane, work: impl FnOnce() -> T + Send) -> T {
        let turn = Turn::take(&self.load, choose);
        match turn.lane {
            Lane::Wide => &self.wide,
            Lane::Narrow(index) => &self.narrow[index],
            Lane::Background => &self.background,
        }
        .install(work)
    }
}

impl Load {
    /// The wide lane if nothing runs, else the narrow lane with the fewest queries.
    fn choose(&self) -> Lane {
        let is_idle = self.wide + self.background + self.narrow.iter().sum::<usize>() == 0;
        match self
            .narrow
            .iter()
            .enumerate()
            .min_by_key(|(_, queries)| **queries)
        {
            Some((index, _)) if !is_idle => Lane::Narrow(index),
            _ => Lane::Wide,
        }
    }

    fn of(&mut self, lane: Lane) -> &mut usize {
        match lane {
            Lane::Wide => &mut self.wide,
            Lane::Narrow(index) => &mut self.narrow[index],
            Lane::Background => &mut self.background,
        }
    }
}

/// A place in a lane, given back when dropped, also after a panic.
struct Turn<'a> {
    load: &'a Mutex<Load>,
    lane: Lane,
}

impl<'a> Turn<'a> {
    fn take(load: &'a Mutex<Load>, choose: fn(&Load) -> Lane) -> Self {
        let mut counts = load.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = choose(&counts);
        *counts.of(lane) += 1;
        Self { load, lane }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self
            .load
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .of(self.lane) -= 1;
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

    fn load() -> Mutex<Load> {
        Mutex::new(Load {
            narrow: vec![0; 2],
            ..Load::default()
        })
    }

    #[test]
    fn a_lone_query_gets_all_threads_and_others_one_each() {
        let load = load();
        let query = || Turn::take(&load, Load::choose);
        let first = query();
        let others: Vec<_> = (0..3).map(|_| query()).collect();
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
            query().lane,
            Lane::Narrow(1),
            "the one with the fewest queries"
        );
        drop(others);
        assert_eq!(query().lane, Lane::Wide, "all have ended");
    }

    #[test]
    fn a_panic_gives_the_place_back() {
        let lanes = Lanes::start(1).unwrap();
        let panicking = || lanes.run_query(|| panic!("on purpose"));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(panicking)).unwrap_err();
        assert_eq!(lanes.run_query(|| 7), 7);
        let turn = Turn::take(&lanes.load, Load::choose);
        assert_eq!(turn.lane, Lane::Wide, "nothing runs any more");
    }

    #[test]
    fn a_query_beside_a_batch_keeps_to_one_thread() {
        let load = load();
        let batch = Turn::take(&load, |_| Lane::Background);
        assert_eq!(Turn::take(&load, Load::choose).lane, Lane::Narrow(0));
        drop(batch);
        assert_eq!(Turn::take(&load, Load::choose).lane, Lane::Wide);
    }
}
