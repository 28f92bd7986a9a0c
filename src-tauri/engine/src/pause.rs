//! What the engine says and does while writes are paused.

use std::time::Duration;

use commonplace_api::Pause;
use commonplace_lock::PauseRecord;

use crate::engine::{Engine, OpenError, Shared};

/// How often a writer that stands by looks whether somebody has resumed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Turns the record of a pause into what leaves the process.
#[must_use]
pub fn pause_of(record: PauseRecord) -> Pause {
    Pause {
        since_ms: record.since_ms,
        by: record.by,
    }
}

impl Engine {
    /// Pauses the writes of this store, in all its instances, and returns the pause in force: an earlier one stays.
    ///
    /// A batch under way is finished; what was accepted and what comes later waits in the queue, each within its
    /// deadline. Searches go on. The pause lasts until somebody resumes, also over the end of this process.
    pub fn pause(&self, by: &str) -> Result<Pause, OpenError> {
        let pause = pause_of(self.shared.locks.pause(by)?);
        tracing::warn!(%pause, "writes are paused");
        self.shared.note_change();
        Ok(pause)
    }

    /// Lets writes go on, and returns the pause that ended; None if writes were not paused.
    pub fn resume(&self) -> Result<Option<Pause>, OpenError> {
        let ended = self.shared.locks.resume()?.map(pause_of);
        if let Some(pause) = &ended {
            tracing::warn!(%pause, "the pause has ended; writes go on");
        }
        self.shared.note_change();
        Ok(ended)
    }

    /// Returns since when the writes of this store are paused, and by whom; None while they go on.
    pub fn paused(&self) -> Option<Pause> {
        self.shared.paused()
    }
}

/// Blocks while writes are paused and somebody waits. Returns false if the engine closes meanwhile: what waits then is
/// not to be written.
pub(crate) fn stand_by(shared: &Shared) -> bool {
    let mut is_told = false;
    while let Some(pause) = shared.paused().filter(|_| shared.queue.is_waiting()) {
        if !is_told {
            tracing::info!(%pause, "writes are paused; requests wait");
            is_told = true;
        }
        if shared.wait_closing(LOOK_EVERY) {
            return false;
        }
    }
    if is_told {
        tracing::info!("no write waits any more, or writes go on");
    }
    true
}
