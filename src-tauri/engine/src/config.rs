//! What the engine is told when it starts.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many workers prepare writes and run searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkerCount {
    /// This many, 1 to 32.
    Fixed(usize),
    /// Between 1 and 32, following the measured wait.
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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_len_max: 1000,
            workers: WorkerCount::Fixed(4),
            write_deadline: Duration::from_secs(30),
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
