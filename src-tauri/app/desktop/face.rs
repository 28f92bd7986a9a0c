//! What tray and window need of the host, and what is to be seen of it.

use commonplace_api::locks::{MeantHolder, SettleAct};
use std::path::PathBuf;
use std::time::Duration;

/// What the tray and the window need of the host, whether it runs in this process or another.
///
/// Errors are sentences for the person at the screen.
pub(crate) trait Face: Send + Sync + 'static {
    /// Reads the state for icon, tooltip and status line. Blocks for at most some hundred milliseconds.
    fn glance(&self) -> Result<Glance, Absent>;

    /// Reads what the locks of the store need of a person, also if the host is the one that is stuck.
    ///
    /// Blocks for up to about 10 s where somebody has the store alone.
    fn locks(&self) -> Locks;

    /// Returns the address of the page with a fresh one-time code (`http://127.0.0.1:PORT/#code=...`). Blocks for at most
    /// about 2 s.
    fn page_url(&self) -> Result<String, String>;

    /// Returns the command that connects Claude Code.
    fn connect_line(&self) -> String;

    /// Pauses the writes of the store, for everybody.
    fn pause(&self) -> Result<(), String>;

    /// Lets writes go on.
    fn resume(&self) -> Result<(), String>;

    /// Settles a lock and returns what was done. Refuses where that is not safe, and if `meant` is given and another holds
    /// it by now. Blocks for up to some seconds.
    fn settle(&self, act: SettleAct, meant: Option<&MeantHolder>) -> Result<String, String>;

    /// Starts the host in this process, after the one in another process has ended; does nothing if one serves by now.
    /// Blocks until it serves.
    fn start_host(&self) -> Result<(), String>;

    /// Says whether a login starts this program; None if that cannot be known or changed here.
    fn starts_at_login(&self) -> Option<bool>;

    /// Lets a login start this program, or not.
    fn set_start_at_login(&self, is_on: bool) -> Result<(), String>;

    /// Returns how long a write waits before the person is told. Read from disk: ask only when something waits.
    fn tell_after(&self) -> Duration;

    /// Tells whether the host runs in this process; false if this app is attached to another host.
    fn is_own_host(&self) -> bool;

    /// Finishes accepted writes and stops the host; has no effect when attached.
    ///
    /// Blocks for up to about 10 s. Called once.
    fn stop(&self);

    /// Tells whether somebody outside asked the program to end, such as by a signal; it quits as by the menu then.
    ///
    /// Asked four times a second: must not block.
    fn is_asked_to_quit(&self) -> bool {
        false
    }

    /// Returns the folder with the logs.
    fn log_dir(&self) -> PathBuf;

    /// Returns the store directory.
    fn data_dir(&self) -> PathBuf;
}

/// What is to be seen of a host at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glance {
    /// The state in one word; chooses the icon.
    pub(crate) state: State,
    /// The state in one sentence; becomes the status line.
    pub(crate) sentence: String,
    /// Requests in the write queue.
    pub(crate) queue_length: usize,
    /// Instances that wait for the write lock.
    pub(crate) waiters: usize,
    /// How long the write has waited that waits longest, here or for the lock; zero if none does.
    pub(crate) longest_wait: Duration,
    /// Names of the connected clients, as they told them.
    pub(crate) clients: Vec<String>,
    /// Memories in the store.
    pub(crate) memories: u64,
    /// Memories whose vector is still to be made.
    pub(crate) backlog: u64,
}

/// The state of a host in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing waits.
    Ok,
    /// Requests are being worked on.
    Busy,
    /// Somebody waits for longer than is usual.
    Waiting,
    /// Somebody has paused the writes.
    Paused,
    /// The host cannot do its work, or is gone.
    Error,
}

/// Why nothing is to be seen of the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Absent {
    /// No host has the store.
    #[error("the host is gone")]
    Gone,
    /// There is one, and it does not answer.
    #[error("the host (pid {pid}) does not answer")]
    Silent {
        /// Its process.
        pid: u32,
    },
}

/// What the locks of a store need of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Locks {
    /// Records of dead instances; they hold nobody up.
    pub(crate) leftovers: usize,
    /// The holder that is stuck, if one is.
    pub(crate) stuck: Option<Stuck>,
}

/// A holder that will not give its lock back by itself, as far as can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stuck {
    /// Tells one such event from the next.
    pub(crate) event: String,
    /// Who it is, such as `serve (pid 812)`.
    pub(crate) who: String,
    /// The same for the one who settles it; None if its record cannot be read.
    pub(crate) holder: Option<MeantHolder>,
    /// The evidence, in a sentence or two.
    pub(crate) evidence: String,
    /// What may be done about it.
    pub(crate) act: SettleAct,
}
