//! The events of Claude Code that the memory answers.

use std::time::Duration;

/// How long a prompt waits for the memory at most: less than a person notices, and many times what a search takes.
const PROMPT_WAITS_MAX: Duration = Duration::from_millis(300);
/// How long a capture may take, for which no prompt waits: a write may stand in line. Claude Code ends what is still
/// running 1.5 s after the end of a session.
pub(super) const CAPTURE_TIME_MAX: Duration = Duration::from_secs(1);

/// An event, by the name that Claude Code gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    SessionStart,
    UserPromptSubmit,
    PreCompact,
    SessionEnd,
}

impl Event {
    /// Returns the event with this name; None for one that a newer plugin may know.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "SessionStart" => Some(Self::SessionStart),
            "UserPromptSubmit" => Some(Self::UserPromptSubmit),
            "PreCompact" => Some(Self::PreCompact),
            "SessionEnd" => Some(Self::SessionEnd),
            _ => None,
        }
    }

    /// How long answering it may take in all.
    pub(super) fn time_max(self) -> Duration {
        match self {
            Self::SessionStart | Self::UserPromptSubmit => PROMPT_WAITS_MAX,
            Self::PreCompact | Self::SessionEnd => CAPTURE_TIME_MAX,
        }
    }
}
