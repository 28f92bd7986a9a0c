//! What a person can choose: entries of the menus and answers to notices, with the names by which they are reported.

use commonplace_api::locks::SettleAct;

/// What an entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Shows the window with the dashboard.
    Open,
    /// Shows the dashboard at the locks.
    OpenLocks,
    /// Pauses the writes of the store.
    Pause,
    /// Resumes writes.
    Resume,
    /// Settles a lock.
    Settle(SettleAct),
    /// Starts the host in this process.
    StartHost,
    /// Shows the dashboard at the clients, which can be connected there.
    OpenClients,
    /// Puts the command that connects Claude Code on the clipboard.
    CopyConnectLine,
    /// Lets a login start this program, or not any more.
    StartAtLogin,
    /// Opens the folder with the logs.
    OpenLogs,
    /// Says which program this is.
    About,
    /// Finishes accepted writes and ends the program.
    Quit,
}

impl Action {
    const ALL: [Self; 14] = [
        Self::Open,
        Self::OpenLocks,
        Self::Pause,
        Self::Resume,
        Self::Settle(SettleAct::ClearLeftovers),
        Self::Settle(SettleAct::TakeOver),
        Self::Settle(SettleAct::Terminate),
        Self::StartHost,
        Self::OpenClients,
        Self::CopyConnectLine,
        Self::StartAtLogin,
        Self::OpenLogs,
        Self::About,
        Self::Quit,
    ];

    /// Returns the name by which the window system reports the entry.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::OpenLocks => "open-locks",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Settle(SettleAct::ClearLeftovers) => "clear-leftovers",
            Self::Settle(SettleAct::TakeOver) => "take-over",
            Self::Settle(SettleAct::Terminate) => "terminate",
            Self::StartHost => "start-host",
            Self::OpenClients => "open-clients",
            Self::CopyConnectLine => "copy-connect-line",
            Self::StartAtLogin => "start-at-login",
            Self::OpenLogs => "open-logs",
            Self::About => "about",
            Self::Quit => "quit",
        }
    }

    /// Returns the action with this name; None for entries that only tell something.
    pub(super) fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.id() == id)
    }
}

/// What a person may answer to a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Close the notice, nothing else.
    Understood,
    /// Close all windows; the host goes on without a window or an icon.
    KeepServing,
    /// Stop the host and end the program.
    Quit,
}

impl Answer {
    const ALL: [Self; 3] = [Self::Understood, Self::KeepServing, Self::Quit];

    /// Returns the path of the link that gives the answer.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Understood => "/answer/understood",
            Self::KeepServing => "/answer/keep-serving",
            Self::Quit => "/answer/quit",
        }
    }

    /// Returns the answer with this path.
    pub(super) fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.path() == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_its_id() {
        for action in Action::ALL {
            assert_eq!(Action::from_id(action.id()), Some(action));
        }
        assert_eq!(Action::from_id("line-2"), None);
    }
}
