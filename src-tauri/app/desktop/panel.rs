//! Whether the desktop has a place for a tray icon, and its way to show a short message.
//!
//! On Linux both are D-Bus names on the session bus that may be missing, come late or restart. Elsewhere the
//! system always has a tray.

#[cfg(target_os = "linux")]
mod bus;

#[cfg(not(target_os = "linux"))]
pub(super) use always::Panel;
#[cfg(target_os = "linux")]
pub(super) use bus::Panel;

use super::action::Action;

/// A short message in the way of the desktop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "there it is shown as a notice of our own")
)]
pub(super) struct Message {
    /// The headline.
    pub(super) title: String,
    /// The sentences.
    pub(super) text: String,
    /// What can be done about it at once, with its label.
    pub(super) offer: Option<(Action, &'static str)>,
    /// How long it stays, in milliseconds, where the desktop honours it; 0 = until it is closed.
    pub(super) stays_ms: i32,
}

/// Why no tray icon is to be seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "there a tray always exists")
)]
pub(super) enum NoTray {
    /// The session bus cannot be reached.
    #[error("no session bus ({0})")]
    NoBus(String),
    /// Nobody takes icons.
    #[error("this desktop has no tray (on GNOME the extension AppIndicator adds one)")]
    NoWatcher,
    /// Somebody takes icons, but nobody shows them.
    #[error("this desktop takes tray icons but shows none yet")]
    NoHost,
    /// The tray did not take the icon.
    #[error("the tray refused the icon ({0})")]
    Refused(String),
}

#[cfg(not(target_os = "linux"))]
mod always {
    use std::sync::mpsc::SyncSender;

    use super::super::event::Event;

    /// A desktop whose tray is always there.
    pub(in super::super) struct Panel;

    impl Panel {
        /// There is nothing to prepare.
        pub(in super::super) fn new(_events: SyncSender<Event>) -> Self {
            Self
        }

        /// Returns Ok: there is a tray.
        pub(in super::super) fn look(&mut self) -> Result<(), super::NoTray> {
            Ok(())
        }

        /// Returns false: messages are shown as a notice of our own.
        pub(in super::super) fn announce(&mut self, _message: &super::Message) -> bool {
            false
        }
    }
}
