//! The service that shows messages, played by the test.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use zbus::blocking::Connection;
use zbus::interface;
use zbus::zvariant::OwnedValue;

use super::desktop::Desktop;
use crate::support::HANG;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A message that the person sees.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) number: u32,
    pub(super) title: String,
    pub(super) text: String,
    /// Keys and labels in turn.
    pub(super) actions: Vec<String>,
}

/// Everything that was shown.
pub(super) struct Messages {
    connection: Connection,
    shown: Receiver<Message>,
}

struct Service {
    shown: Sender<Message>,
    count: u32,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Service {
    #[expect(clippy::too_many_arguments, reason = "the interface has them")]
    fn notify(
        &mut self,
        _app: &str,
        _replaces: u32,
        _icon: &str,
        title: &str,
        text: &str,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _stays_ms: i32,
    ) -> u32 {
        self.count += 1;
        let message = Message {
            number: self.count,
            title: title.to_owned(),
            text: text.to_owned(),
            actions,
        };
        self.shown.send(message).unwrap();
        self.count
    }
}

impl Messages {
    pub(super) fn start(desktop: &Desktop) -> Self {
        let (sender, shown) = channel();
        let connection = desktop.connect();
        let service = Service {
            shown: sender,
            count: 0,
        };
        connection.object_server().at(PATH, service).unwrap();
        connection.request_name(NAME).unwrap();
        Self { connection, shown }
    }

    /// Waits for the next message.
    pub(super) fn next(&self) -> Message {
        self.shown.recv_timeout(HANG).expect("a message comes")
    }

    /// Returns those that came and were not waited for.
    pub(super) fn others(&self) -> Vec<Message> {
        self.shown.try_iter().collect()
    }

    /// Takes up what a message offers.
    pub(super) fn take_up(&self, message: &Message) {
        let key = message.actions[0].as_str();
        let body = (message.number, key);
        let nobody = None::<&str>;
        self.connection
            .emit_signal(nobody, PATH, NAME, "ActionInvoked", &body)
            .unwrap();
    }
}
