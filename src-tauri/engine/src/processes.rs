//! What the operating system says of the process behind a record. The engine asks; the app knows how to look.

use commonplace_lock::Identity;
use serde::Serialize;

/// What is known about the process that a record names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
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
    /// The system does not tell.
    #[default]
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

/// Looks at processes and ends them.
pub trait Processes: std::fmt::Debug + Send + Sync + 'static {
    /// Says what the process of `identity` is doing: identity by machine, start of the machine, container, number and
    /// start time. Waits for nobody.
    fn look(&self, identity: &Identity) -> ProcessState;

    /// Ends the process of `identity`; `by_force` as `kill -9` does, else by asking it, continued if it is stopped.
    ///
    /// Verifies the identity and the user again right before the signal, on a handle that cannot come to mean another
    /// process, where the system has such handles. Err says in words why nothing was done.
    fn end(&self, identity: &Identity, by_force: bool) -> Result<(), String>;
}

/// Knows nothing of processes: for tests and for programs that cannot look.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProcesses;

impl Processes for NoProcesses {
    fn look(&self, _identity: &Identity) -> ProcessState {
        ProcessState::Unknown
    }

    fn end(&self, _identity: &Identity, _by_force: bool) -> Result<(), String> {
        Err("this program cannot look at processes".to_owned())
    }
}
