//! The workers: threads that run searches and lists, first come, first served.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use commonplace_api::settings::Limits;
use commonplace_api::statistics::TimeSummary;
use commonplace_store::statistics::Times;

use crate::mutex::lock;
use crate::read::scaling::Load;
use crate::report::metrics::summary_of;

/// Most jobs that wait; more are refused.
const JOBS_MAX: usize = 1000;

/// Workers of an automatic pool before anything was measured.
pub(crate) const AUTO_WORKERS_AT_START: usize = 4;

/// One piece of work. Answers for itself, also if nobody waits for the answer any more.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// A pool of worker threads whose size can change.
pub(crate) struct Workers {
    core: Arc<Core>,
    /// Threads ever started and not joined yet.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Core {
    inner: Mutex<Inner>,
    /// Signalled when a job arrives, the wanted number falls, or the pool closes.
    changed: Condvar,
}

struct Inner {
    /// Jobs that wait, and since when.
    jobs: VecDeque<(Instant, Job)>,
    /// How long jobs waited for a worker.
    waits: Times,
    /// The same since the load was last read: how many, and the sum.
    begun: u32,
    wait_sum: Duration,
    wanted: usize,
    running: usize,
    busy: usize,
    started: usize,
    is_closed: bool,
}

impl Inner {
    fn note_wait(&mut self, wait: Duration) {
        self.waits.record(wait);
        self.begun += 1;
        self.wait_sum += wait;
    }
}

impl Core {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// Takes the next job; None tells this worker to end.
    fn next_job(&self) -> Option<Job> {
        let mut inner = self.inner();
        loop {
            if inner.running > inner.wanted {
                return None;
            }
            if let Some((since, job)) = inner.jobs.pop_front() {
                inner.busy += 1;
                inner.note_wait(since.elapsed());
                return Some(job);
            }
            if inner.is_closed {
                return None;
            }
            inner = self
                .changed
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) {
        while let Some(job) = self.next_job() {
            // A job that panics must not take its worker along; its client sees its answer channel close.
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
                tracing::error!("a job panicked; its request was answered with an error");
            }
            self.inner().busy -= 1;
        }
        self.inner().running -= 1;
    }
}

impl Workers {
    /// Starts `count` workers.
    pub(crate) fn start(count: usize) -> std::io::Result<Self> {
        let inner = Inner {
            jobs: VecDeque::new(),
            waits: Times::default(),
            begun: 0,
            wait_sum: Duration::ZERO,
            wanted: 0,
            running: 0,
            busy: 0,
            started: 0,
            is_closed: false,
        };
        let core = Arc::new(Core {
            inner: Mutex::new(inner),
            changed: Condvar::new(),
        });
        let workers = Self {
            core,
            threads: Mutex::new(Vec::new()),
        };
        workers.resize(count)?;
        Ok(workers)
    }

    /// Changes the number of workers: more start at once, fewer end as soon as they are idle.
    pub(crate) fn resize(&self, count: usize) -> std::io::Result<()> {
        let count = count.clamp(*Limits::WORKERS.start(), *Limits::WORKERS.end());
        let mut threads = lock(&self.threads);
        threads.retain(|thread| !thread.is_finished());
        self.core.inner().wanted = count;
        self.core.changed.notify_all();
        loop {
            let number = {
                let mut inner = self.core.inner();
                if inner.running >= count || inner.is_closed {
                    return Ok(());
                }
                inner.running += 1;
                inner.started += 1;
                inner.started
            };
            let core = Arc::clone(&self.core);
            let spawned = std::thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || core.work());
            match spawned {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    self.core.inner().running -= 1;
                    return Err(error);
                }
            }
        }
    }

    /// Hands in a job; gives it back if too many wait or the pool is closed.
    pub(crate) fn submit(&self, job: Job) -> Result<(), usize> {
        let mut inner = self.core.inner();
        if inner.is_closed || inner.jobs.len() >= JOBS_MAX {
            return Err(inner.jobs.len());
        }
        inner.jobs.push_back((Instant::now(), job));
        drop(inner);
        self.core.changed.notify_one();
        Ok(())
    }

    /// Returns how many workers there are, how many are busy, and how many jobs wait.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let inner = self.core.inner();
        (inner.wanted, inner.busy, inner.jobs.len())
    }

    /// Returns how long jobs waited for a worker.
    pub(crate) fn waits(&self) -> TimeSummary {
        summary_of(&self.core.inner().waits)
    }

    /// Returns what was measured since the last call.
    pub(crate) fn take_load(&self) -> Load {
        let mut inner = self.core.inner();
        let begun = std::mem::take(&mut inner.begun);
        let wait_sum = std::mem::take(&mut inner.wait_sum);
        Load {
            workers: inner.wanted,
            busy: inner.busy,
            waiting: inner.jobs.len(),
            oldest: inner
                .jobs
                .front()
                .map_or(Duration::ZERO, |(since, _)| since.elapsed()),
            wait_average: wait_sum / begun.max(1),
        }
    }

    /// Finishes what was handed in, refuses more, and waits for the threads.
    pub(crate) fn close(&self) {
        self.core.inner().is_closed = true;
        self.core.changed.notify_all();
        let threads = std::mem::take(&mut *lock(&self.threads));
        for thread in threads {
            // Jobs catch their own panics, so joining cannot fail.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn closing_finishes_what_was_handed_in_and_refuses_more() {
        let workers = Workers::start(2).unwrap();
        let (sender, receiver) = mpsc::channel();
        for number in 0..20 {
            let sender = sender.clone();
            workers
                .submit(Box::new(move || sender.send(number).unwrap()))
                .unwrap();
        }
        drop(sender);
        workers.close();
        assert_eq!(receiver.iter().count(), 20);
        assert!(workers.submit(Box::new(|| ())).is_err());
    }

    #[test]
    fn the_wait_for_a_worker_is_measured() {
        let workers = Workers::start(1).unwrap();
        let (go, held) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        workers
            .submit(Box::new(move || {
                begun.send(()).unwrap();
                held.recv().unwrap();
            }))
            .unwrap();
        has_begun.recv().unwrap();
        workers.take_load();
        workers.submit(Box::new(|| ())).unwrap();
        let load = workers.take_load();
        assert_eq!((load.workers, load.busy, load.waiting), (1, 1, 1));
        assert!(load.oldest > Duration::ZERO, "it waits already");
        assert_eq!(load.wait_average, Duration::ZERO, "none has begun since");
        go.send(()).unwrap();
        workers.close();
        assert!(workers.take_load().wait_average >= load.oldest);
        assert_eq!(workers.waits().count, 2);
    }

    #[test]
    fn a_panicking_job_does_not_cost_a_worker() {
        let workers = Workers::start(1).unwrap();
        let (sender, receiver) = mpsc::channel();
        workers.submit(Box::new(|| panic!("on purpose"))).unwrap();
        workers
            .submit(Box::new(move || sender.send(()).unwrap()))
            .unwrap();
        receiver.recv().unwrap();
        workers.close();
    }

    #[test]
    fn the_number_of_workers_follows_the_wish_within_its_range() {
        let workers = Workers::start(4).unwrap();
        workers.resize(1).unwrap();
        assert_eq!(workers.counts().0, 1);
        workers.resize(1000).unwrap();
        assert_eq!(workers.counts().0, 32);
        // Thirty-two jobs that all wait for each other can only end if there are thirty-two workers.
        let barrier = Arc::new(std::sync::Barrier::new(32));
        for _ in 0..32 {
            let barrier = Arc::clone(&barrier);
            workers
                .submit(Box::new(move || {
                    barrier.wait();
                }))
                .unwrap();
        }
        workers.close();
    }
}
