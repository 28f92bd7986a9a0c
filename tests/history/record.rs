//! What the clients write down: each operation, the time before it was asked, and how it ended.

use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

/// Microseconds since the run began. One process measures all of them, so they can be compared.
pub(crate) type At = u64;

/// Returns the microseconds since `began`.
pub(crate) fn since(began: Instant) -> At {
    began.elapsed().as_micros() as u64
}

/// A memory as a read shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Seen {
    pub(crate) text: String,
    pub(crate) tags: Vec<String>,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) enum Asked {
    /// Keep a text; its first word is its marker.
    Store { text: String, tags: Vec<String> },
    /// Replace the tags of the memory with this hash.
    Retag { hash: String, tags: Vec<String> },
    /// Replace the text of the memory with this hash; the marker stays.
    Rewrite { hash: String, text: String },
    /// Delete the memory with this hash.
    Delete { hash: String },
    /// Bring back the memory with this hash.
    Undelete { hash: String },
    /// Remove the deleted memories with this hash permanently.
    Purge { hash: String },
    /// Show every living memory with this marker.
    Read { marker: String },
}

impl Asked {
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Self::Read { .. })
    }

    /// The kind as the commit log names it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Store { .. } => "store",
            Self::Retag { .. } | Self::Rewrite { .. } => "update",
            Self::Delete { .. } => "delete",
            Self::Undelete { .. } => "undelete",
            Self::Purge { .. } => "purge",
            Self::Read { .. } => "search",
        }
    }
}

/// What an answered operation answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) enum Answered {
    /// A write; the hash of the memory where the answer tells it.
    Written { hash: Option<String> },
    /// A read: what was found, sorted.
    Found(Vec<Seen>),
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) enum End {
    /// Acknowledged, at `at`.
    Ok { at: At, answer: Answered },
    /// Answered with an error that says that nothing was done; `code` is its stable word.
    Failed { at: At, code: String },
    /// No answer, or one that does not tell: it may have been done.
    Unknown { why: String },
}

/// One operation of one client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Operation {
    pub(crate) client: String,
    pub(crate) op_id: String,
    pub(crate) asked: Asked,
    /// Before it was asked for the first time.
    pub(crate) t0: At,
    /// When it was seen to wait in a queue; None if nobody looked.
    pub(crate) queued: Option<At>,
    /// How often it was asked without getting an answer that counts: a host may have carried it out each time, and told so
    /// in its figures, before it died.
    pub(crate) unanswered: u64,
    pub(crate) end: End,
}

impl Operation {
    /// When it was acknowledged.
    pub(crate) fn acknowledged(&self) -> Option<At> {
        match self.end {
            End::Ok { at, .. } => Some(at),
            End::Failed { .. } | End::Unknown { .. } => None,
        }
    }
}

/// The marker of a text: its first word.
pub(crate) fn marker(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// Reads what a search found, sorted.
pub(crate) fn seen(structured: &Value) -> Vec<Seen> {
    let memories = structured["memories"].as_array();
    let mut seen: Vec<Seen> = memories
        .into_iter()
        .flatten()
        .map(|memory| Seen {
            text: memory["content"].as_str().unwrap_or_default().to_owned(),
            tags: words(&memory["tags"]),
        })
        .collect();
    seen.sort();
    seen
}

/// Reads a list of texts, sorted.
pub(crate) fn words(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    let mut words: Vec<String> = all
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect();
    words.sort();
    words
}
