//! One entry of one table in a configuration: read, set and taken out, and all else stays as it is.

use serde_json::{Map, Value};

use super::error::EditError;
use super::{json, toml};

/// How a configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Toml,
}

impl Format {
    /// Reads the entry `name` of `table`; None if there is none.
    pub(super) fn get(
        self,
        text: &str,
        table: &str,
        name: &str,
    ) -> Result<Option<Value>, EditError> {
        let mut whole = self.read(text)?;
        let Some(table) = whole.get_mut(table) else {
            return Ok(None);
        };
        Ok(table.get_mut(name).map(Value::take))
    }

    /// Sets the entry; makes the table if there is none.
    ///
    /// Whatever the text was, what comes out says the same but for this entry, or it is refused.
    pub(super) fn set(
        self,
        text: &str,
        table: &str,
        name: &str,
        entry: &Value,
    ) -> Result<String, EditError> {
        let mut wanted = self.read(text)?;
        let entries = table_of(object_of(&mut wanted, table)?, table)?;
        entries.insert(name.to_owned(), entry.clone());
        let changed = match self {
            Self::Json => json::set(text, table, name, entry),
            Self::Toml => toml::set(text, table, name, entry)?,
        };
        self.checked(changed, &wanted)
    }

    /// Changes members of an entry that is there; its other members stay.
    pub(super) fn update(
        self,
        text: &str,
        table: &str,
        name: &str,
        members: &Map<String, Value>,
    ) -> Result<String, EditError> {
        let mut wanted = self.read(text)?;
        let entries = table_of(object_of(&mut wanted, table)?, table)?;
        let entry = table_of(entries, name)?;
        let is_new = |(member, value): &(&String, &Value)| entry.get(*member) != Some(*value);
        let members: Vec<(&String, &Value)> = members.iter().filter(is_new).collect();
        for (member, value) in &members {
            entry.insert((*member).clone(), (*value).clone());
        }
        let changed = match self {
            Self::Json => json::update(text, table, name, &members),
            Self::Toml => toml::update(text, table, name, &members)?,
        };
        self.checked(changed, &wanted)
    }

    /// Takes the entry out, and the table if nothing else is in it.
    pub(super) fn remove(self, text: &str, table: &str, name: &str) -> Result<String, EditError> {
        let mut wanted = self.read(text)?;
        let entries = table_of(object_of(&mut wanted, table)?, table)?;
        if entries.remove(name).is_none() {
            return Ok(text.to_owned());
        }
        if entries.is_empty()
            && let Some(whole) = wanted.as_object_mut()
        {
            whole.remove(table);
        }
        let changed = match self {
            Self::Json => json::remove(text, table, name),
            Self::Toml => toml::remove(text, table, name)?,
        };
        self.checked(changed, &wanted)
    }

    /// Reads the whole; an empty text is an empty table.
    fn read(self, text: &str) -> Result<Value, EditError> {
        let read = match self {
            Self::Json if text.trim().is_empty() => Ok(Value::Object(serde_json::Map::new())),
            Self::Json => serde_json::from_str(text).map_err(|error| error.to_string()),
            Self::Toml => ::toml::from_str(text).map_err(|error| error.message().to_owned()),
        };
        let format = match self {
            Self::Json => "JSON",
            Self::Toml => "TOML",
        };
        read.map_err(|reason| EditError::Unreadable { format, reason })
    }

    fn checked(self, changed: String, wanted: &Value) -> Result<String, EditError> {
        match self.read(&changed) {
            Ok(read) if read == *wanted => Ok(changed),
            _ => Err(EditError::Entangled),
        }
    }
}

/// What a table that should be at `name` holds.
fn object_of<'a>(
    whole: &'a mut Value,
    name: &str,
) -> Result<&'a mut Map<String, Value>, EditError> {
    let no_table = || EditError::NoTable(name.to_owned());
    whole.as_object_mut().ok_or_else(no_table)
}

/// The table with this name, made if there is none.
fn table_of<'a>(
    whole: &'a mut Map<String, Value>,
    name: &str,
) -> Result<&'a mut Map<String, Value>, EditError> {
    let table = whole
        .entry(name)
        .or_insert_with(|| Value::Object(Map::new()));
    object_of(table, name)
}
