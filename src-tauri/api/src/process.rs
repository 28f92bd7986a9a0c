//! What the operating system says of the process behind a record.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known about the process that a record names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// It runs, or waits for something.
    Running,
    /// It is stopped, as by SIGSTOP or a debugger, and does nothing until somebody continues it.
    Stopped,
    /// There is no such process.
    Gone,
    /// Another process has its number now.
    Reused,
    /// It belongs to another container of this machine: its number means something else here.
    OtherContainer,
    /// It belongs to another machine, or to an earlier start of this one.
    OtherMachine,
    /// The system does not tell, or it is a word of a newer host.
    #[default]
    #[serde(other)]
    Unknown,
}

impl ProcessState {
    /// Says it in the middle of a sentence: "its process `is stopped`".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Running => "is running",
            Self::Stopped => "is stopped",
            Self::Gone => "is gone",
            Self::Reused => "is gone, and another one has its number",
            Self::OtherContainer => "runs in another container",
            Self::OtherMachine => "belongs to another machine or to an earlier start of this one",
            Self::Unknown => "is not known to the system",
        }
    }

    /// Says what a person can do about process `pid` in this state; None if nothing needs to be done. Only systems with
    /// signals tell that a process is stopped, so these are theirs.
    #[must_use]
    pub fn remedy(self, pid: u32) -> Option<String> {
        (self == Self::Stopped)
            .then(|| format!("`kill -CONT {pid}` wakes it, `kill -9 {pid}` ends it"))
    }
}
