//! The panel of a Linux desktop, as the session bus shows it.

use std::collections::HashMap;
use std::time::Duration;

use zbus::blocking::{Connection, connection::Builder};
use zbus::zvariant::{OwnedValue, Value};

use super::NoTray;

const BUS: &str = "org.freedesktop.DBus";
const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

/// A panel that does not answer within this time is taken for absent.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(1);
/// How long a message stays, where the desktop follows the wish.
const MESSAGE_MS: i32 = 10_000;

/// The tray and the messages of this desktop. Connects when first asked, and again after a lost connection.
#[derive(Default)]
pub(in super::super) struct Panel {
    connection: Option<Connection>,
}

impl Panel {
    /// Looks whether a tray icon would be shown now. Blocks for at most about two seconds.
    pub(in super::super) fn look(&mut self) -> Result<(), NoTray> {
        let found = self.connected().and_then(look);
        if let Err(NoTray::NoBus(_)) = found {
            self.connection = None;
        }
        found
    }

    /// Shows a short message the way the desktop does; false if it has no such way.
    pub(in super::super) fn announce(&mut self, title: &str, text: &str) -> bool {
        let Ok(connection) = self.connected() else {
            return false;
        };
        let hints: HashMap<&str, Value<'_>> = HashMap::new();
        let no_actions: Vec<&str> = Vec::new();
        let message = (
            "Commonplace",
            0u32,
            "",
            title,
            text,
            no_actions,
            hints,
            MESSAGE_MS,
        );
        let path = "/org/freedesktop/Notifications";
        let shown = connection.call_method(
            Some(NOTIFICATIONS),
            path,
            Some(NOTIFICATIONS),
            "Notify",
            &message,
        );
        shown.is_ok()
    }

    fn connected(&mut self) -> Result<&Connection, NoTray> {
        if self.connection.is_none() {
            let built = Builder::session()
                .and_then(|builder| builder.method_timeout(ANSWER_WAIT_MAX).build());
            self.connection = Some(built.map_err(|error| NoTray::NoBus(error.to_string()))?);
        }
        self.connection
            .as_ref()
            .ok_or_else(|| NoTray::NoBus("not connected".into()))
    }
}

fn look(connection: &Connection) -> Result<(), NoTray> {
    let lost = |error: zbus::Error| NoTray::NoBus(error.to_string());
    let answer = connection.call_method(Some(BUS), "/", Some(BUS), "NameHasOwner", &WATCHER);
    let has_owner: bool = answer
        .and_then(|message| message.body().deserialize())
        .map_err(lost)?;
    if !has_owner {
        return Err(NoTray::NoWatcher);
    }
    if has_host(connection).unwrap_or(false) {
        Ok(())
    } else {
        Err(NoTray::NoHost)
    }
}

fn has_host(connection: &Connection) -> zbus::Result<bool> {
    let answer = connection.call_method(
        Some(WATCHER),
        "/StatusNotifierWatcher",
        Some("org.freedesktop.DBus.Properties"),
        "Get",
        &(WATCHER, "IsStatusNotifierHostRegistered"),
    )?;
    let value: OwnedValue = answer.body().deserialize()?;
    Ok(bool::try_from(value)?)
}
