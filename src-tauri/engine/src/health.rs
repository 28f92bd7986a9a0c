//! What is wrong with this host, and the fencing number of its last commit.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use commonplace_store::Epoch;

use crate::mutex::lock;

/// Short sections; nothing is held while anything is read or written.
#[derive(Default)]
pub(crate) struct Health {
    /// Fencing number of the last commit of this host; 0 before its first.
    epoch: AtomicU64,
    /// Why writing has stopped permanently, if it has.
    stopped: Mutex<Option<String>>,
    /// Why the last batch was not written, if it was not.
    failing: Mutex<Option<String>>,
    /// Why the settings file is not in use as it stands, if it is not.
    settings_problem: Mutex<Option<String>>,
    /// Grows with every change of a setting, or of what is wrong with them.
    settings_revision: AtomicU64,
}

impl Health {
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    pub(crate) fn note_commit(&self, epoch: Epoch) {
        self.epoch.store(epoch.0, Ordering::Relaxed);
        *lock(&self.failing) = None;
    }

    pub(crate) fn stopped(&self) -> Option<String> {
        lock(&self.stopped).clone()
    }

    /// Refuses every write from now on.
    pub(crate) fn stop_writing(&self, reason: String) {
        tracing::error!(%reason, "writing has stopped");
        *lock(&self.stopped) = Some(reason);
    }

    pub(crate) fn failing(&self) -> Option<String> {
        lock(&self.failing).clone()
    }

    /// Keeps why a batch was not written, for the status, until the next one is.
    pub(crate) fn note_failure(&self, reason: String) {
        *lock(&self.failing) = Some(reason);
    }

    pub(crate) fn settings_revision(&self) -> u64 {
        self.settings_revision.load(Ordering::Relaxed)
    }

    pub(crate) fn settings_problem(&self) -> Option<String> {
        lock(&self.settings_problem).clone()
    }

    pub(crate) fn note_settings(&self, problem: Option<String>) {
        *lock(&self.settings_problem) = problem;
        self.settings_revision.fetch_add(1, Ordering::Relaxed);
    }
}
