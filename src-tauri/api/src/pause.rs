//! The pause of the writes of a store.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Since when the writes of a store are paused, and who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pause {
    /// Since when, in milliseconds since 1970.
    pub since_ms: i64,
    /// Who asked, as they said.
    pub by: String,
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.since_ms) {
            Ok(since) => write!(f, "since {} UTC by ", since.strftime("%Y-%m-%d %H:%M:%S"))?,
            Err(_) => f.write_str("by ")?,
        }
        f.write_str(&self.by)
    }
}

/// Asks for a pause.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PauseRequest {
    /// Who asks; shown to everybody whose write waits.
    #[serde(default)]
    pub by: Option<String>,
}

/// The pause in force, or the one that ended; None if writes were not paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PauseAnswer {
    /// The pause.
    pub pause: Option<Pause>,
}
