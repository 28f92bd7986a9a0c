//! What the engine is told when it starts.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use commonplace_store::statistics;
use serde::{Deserialize, Serialize};

use crate::processes::Processes;

/// How many workers prepare writes and run searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkerCount {
    /// This many, 1 to 32.
    Fixed(usize),
    /// Between 1 and 32, at most four for each core, following the measured wait.
    Auto,
}

/// Limits a person can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most write requests that wait at once, 1 to 100,000.
    pub queue_len_max: usize,
    /// Workers.
    pub workers: WorkerCount,
    /// How long a write waits if its request names no deadline, 1 to 50 s.
    pub write_deadline: Duration,
    /// How many backups stay in the directory of backups, 1 to 1,000.
    pub backups_kept: usize,
    /// How many days of the past the charts can show, 1 to 7.
    pub history_days: u32,
    /// A hold of the write lock this long is kept and logged as slow, 1 ms to 60 s.
    pub slow_hold: Duration,
    /// A write that waits this long is kept and logged as slow, 1 ms to 60 s.
    pub slow_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_len_max: 1000,
            workers: WorkerCount::Fixed(4),
            write_deadline: Duration::from_secs(30),
            backups_kept: commonplace_store::BACKUPS_KEPT,
            history_days: *statistics::HISTORY_DAYS.end(),
            slow_hold: Duration::from_millis(500),
            slow_wait: Duration::from_millis(1000),
        }
    }
}

/// Tells which limit was refused, and its range. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// The queue length.
    #[error("the queue length would be {0}, and it must be between 1 and 100000")]
    QueueLength(usize),
    /// The number of workers.
    #[error("the number of workers would be {0}, and it must be between 1 and 32")]
    Workers(usize),
    /// The deadline of a write.
    #[error("a write would wait {0:?}, and it must be between 1 and 50 seconds")]
    WriteDeadline(Duration),
    /// The number of backups that stay.
    #[error("{0} backups would stay, and it must be between 1 and 1000")]
    BackupsKept(usize),
    /// The length of the history.
    #[error("the history would be kept for {0} days, and it must be between 1 and 7")]
    HistoryDays(u32),
    /// From when on a hold or a wait is slow.
    #[error("a hold or wait would be slow from {0:?} on, and it must be between 1 ms and 60 s")]
    Slow(Duration),
    /// A worker could not be started; there are as many as the system gave.
    #[error("could not start a worker: {0}; the system is out of memory or threads")]
    Thread(#[from] std::io::Error),
}

impl Limits {
    /// Range of `queue_len_max`.
    pub const QUEUE_LEN: RangeInclusive<usize> = 1..=100_000;
    /// Range of a fixed number of workers, and of an automatic one on a machine with many cores.
    pub const WORKERS: RangeInclusive<usize> = 1..=32;
    /// Range of `write_deadline`: Claude Code gives a request up after 60 s.
    pub const WRITE_DEADLINE: RangeInclusive<Duration> =
        Duration::from_secs(1)..=Duration::from_secs(50);
    /// Range of `slow_hold` and `slow_wait`.
    pub const SLOW: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);

    /// Range of `backups_kept`.
    pub const BACKUPS_KEPT: RangeInclusive<usize> = 1..=1_000;

    /// Checks that every limit is in its range.
    pub fn check(&self) -> Result<(), LimitsError> {
        if !Self::QUEUE_LEN.contains(&self.queue_len_max) {
            return Err(LimitsError::QueueLength(self.queue_len_max));
        }
        if !Self::WRITE_DEADLINE.contains(&self.write_deadline) {
            return Err(LimitsError::WriteDeadline(self.write_deadline));
        }
        if !Self::BACKUPS_KEPT.contains(&self.backups_kept) {
            return Err(LimitsError::BackupsKept(self.backups_kept));
        }
        if !statistics::HISTORY_DAYS.contains(&self.history_days) {
            return Err(LimitsError::HistoryDays(self.history_days));
        }
        for slow in [self.slow_hold, self.slow_wait] {
            if !Self::SLOW.contains(&slow) {
                return Err(LimitsError::Slow(slow));
            }
        }
        match self.workers {
            WorkerCount::Fixed(count) if !Self::WORKERS.contains(&count) => {
                Err(LimitsError::Workers(count))
            }
            WorkerCount::Fixed(_) | WorkerCount::Auto => Ok(()),
        }
    }
}

/// Everything the engine needs to start.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The store directory; made if it is not there.
    pub data_dir: PathBuf,
    /// Where the model's files are.
    pub model_dir: PathBuf,
    /// Limits.
    pub limits: Limits,
    /// What this instance needs the model for.
    pub model_use: ModelUse,
    /// How to look at the processes behind the records of locks.
    pub processes: Arc<dyn Processes>,
}

/// What an instance needs the embedding model for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelUse {
    /// Nothing: a short command that does not search.
    None,
    /// Embedding queries: a short command that searches.
    Queries,
    /// Queries, and indexing in the background: a host.
    Indexing,
}
