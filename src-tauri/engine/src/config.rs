//! What the engine gets when it starts.

use std::path::PathBuf;
use std::sync::Arc;

use commonplace_api::settings::{Limits, SettingError};
use commonplace_store::statistics;

use crate::processes::Processes;

/// Name of the lock directory inside the store directory.
pub const LOCKS_DIR: &str = "locks";

/// Tells why limits were not set. Nothing was changed, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// One is outside its range.
    #[error(transparent)]
    Unfit(#[from] SettingError),
    /// A worker could not be started; there are as many as the system gave.
    #[error("could not start a worker: {0}; the system is out of memory or threads")]
    Thread(#[from] std::io::Error),
}

// A day count that the settings allow is one that the store keeps.
const _: () = assert!(
    *statistics::HISTORY_DAYS.start() == *Limits::HISTORY_DAYS.start()
        && *statistics::HISTORY_DAYS.end() == *Limits::HISTORY_DAYS.end()
);

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
    /// Looks at the processes behind the records of locks.
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
