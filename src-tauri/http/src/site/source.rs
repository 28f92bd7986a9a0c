//! Where the figures come from.

use commonplace_api::statistics::{Incident, Sample, WaitsReport};
use commonplace_api::status::Status;
use commonplace_engine::Engine;
use tokio::sync::watch;

/// What this layer needs to know of a running engine.
///
/// [`Engine`] is one. Tests and previews bring their own, so that every page can be shown without a store.
pub trait StatusSource: Send + Sync + 'static {
    /// Reads the state of the host. Must not wait for a lock, nor long for the disk: it is called on request tasks.
    fn status(&self) -> Status;

    /// Returns the time of the host in milliseconds since 1970; costs less than a status.
    fn now_ms(&self) -> i64 {
        self.status().now_ms
    }

    /// Returns the most requests that the queue takes; costs less than a status.
    fn queue_limit(&self) -> usize {
        self.status().queue.limit
    }

    /// Returns one sample for each of the last `seconds` seconds, the oldest first.
    fn history(&self, seconds: usize) -> Vec<Sample>;

    /// Returns the past from `from_ms` to `to_ms`, milliseconds since 1970, in about `points` samples of equal length, the
    /// oldest first. Reads the disk for some milliseconds.
    fn history_between(&self, from_ms: i64, to_ms: i64, points: usize) -> Vec<Sample>;

    /// Returns the distribution of the waits of a part of the past, and whose they were. Reads the disk for some milliseconds.
    fn waits_between(&self, from_ms: i64, to_ms: i64, points: usize) -> WaitsReport;

    /// Returns the last slow holds, slow waits and failures, the newest first. Reads the disk for a millisecond.
    fn incidents(&self, limit: usize) -> Vec<Incident>;

    /// Returns a channel that ticks whenever the status may have changed.
    fn changes(&self) -> watch::Receiver<u64>;
}

impl StatusSource for Engine {
    fn status(&self) -> Status {
        Engine::status(self)
    }

    fn now_ms(&self) -> i64 {
        Engine::now_ms(self)
    }

    fn queue_limit(&self) -> usize {
        self.limits().queue_len_max
    }

    fn history(&self, seconds: usize) -> Vec<Sample> {
        Engine::history(self, seconds)
    }

    fn history_between(&self, from_ms: i64, to_ms: i64, points: usize) -> Vec<Sample> {
        Engine::history_between(self, from_ms, to_ms, points)
    }

    fn waits_between(&self, from_ms: i64, to_ms: i64, points: usize) -> WaitsReport {
        Engine::waits_between(self, from_ms, to_ms, points)
    }

    fn incidents(&self, limit: usize) -> Vec<Incident> {
        Engine::incidents(self, limit)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        Engine::changes(self)
    }
}
