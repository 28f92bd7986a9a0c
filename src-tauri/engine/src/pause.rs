//! What the engine says and does while writes are paused.

use std::fmt;
use std::time::Duration;

use commonplace_lock::PauseRecord;
use serde::Serialize;

use crate::engine::{Engine, OpenError, Shared};

/// How often a writer that stands by looks whether somebody has resumed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Says since when the writes of this store are paused, and who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PauseStatus {
    /// Since when, in milliseconds since 1970.
    pub since_ms: i64,
    /// Who asked, as it told.
    pub by: String,
}

impl From<PauseRecord> for PauseStatus {
    fn from(record: PauseRecord) -> Self {
        Self {
            since_ms: record.since_ms,
            by: record.by,
        }
    }
}

impl fmt::Display for PauseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.since_ms) {
            Ok(since) => write!(f, "since {} UTC by ", since.strftime("%Y-%m-%d %H:%M:%S"))?,
            Err(_) => f.write_str("by ")?,
        }
        f.write_str(&self.by)
    }
}

impl Engine {
    /// Pauses the writes of this store, in all its instances, and returns the pause in force: an earlier one stays.
    ///
    /// A batch under way is finished; what was accepted and what comes later waits in the queue, each within its
    /// deadline. Searches go on. The pause lasts until somebody resumes, also over the end of this process.
    pub fn pause(&self, by: &str) -> Result<PauseStatus, OpenError> {
        let pause = PauseStatus::from(self.shared.locks.pause(by)?);
        tracing::warn!(%pause, "writes are paused");
        self.shared.note_change();
        Ok(pause)
    }

    /// Lets writes go on, and returns the pause that ended; None if writes were not paused.
    pub fn resume(&self) -> Result<Option<PauseStatus>, OpenError> {
        let ended = self.shared.locks.resume()?.map(PauseStatus::from);
        if let Some(pause) = &ended {
            tracing::warn!(%pause, "the pause has ended; writes go on");
        }
        self.shared.note_change();
        Ok(ended)
    }

    /// Returns since when the writes of this store are paused, and by whom; None while they go on.
    pub fn paused(&self) -> Option<PauseStatus> {
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
