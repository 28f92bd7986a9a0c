//! Parts of a memory in whose place something else was written, and how they come back.

use std::fmt;

use serde_json::{Map, Value};

use crate::changes::Changes;
use crate::memory::Memory;

type Metadata = Map<String, Value>;

/// The parts of a write that are not what was asked for: as they were meant, and as they were written instead.
///
/// Parts that are the same in both are not in it; of metadata, single keys. Its `Debug` names the parts and shows nothing
/// of them: what was meant may be secret.
#[derive(Clone, PartialEq)]
pub struct Substitution {
    meant: Changes,
    written: Changes,
}

impl Substitution {
    /// Compares what was meant with what was written; None if nothing differs.
    pub fn between(meant: &Changes, written: &Changes) -> Option<Self> {
        let written_keys = keys_apart(&written.metadata, &meant.metadata);
        let meant_keys = keys_apart(&meant.metadata, &written.metadata);
        let substitution = Self {
            meant: Changes {
                text: apart(&meant.text, &written.text),
                tags: apart(&meant.tags, &written.tags),
                memory_type: apart(&meant.memory_type, &written.memory_type),
                project: apart(&meant.project, &written.project),
                metadata: filled(back(meant_keys, &written_keys)),
            },
            written: Changes {
                text: apart(&written.text, &meant.text),
                tags: apart(&written.tags, &meant.tags),
                memory_type: apart(&written.memory_type, &meant.memory_type),
                project: apart(&written.project, &meant.project),
                metadata: filled(written_keys),
            },
        };
        (!substitution.meant.is_empty()).then_some(substitution)
    }

    /// Leaves out everything but the text; None if nothing is left.
    pub fn of_text(self) -> Option<Self> {
        let only_text = |changes: Changes| Changes {
            text: changes.text,
            ..Changes::default()
        };
        let substitution = Self {
            meant: only_text(self.meant),
            written: only_text(self.written),
        };
        (!substitution.meant.is_empty()).then_some(substitution)
    }

    /// Returns the change that puts what was meant into the place of what was written: a key of metadata with null is one
    /// that stands for another key.
    pub fn meant(&self) -> &Changes {
        &self.meant
    }

    /// Returns the keys of metadata as they were meant, without those that only stand for others.
    pub fn meant_metadata(&self) -> Option<Metadata> {
        let mut metadata = self.meant.metadata.clone()?;
        metadata.retain(|_, value| !value.is_null());
        Some(metadata)
    }

    /// Says whether it has the text of `other`, both as it was meant and as it was written.
    pub fn has_text_of(&self, other: &Self) -> bool {
        self.meant.text == other.meant.text && self.written.text == other.written.text
    }

    /// Says whether every part of `memory` that it concerns is still what was written.
    pub fn is_in(&self, memory: &Memory) -> bool {
        let Changes {
            text,
            tags,
            memory_type,
            project,
            metadata,
        } = &self.written;
        let mut keys = self.meant.metadata.iter().flat_map(Map::keys);
        let key_is_in = |key| {
            let written = metadata.as_ref().and_then(|metadata| metadata.get(key));
            memory.metadata.get(key) == written
        };
        text.as_ref().is_none_or(|text| *text == memory.text)
            && tags.as_ref().is_none_or(|tags| *tags == memory.tags)
            && memory_type.as_ref().is_none_or(|written| {
                *written == *memory.memory_type.as_deref().unwrap_or_default()
            })
            && project
                .as_ref()
                .is_none_or(|project| *project == memory.project)
            && keys.all(key_is_in)
    }

    /// Returns about how much memory it takes.
    pub fn bytes(&self) -> usize {
        bytes_of(&self.meant) + bytes_of(&self.written)
    }
}

impl fmt::Debug for Substitution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Substitution")
            .field(&self.meant.fields())
            .finish()
    }
}

/// Keeps a part that differs from `other`.
fn apart<T: Clone + PartialEq>(part: &Option<T>, other: &Option<T>) -> Option<T> {
    part.clone().filter(|_| part != other)
}

/// Keeps the keys that `other` has not, or with another value.
fn keys_apart(metadata: &Option<Metadata>, other: &Option<Metadata>) -> Metadata {
    let mut metadata = metadata.clone().unwrap_or_default();
    metadata.retain(|key, value| other.as_ref().and_then(|other| other.get(key)) != Some(value));
    metadata
}

/// Makes what is merged to bring back what was meant: null removes a key that stands for another one.
fn back(mut meant: Metadata, written: &Metadata) -> Metadata {
    for key in written.keys() {
        meant.entry(key.clone()).or_insert(Value::Null);
    }
    meant
}

fn filled(metadata: Metadata) -> Option<Metadata> {
    (!metadata.is_empty()).then_some(metadata)
}

fn bytes_of(changes: &Changes) -> usize {
    let of = |part: &Option<String>| part.as_ref().map_or(0, String::len);
    let tags = changes.tags.iter().flatten();
    let metadata = changes.metadata.as_ref().map(serde_json::to_string);
    of(&changes.text)
        + of(&changes.memory_type)
        + of(&changes.project)
        + tags.map(|tag| tag.len() + size_of::<String>()).sum::<usize>()
        // A tree takes more than its text.
        + metadata.map_or(0, |text| text.map_or(0, |text| 4 * text.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::memory::{ContentHash, MemoryDraft, MemoryId, NewMemory, Provenance};

    fn new(text: &str, tags: &[&str], memory_type: Option<&str>, metadata: Value) -> NewMemory {
        let Value::Object(metadata) = metadata else {
            panic!("an object")
        };
        NewMemory::parse(MemoryDraft {
            text: text.to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            memory_type: memory_type.map(str::to_owned),
            project: "notebook".to_owned(),
            metadata,
            provenance: Provenance::default(),
        })
        .unwrap()
    }

    fn stored(memory: &NewMemory) -> Memory {
        Memory {
            id: MemoryId(1),
            content_hash: ContentHash::of(&memory.text),
            text: memory.text.clone(),
            tags: memory.tags.clone(),
            memory_type: memory.memory_type.clone(),
            project: memory.project.clone(),
            metadata: memory.metadata.clone(),
            created_ms: 1,
            updated_ms: 1,
            deleted_ms: None,
            provenance: Provenance::default(),
            is_damaged: false,
        }
    }

    fn between(meant: &NewMemory, written: &NewMemory) -> Option<Substitution> {
        Substitution::between(&meant.into(), &written.into())
    }

    #[test]
    fn only_what_differs_is_kept_and_a_renamed_key_is_one_to_remove() {
        let meant = new("a S", &["x", "S"], None, json!({"k": 1, "S": 2, "v": "S"}));
        let written = new("a _", &["x", "_"], None, json!({"k": 1, "_": 2, "v": "_"}));
        let substitution = between(&meant, &written).unwrap();
        assert_eq!(
            substitution.meant,
            Changes {
                text: Some("a S".to_owned()),
                tags: Some(vec!["x".to_owned(), "s".to_owned()]),
                metadata: json!({"S": 2, "_": null, "v": "S"}).as_object().cloned(),
                ..Changes::default()
            }
        );
        assert_eq!(between(&meant, &meant), None);
        let same_text = new("a S", &["x", "_"], None, json!({}));
        assert_eq!(between(&meant, &same_text).unwrap().of_text(), None);
    }

    #[test]
    fn it_is_still_in_a_memory_until_a_part_that_it_concerns_is_changed() {
        let meant = new("a S", &["S"], Some("S"), json!({"k": 1, "S": 2}));
        let written = new("a _", &["_"], Some("_"), json!({"k": 1, "_": 2}));
        let substitution = between(&meant, &written).unwrap();
        let memory = stored(&written);
        assert!(substitution.is_in(&memory));
        let with = |change: fn(&mut Memory)| {
            let mut memory = memory.clone();
            change(&mut memory);
            substitution.is_in(&memory)
        };
        assert!(with(|memory| memory.project = "other".to_owned()));
        assert!(with(|memory| drop(
            memory.metadata.insert("k".to_owned(), 2.into())
        )));
        assert!(!with(|memory| memory.text = "A _".to_owned()), "by letter");
        assert!(!with(|memory| memory.tags.clear()));
        assert!(!with(|memory| memory.memory_type = None));
        assert!(!with(|memory| drop(memory.metadata.remove("_"))));
        assert!(!with(|memory| drop(
            memory.metadata.insert("S".to_owned(), 3.into())
        )));
    }

    #[test]
    fn its_debug_form_shows_nothing_that_was_meant() {
        let meant = new(
            "secret",
            &["secret"],
            Some("secret"),
            json!({"secret": "secret"}),
        );
        let written = new("_", &["_"], Some("_"), json!({"_": "_"}));
        let shown = format!("{:?}", between(&meant, &written).unwrap());
        assert!(
            shown.contains("content") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
