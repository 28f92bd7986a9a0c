//! What everybody in a run shares: the store, the clock, the hosts, and the memories that all change.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use super::hosts::Hosts;
use super::record::{At, since};

/// A memory that a client knows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    pub(crate) marker: String,
    pub(crate) hash: String,
    pub(crate) is_living: bool,
}

/// One run.
pub(crate) struct Stage {
    pub(crate) dir: PathBuf,
    pub(crate) began: Instant,
    pub(crate) hosts: Hosts,
    /// Clients end their current operation and stop.
    pub(crate) is_over: AtomicBool,
    /// Acknowledged writes.
    pub(crate) acknowledged: AtomicU64,
    /// Operations asked.
    pub(crate) asked: AtomicU64,
    /// Memories that every client changes; as far as somebody knows.
    common: Mutex<Vec<Known>>,
    /// Markers that every client may read.
    published: Mutex<Vec<String>>,
}

impl Stage {
    pub(crate) fn new(dir: PathBuf, hosts: Hosts) -> Self {
        Self {
            dir,
            began: Instant::now(),
            hosts,
            is_over: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            common: Mutex::new(Vec::new()),
            published: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn now(&self) -> At {
        since(self.began)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub(crate) fn common(&self) -> MutexGuard<'_, Vec<Known>> {
        self.common.lock().expect("nobody panics with it")
    }

    pub(crate) fn published(&self) -> MutexGuard<'_, Vec<String>> {
        self.published.lock().expect("nobody panics with it")
    }
}
