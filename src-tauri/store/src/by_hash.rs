//! Memories that are named by a hash. The same text in two projects has one hash, so a hash alone may mean several.

use serde::{Deserialize, Serialize};

use crate::memory::{ContentHash, Memory};

/// Characters of a text that a [`Mention`] shows.
const START_CHARS_MAX: usize = 80;
/// Most memories that an answer mentions.
pub const MENTIONS_MAX: usize = 10;

/// Hashes of memories, and in which project they are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ByHash {
    /// The hashes. Each means the memories of one project. The beginning of a hash ([`ContentHash::is_start`]) stands for
    /// the only one that begins so, living or deleted; two are refused with [`crate::Refusal::SeveralBegin`], and a purge,
    /// which cannot be undone, wants whole ones.
    pub hashes: Vec<ContentHash>,
    /// Which project.
    pub whose: Whose,
}

/// Says which of several projects with the same text is meant. A project with an empty name stands for none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Whose {
    /// The only project that has the text; two are refused with [`crate::Refusal::Ambiguous`].
    #[default]
    TheOnly,
    /// This project if it has the text, living or deleted; else the only other one.
    ///
    /// The deleted one counts, so that deleting twice does not reach into another project.
    FirstOf(String),
    /// This project and no other.
    Of(String),
}

impl From<Vec<ContentHash>> for ByHash {
    fn from(hashes: Vec<ContentHash>) -> Self {
        let whose = Whose::TheOnly;
        Self { hashes, whose }
    }
}

/// What tells one memory from others, for answers about memories that were named by their hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// The hash of its text.
    pub content_hash: ContentHash,
    /// Its project; empty means none.
    pub project: String,
    /// The first words of its text, on one line, cut at 80 characters.
    pub start: String,
    /// When it was stored, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was deleted, if it was.
    pub deleted_ms: Option<i64>,
}

impl Mention {
    /// Describes a memory.
    pub fn of(memory: &Memory) -> Self {
        Self {
            content_hash: memory.content_hash.clone(),
            project: memory.project.clone(),
            start: start_of(&memory.text),
            created_ms: memory.created_ms,
            deleted_ms: memory.deleted_ms,
        }
    }
}

/// Returns the first words of a text, on one line, cut at 80 characters.
pub fn start_of(text: &str) -> String {
    // Some more than is shown: white space is folded afterwards.
    let lead: String = text.chars().take(4 * START_CHARS_MAX).collect();
    let words = lead.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut start: String = words.chars().take(START_CHARS_MAX).collect();
    if start.len() < words.len() || lead.len() < text.len() {
        start.push('…');
    }
    start
}

/// What passes a filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passing {
    /// How many.
    pub count: u64,
    /// The hashes of the first 100, the newest first.
    pub hashes: Vec<ContentHash>,
    /// The first 10 of them.
    pub mentions: Vec<Mention>,
}
