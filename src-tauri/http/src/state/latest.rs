//! The status that was sent last: however many pages are open, it is read and serialized once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use commonplace_api::status::OverallState;
use tokio::time::Instant;

use crate::site::source::StatusSource;

/// Shortest time between two events: four a second are more than an eye reads.
pub(crate) const PAUSE_MIN: Duration = Duration::from_millis(250);

/// The status that was sent last, shared by all event streams.
#[derive(Debug, Default)]
pub(crate) struct Latest(Mutex<Option<Snapshot>>);

/// One status, as text.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// The tick that was the last one when it was read.
    tick: u64,
    read_at: Instant,
    pub(crate) state: OverallState,
    pub(crate) json: Arc<str>,
}

impl Latest {
    /// Returns the status, read again if there was a tick since the last one, or if that one is too old to be sent again.
    pub(crate) fn get(&self, tick: u64, source: &dyn StatusSource) -> Option<Snapshot> {
        // Whoever comes second waits for the first, some milliseconds at most, and takes what that one read.
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |last: &&Snapshot| last.tick == tick && last.read_at.elapsed() < PAUSE_MIN;
        if let Some(last) = latest.as_ref().filter(is_fresh) {
            return Some(last.clone());
        }
        let status = source.status();
        let snapshot = Snapshot {
            tick,
            read_at: Instant::now(),
            state: status.state,
            json: serde_json::to_string(&status).ok()?.into(),
        };
        Some(latest.insert(snapshot).clone())
    }
}
