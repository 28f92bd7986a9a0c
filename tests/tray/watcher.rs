//! A panel of the test's own: takes tray icons and says that it shows them.

use std::sync::mpsc::{Receiver, Sender, channel};

use zbus::blocking::Connection;
use zbus::interface;

use super::desktop::Desktop;
use super::item::Item;
use crate::support::HANG;

const NAME: &str = "org.kde.StatusNotifierWatcher";

/// The panel; gone when dropped.
pub(super) struct Panel {
    connection: Connection,
    registered: Receiver<String>,
}

struct Watcher {
    registered: Sender<String>,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: &str) {
        self.registered.send(service.to_owned()).unwrap();
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

impl Panel {
    pub(super) fn start(desktop: &Desktop) -> Self {
        let (sender, registered) = channel();
        let connection = desktop.connect();
        let watcher = Watcher { registered: sender };
        let path = "/StatusNotifierWatcher";
        connection.object_server().at(path, watcher).unwrap();
        connection.request_name(NAME).unwrap();
        Self {
            connection,
            registered,
        }
    }

    /// Waits for an icon.
    pub(super) fn item(&self) -> Item {
        let service = self.registered.recv_timeout(HANG).expect("an icon comes");
        Item::new(self.connection.clone(), service)
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        drop(self.connection.release_name(NAME));
    }
}
