//! Lines of the log of a store's hosts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a line matters, the worst first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something does not work.
    Error,
    /// Something may not work.
    Warn,
    /// What happens.
    Info,
    /// What happens, in detail.
    Debug,
    /// Every step.
    Trace,
}

/// Some lines of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPage {
    /// The directory with the files.
    pub folder: String,
    /// The lines, the newest first.
    pub lines: Vec<LogLine>,
    /// Where to go on with older lines; None if there are none. A page may have few lines, or none, and still say where to
    /// go on: one request reads a bounded part of the files.
    pub before: Option<String>,
}

/// One line of the log, with what belongs to it. Text only: control characters and secrets are taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When, as in the file: `2026-11-25T04:03:30.123456Z`.
    pub at: String,
    /// How much it matters.
    pub level: LogLevel,
    /// Part of the program.
    pub source: String,
    /// What it says.
    pub text: String,
}
