//! What was taken out of memories because it looked like a secret, while the host still has it.
//!
//! A host keeps it in its memory and writes it to no file. Only [`RedactedParts`] shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::memories::Replaced;

/// How long a host keeps what was replaced, in milliseconds: eight hours.
pub const KEPT_MS: i64 = 8 * 60 * 60 * 1000;

/// The redactions that can still be taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RedactionList {
    /// One for each write in which something was replaced, the latest first; at most 200.
    pub redactions: Vec<Redaction>,
}

/// A write in which secrets were replaced; never a part of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redaction {
    /// Its name at this host. Another host that serves the same port later has other numbers.
    pub number: i64,
    /// The memory.
    pub memory: i64,
    /// The first words of the memory as it was stored, on one line; empty if they are not known.
    pub start: String,
    /// Program that asked for the write, such as `claude-code`.
    pub client: String,
    /// When it was written, in milliseconds since 1970.
    pub at_ms: i64,
    /// Until when it can be taken back, in milliseconds since 1970, if the host runs as long.
    pub until_ms: i64,
    /// What was replaced, and where.
    pub replaced: Vec<Replaced>,
}

/// A redaction with what it replaced. For the eyes of the person only.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RedactionShown {
    /// The redaction.
    #[serde(flatten)]
    pub redaction: Redaction,
    /// The parts of the memory as they were meant.
    pub parts: RedactedParts,
}

/// Parts of a memory as they were before secrets in them were replaced. Those without secrets are left out.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RedactedParts {
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// All tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// The type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub memory_type: Option<String>,
    /// The project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The keys of the metadata in which something was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// What a status says of the redactions of its host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RedactionStatus {
    /// How many can still be taken back.
    pub count: usize,
    /// Grows whenever one is added or goes.
    pub revision: u64,
}
