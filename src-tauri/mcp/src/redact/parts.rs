//! Replaces secrets in all parts of a memory, and keeps what it found where.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Kind, redact, settings};

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replaced {
    /// What it was, such as `github token`.
    pub kind: Kind,
    /// Where it stood: `text`, `tags`, `type`, `project`, or a place in the metadata such as `metadata.db.url`.
    pub place: String,
}

impl From<Replaced> for commonplace_api::memories::Replaced {
    fn from(replaced: Replaced) -> Self {
        Self {
            kind: replaced.kind.into_owned(),
            place: replaced.place,
        }
    }
}

/// Replaces secrets in the parts of one memory, if it is switched on.
#[derive(Debug)]
pub struct Redactor {
    is_on: bool,
    replaced: Vec<Replaced>,
}

impl Redactor {
    /// One that has found nothing yet; one that is not on leaves everything as it is.
    #[must_use]
    pub fn new(is_on: bool) -> Self {
        Self {
            is_on,
            replaced: Vec::new(),
        }
    }

    /// Replaces secrets in the part `place`.
    #[must_use]
    pub fn text(&mut self, place: &str, text: String) -> String {
        if !self.is_on {
            return text;
        }
        let redacted = redact(&text);
        self.note(redacted.found, place);
        redacted.text
    }

    /// Replaces secrets in each of the texts of the part `place`.
    #[must_use]
    pub fn texts(&mut self, place: &str, texts: Vec<String>) -> Vec<String> {
        texts
            .into_iter()
            .map(|text| self.text(place, text))
            .collect()
    }

    /// Replaces secrets in keys and values of metadata that are to be kept, however deep.
    #[must_use]
    pub fn metadata(&mut self, metadata: Map<String, Value>) -> Map<String, Value> {
        if self.is_on {
            self.object(metadata, "metadata")
        } else {
            metadata
        }
    }

    /// Does the same for metadata that are merged into others: a key with null is one to remove, and stays as it is.
    #[must_use]
    pub fn metadata_changes(&mut self, changes: Map<String, Value>) -> Map<String, Value> {
        let (removed, kept): (Map<_, _>, Map<_, _>) =
            changes.into_iter().partition(|(_, value)| value.is_null());
        let mut changes = self.metadata(kept);
        changes.extend(removed);
        changes
    }

    /// Returns what was replaced, each kind once for each place.
    #[must_use]
    pub fn finish(self) -> Vec<Replaced> {
        self.replaced
    }

    fn object(&mut self, object: Map<String, Value>, place: &str) -> Map<String, Value> {
        let mut kept = Map::new();
        for (given, value) in object {
            let key = self.text(&format!("a key in {place}"), given.clone());
            let value = self.value(value, &format!("{place}.{key}"), &given);
            kept.insert(unused(&kept, key), value);
        }
        kept
    }

    fn value(&mut self, value: Value, place: &str, name: &str) -> Value {
        match value {
            Value::String(text) => Value::String(self.named(text, place, name)),
            Value::Array(values) => Value::Array(
                values
                    .into_iter()
                    .map(|value| self.value(value, place, name))
                    .collect(),
            ),
            Value::Object(object) => Value::Object(self.object(object, place)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    /// A value under the name of a secret may be one as a whole.
    fn named(&mut self, text: String, place: &str, name: &str) -> String {
        match settings::secret_under(name, &text) {
            Some(kind) => {
                let known = redact(&text).found.into_iter().next();
                let kind = known.unwrap_or(kind.into());
                let kept = format!("[redacted: {kind}]");
                self.note(vec![kind], place);
                kept
            }
            None => self.text(place, text),
        }
    }

    fn note(&mut self, kinds: Vec<Kind>, place: &str) {
        for kind in kinds {
            let replaced = Replaced {
                kind,
                place: place.to_owned(),
            };
            if !self.replaced.contains(&replaced) {
                self.replaced.push(replaced);
            }
        }
    }
}

/// Two keys that are the same without their secrets stay two.
fn unused(taken: &Map<String, Value>, key: String) -> String {
    if !taken.contains_key(&key) {
        return key;
    }
    (2..)
        .map(|n| format!("{key} ({n})"))
        .find(|key| !taken.contains_key(key))
        .expect("there are more numbers than keys")
}

/// Names what was replaced where, for a person: `github token (text), password (metadata.db.url)`.
#[must_use]
pub fn told(replaced: &[Replaced]) -> String {
    let each = replaced
        .iter()
        .map(|one| format!("{} ({})", one.kind, one.place));
    each.collect::<Vec<_>>().join(", ")
}
