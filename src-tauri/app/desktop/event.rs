//! What happens to tray and window, as the controller takes it, one after the other.

use std::sync::mpsc::SyncSender;

use super::action::{Action, Answer};
use super::summary::LocksSummary;

/// Something that the controller has to react to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The event loop runs: show what is to be shown.
    Ready,
    /// An entry of a menu was chosen.
    Chosen(Action),
    /// The person closes the window with the page.
    CloseRequested,
    /// The person answers a notice.
    Answered(Answer),
    /// The locks were read.
    LocksRead(LocksSummary),
    /// An act on a lock has ended: what was done, or why not.
    Settled(Result<String, String>),
}

/// Hands over an event without waiting; false if nobody is there to take it.
pub(super) fn send(events: &SyncSender<Event>, event: Event) -> bool {
    let sent = events.try_send(event);
    if let Err(error) = &sent {
        tracing::warn!(%error, "tray and window do not keep up; an event was dropped");
    }
    sent.is_ok()
}
