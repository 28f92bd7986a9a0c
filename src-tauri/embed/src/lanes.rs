//! Which threads run the model.
//!
//! A query runs on one thread, also when others idle. Spread over two idle cores it takes 1.9 ms
//! instead of 3.4 ms; but each of its sixty parts then ends with the slower of the two, and beside
//! a compiler or a batch that made it 16 ms instead of 4.5 ms.
//!
//! Each lane is a thread pool of one thread, since rten's kernels use the pool they are called in.
//! Batches have a lane of low priority, so that no query stands behind one.

use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::platform::lower_this_thread_priority;

/// More queries at once than any machine of one person needs.
const QUERY_LANES_MAX: usize = 32;

pub(crate) struct Lanes {
    queries: Vec<ThreadPool>,
    /// Protects the choice of a lane: how many queries run or wait in each of `queries`.
    load: Mutex<Vec<usize>>,
    background: ThreadPool,
}

impl Lanes {
    /// Starts `threads` threads for queries, at least one, and one for the background.
    pub(crate) fn start(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let threads = threads.clamp(1, QUERY_LANES_MAX);
        let lower = |_| {
            lower_this_thread_priority();
        };
        Ok(Self {
            queries: (0..threads)
                .map(|_| lane("embed-query").build())
                .collect::<Result<_, _>>()?,
            load: Mutex::new(vec![0; threads]),
            background: lane("embed-batch").start_handler(lower).build()?,
        })
    }

    /// Runs a query in the lane where the fewest others are.
    pub(crate) fn run_query<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let turn = Turn::take(&self.load);
        self.queries[turn.lane].install(work)
    }

    /// Runs work for which nobody waits.
    pub(crate) fn run_background<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.background.install(work)
    }
}

/// A place in a lane, given back when dropped, also after a panic.
struct Turn<'a> {
    load: &'a Mutex<Vec<usize>>,
    lane: usize,
}

impl<'a> Turn<'a> {
    fn take(load: &'a Mutex<Vec<usize>>) -> Self {
        let mut counts = load.lock().unwrap_or_else(PoisonError::into_inner);
        let fewest = counts.iter().enumerate().min_by_key(|(_, count)| **count);
        let lane = fewest.map_or(0, |(lane, _)| lane);
        counts[lane] += 1;
        Self { load, lane }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)[self.lane] -= 1;
    }
}

fn lane(name: &'static str) -> ThreadPoolBuilder {
    ThreadPoolBuilder::new()
        .num_threads(1)
        .thread_name(move |_| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_takes_the_lane_with_the_fewest_others() {
        let load = Mutex::new(vec![0; 2]);
        let (first, second, third) = (Turn::take(&load), Turn::take(&load), Turn::take(&load));
        assert_eq!((first.lane, second.lane, third.lane), (0, 1, 0));
        drop(second);
        assert_eq!(Turn::take(&load).lane, 1, "the second lane is free again");
        drop((first, third));
        assert_eq!(*load.lock().unwrap(), [0, 0], "every place was given back");
    }

    #[test]
    fn a_panic_gives_the_place_back() {
        let lanes = Lanes::start(1).unwrap();
        let panicking = || lanes.run_query(|| panic!("on purpose"));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(panicking)).unwrap_err();
        assert_eq!(*lanes.load.lock().unwrap(), [0]);
        assert_eq!(lanes.run_query(|| 7), 7);
    }
}
