//! What the operating system says of the process behind a record. The engine asks; the app knows how to look.

use commonplace_api::ProcessState;
use commonplace_lock::Identity;

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
