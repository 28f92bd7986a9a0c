//! The panel of a Linux desktop, as the session bus shows it.

use std::collections::HashMap;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use zbus::MatchRule;
use zbus::blocking::{Connection, MessageIterator, connection::Builder};
use zbus::zvariant::{OwnedValue, Value};

use super::super::action::Action;
use super::super::event::{Event, send};
use super::{Message, NoTray};

const BUS: &str = "org.freedesktop.DBus";
const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

/// A panel that does not answer within this time is taken for absent.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(1);
/// Messages whose offer may still be taken up.
const OFFERED_MAX: usize = 16;

/// Numbers of messages with what they offer, the newest first.
type Offered = Mutex<Vec<(u32, Action)>>;

/// The tray and the messages of this desktop. Connects when first asked, and again after a lost connection.
pub(in super::super) struct Panel {
    connection: Option<Connection>,
    offered: Arc<Offered>,
    events: SyncSender<Event>,
}

impl Panel {
    /// Prepares to ask; offers that the person takes up are sent as events.
    pub(in super::super) fn new(events: SyncSender<Event>) -> Self {
        Self {
            connection: None,
            offered: Arc::default(),
            events,
        }
    }

    /// Looks whether a tray icon would be shown now. Blocks for at most about two seconds.
    pub(in super::super) fn look(&mut self) -> Result<(), NoTray> {
        let found = self.connected().and_then(look);
        if let Err(NoTray::NoBus(_)) = found {
            self.connection = None;
        }
        found
    }

    /// Shows a short message the way the desktop does; false if it has no such way.
    ///
    /// What the message offers becomes an event when the person takes it up, by its button or by a click on the message.
    pub(in super::super) fn announce(&mut self, message: &Message) -> bool {
        let offered = Arc::clone(&self.offered);
        let Ok(connection) = self.connected() else {
            return false;
        };
        // Held while the message is sent: its answer may come before its number.
        let mut offered = offered.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(number) = notify(connection, message) else {
            return false;
        };
        if let Some((action, _)) = message.offer {
            offered.retain(|(earlier, _)| *earlier != number);
            offered.truncate(OFFERED_MAX - 1);
            offered.insert(0, (number, action));
        }
        true
    }

    fn connected(&mut self) -> Result<&Connection, NoTray> {
        if self.connection.is_none() {
            let built = Builder::session()
                .and_then(|builder| builder.method_timeout(ANSWER_WAIT_MAX).build())
                .map_err(|error| NoTray::NoBus(error.to_string()))?;
            self.listen(&built);
            self.connection = Some(built);
        }
        self.connection
            .as_ref()
            .ok_or_else(|| NoTray::NoBus("not connected".into()))
    }

    /// Listens on a thread of its own, which ends with the connection, for messages whose offer is taken up.
    fn listen(&self, connection: &Connection) {
        let (offered, events) = (Arc::clone(&self.offered), self.events.clone());
        let listening = answers(connection).map(|answers| {
            std::thread::spawn(move || {
                for answer in answers.flatten() {
                    if let Some(action) = taken_up(&answer, &offered) {
                        send(&events, Event::Chosen(action));
                    }
                }
            })
        });
        if let Err(error) = listening {
            tracing::warn!(%error, "answers to messages cannot be received");
        }
    }
}

fn answers(connection: &Connection) -> zbus::Result<MessageIterator> {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .interface(NOTIFICATIONS)?
        .member("ActionInvoked")?
        .build();
    MessageIterator::for_match_rule(rule, connection, None)
}

/// Finds the action that a message of ours offered; other programs' messages have numbers of their own.
fn taken_up(answer: &zbus::Message, offered: &Offered) -> Option<Action> {
    let (number, _): (u32, String) = answer.body().deserialize().ok()?;
    let mut offered = offered.lock().unwrap_or_else(PoisonError::into_inner);
    let position = offered.iter().position(|(ours, _)| *ours == number)?;
    Some(offered.remove(position).1)
}

fn notify(connection: &Connection, message: &Message) -> zbus::Result<u32> {
    let mut actions = Vec::new();
    if let Some((action, label)) = message.offer {
        // A click on the message itself is called `default`.
        actions.extend(["default", label, action.id(), label]);
    }
    let mut hints: HashMap<&str, Value<'_>> = HashMap::new();
    hints.insert("desktop-entry", Value::from("commonplace"));
    let content = (
        "Commonplace",
        0u32,
        "commonplace",
        &message.title,
        escaped(&message.text),
        actions,
        hints,
        message.stays_ms,
    );
    let path = "/org/freedesktop/Notifications";
    let answer = connection.call_method(
        Some(NOTIFICATIONS),
        path,
        Some(NOTIFICATIONS),
        "Notify",
        &content,
    )?;
    answer.body().deserialize()
}

/// The body of a message may be read as markup, and texts may hold names that clients chose.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
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
