//! Where the figures come from.

use commonplace_engine::{Engine, Sample, Status};
use tokio::sync::watch;

/// What this layer needs to know of a running engine.
///
/// [`Engine`] is one. Tests and previews bring their own, so that every page can be shown without a store.
pub trait StatusSource: Send + Sync + 'static {
    /// Reads the state of the host. Must not wait for a lock or for the disk: it is called on request tasks.
    fn status(&self) -> Status;

    /// Returns one sample for each of the last `seconds` seconds, the oldest first.
    fn history(&self, seconds: usize) -> Vec<Sample>;

    /// Returns a channel that ticks whenever the status may have changed.
    fn changes(&self) -> watch::Receiver<u64>;
}

impl StatusSource for Engine {
    fn status(&self) -> Status {
        Engine::status(self)
    }

    fn history(&self, seconds: usize) -> Vec<Sample> {
        Engine::history(self, seconds)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        Engine::changes(self)
    }
}
