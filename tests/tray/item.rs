//! A tray icon as the panel sees it.

use std::collections::HashMap;

use zbus::blocking::Connection;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Structure, Value};

use super::desktop::until;

const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";
const PATH: &str = "/StatusNotifierItem";

/// Width, height and pixels.
pub(super) type Picture = (i32, i32, Vec<u8>);

/// Number, properties, and the layouts below, as the menu's interface has them.
type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

/// A registered icon.
pub(super) struct Item {
    connection: Connection,
    service: String,
}

/// One entry of its menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: i32,
    pub(super) label: String,
    pub(super) is_enabled: bool,
    /// Whether its check mark is set; None if it has none.
    pub(super) is_checked: Option<bool>,
    pub(super) entries: Vec<Entry>,
}

impl Item {
    pub(super) fn new(connection: Connection, service: String) -> Self {
        Self {
            connection,
            service,
        }
    }

    fn property(&self, name: &str) -> OwnedValue {
        let answer = self.connection.call_method(
            Some(self.service.as_str()),
            PATH,
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &(ITEM, name),
        );
        let answer = answer.unwrap_or_else(|error| panic!("{name}: {error}"));
        answer.body().deserialize().unwrap()
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.property(name).try_into().unwrap()
    }

    /// Returns the headline of the tooltip and the text below it.
    pub(super) fn tooltip(&self) -> (String, String) {
        let value = self.property("ToolTip");
        let (_, _, title, text): (String, Vec<Picture>, String, String) =
            Structure::try_from(value).unwrap().try_into().unwrap();
        (title, text)
    }

    pub(super) fn picture(&self) -> Picture {
        let pictures: Vec<Picture> = Vec::try_from(self.property("IconPixmap")).unwrap();
        pictures.into_iter().next().expect("there is a picture")
    }

    /// Clicks on the icon with the left button.
    pub(super) fn click_left(&self) {
        let service = Some(self.service.as_str());
        let clicked = self
            .connection
            .call_method(service, PATH, Some(ITEM), "Activate", &(0, 0));
        clicked.unwrap();
    }

    /// Reads the whole menu.
    pub(super) fn menu(&self) -> Vec<Entry> {
        let nothing: [&str; 0] = [];
        let answer = self.call_menu("GetLayout", &(0, -1, &nothing[..]));
        let (_, root): (u32, Layout) = answer.body().deserialize().unwrap();
        root.2.iter().filter_map(|child| entry(child)).collect()
    }

    /// Waits until the menu has an entry, in itself or below another, whose label begins so.
    pub(super) fn entry(&self, label: &str) -> Entry {
        self.entry_that(label, |_| true)
    }

    /// Waits until it has such an entry of which something holds.
    pub(super) fn entry_that(&self, label: &str, is_it: impl Fn(&Entry) -> bool) -> Entry {
        until(&format!("the menu has `{label}`"), || {
            let found = find(&self.menu(), label);
            found.filter(|entry| is_it(entry))
        })
    }

    /// Waits for an entry that can be chosen, and chooses it; once more if the menu was just rebuilt.
    pub(super) fn choose(&self, label: &str) {
        until(&format!("`{label}` is chosen"), || {
            let entry = self.entry_that(label, |entry| entry.is_enabled);
            let click = (entry.id, "clicked", Value::from(0), 0u32);
            self.try_call_menu("Event", &click).ok()
        });
    }

    /// Waits until the tooltip's text has this in it, and returns the text.
    pub(super) fn tooltip_with(&self, part: &str) -> String {
        until(&format!("the tooltip says `{part}`"), || {
            let (_, text) = self.tooltip();
            text.contains(part).then_some(text)
        })
    }

    fn call_menu<B>(&self, method: &str, body: &B) -> zbus::Message
    where
        B: serde::ser::Serialize + zbus::zvariant::DynamicType,
    {
        let answer = self.try_call_menu(method, body);
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_call_menu<B>(&self, method: &str, body: &B) -> zbus::Result<zbus::Message>
    where
        B: serde::ser::Serialize + zbus::zvariant::DynamicType,
    {
        let path: OwnedObjectPath = self.property("Menu").try_into().unwrap();
        let service = Some(self.service.as_str());
        self.connection
            .call_method(service, path.as_str(), Some(MENU), method, body)
    }
}

/// Finds an entry in a menu or below its entries.
pub(super) fn find(entries: &[Entry], label: &str) -> Option<Entry> {
    let own = entries.iter().find(|entry| entry.label.starts_with(label));
    own.cloned()
        .or_else(|| entries.iter().find_map(|entry| find(&entry.entries, label)))
}

/// Reads one entry; None for a separator.
fn entry(value: &Value<'_>) -> Option<Entry> {
    let layout = value.downcast_ref::<Structure<'_>>().unwrap();
    let [
        Value::I32(id),
        Value::Dict(properties),
        Value::Array(children),
    ] = layout.fields()
    else {
        panic!("not an entry: {layout:?}");
    };
    let property = |name: &str| {
        let mut all = properties.iter();
        let (_, value) = all.find(|(key, _)| **key == Value::from(name))?;
        Some(inner(value))
    };
    let text = |name: &str| {
        let value = property(name)?;
        value.downcast_ref::<&str>().map(str::to_owned).ok()
    };
    if text("type").as_deref() == Some("separator") {
        return None;
    }
    let is_marked = property("toggle-state").and_then(|value| value.downcast_ref::<i32>().ok());
    let is_enabled = property("enabled").and_then(|value| value.downcast_ref::<bool>().ok());
    let below = children.iter().map(inner);
    Some(Entry {
        id: *id,
        label: text("label").unwrap_or_default(),
        is_enabled: is_enabled.unwrap_or(true),
        is_checked: text("toggle-type").and(is_marked).map(|mark| mark == 1),
        entries: below.filter_map(entry).collect(),
    })
}

/// Takes a value out of the variant around it.
fn inner<'a>(value: &'a Value<'a>) -> &'a Value<'a> {
    match value {
        Value::Value(inner) => inner,
        other => other,
    }
}
