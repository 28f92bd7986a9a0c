//! Memories as the page and programs see them: rows, records, search results, and changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Its name inside this store; never used twice.
    pub id: i64,
    /// Its name for the tools and the command line: 64 hexadecimal digits.
    pub content_hash: String,
    /// The text.
    pub text: String,
    /// Tags, lower case, without repetitions.
    pub tags: Vec<String>,
    /// Kind of memory, as the client gave it.
    #[serde(rename = "type")]
    pub memory_type: Option<String>,
    /// Project it belongs to; empty means none.
    pub project: String,
    /// What else the client kept.
    pub metadata: Map<String, Value>,
    /// When it was stored, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was changed last, in milliseconds since 1970; grows with every change.
    pub updated_ms: i64,
    /// When it was deleted, in milliseconds since 1970; None for a living memory.
    pub deleted_ms: Option<i64>,
    /// Who stored it.
    pub provenance: Provenance,
    /// True if the row does not match its checksum: something of it is not what was stored. Left out if it matches.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_damaged: bool,
}

/// Who stored a memory, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// Program that asked for it, such as `claude-code`.
    pub client: String,
    /// Version of that program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<String>,
    /// Session of that program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Machine it ran on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
}

/// A memory in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryRow {
    /// The memory; its text may be cut to about 300 characters.
    #[serde(flatten)]
    pub memory: Memory,
    /// Whether the text is only a part.
    pub is_cut: bool,
}

/// A part of the list of memories.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryList {
    /// The memories, the newest first; deleted ones the one deleted last first.
    pub memories: Vec<MemoryRow>,
    /// Where the next part begins; None if this was the last.
    pub next: Option<String>,
    /// How many pass the filter in all; counted for the first part only.
    pub total: Option<u64>,
}

/// How a search compares its text with memories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SearchMode {
    /// Words and meaning, fused.
    #[default]
    Hybrid,
    /// Meaning only.
    Semantic,
    /// Words only.
    Keyword,
    /// The text contains the query, letter by letter; case does not count.
    Exact,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchResults {
    /// How it compared.
    pub mode: SearchMode,
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// Why meaning was not used although the mode asks for it; None if it was used or not asked for.
    pub words_only: Option<String>,
    /// Memories whose meaning is not searchable yet.
    pub index_backlog: u64,
}

/// A found memory, and how its score came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// The memory.
    pub memory: MemoryRow,
    /// How well it fits, from 0 to 1; comparable within one search only.
    pub score: f32,
    /// Its rank among the hits by words, from 1; None if its words did not match.
    pub keyword_rank: Option<u32>,
    /// Its rank among the hits by meaning, from 1.
    pub semantic_rank: Option<u32>,
    /// Cosine between query and its best chunk, from -1 to 1; None if meaning was not compared.
    pub cosine: Option<f32>,
}

/// What living memories, or deleted ones, can be filtered by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Facets {
    /// Projects; the empty name stands for memories without one.
    pub projects: Facet,
    /// Tags.
    pub tags: Facet,
    /// Types; the empty name stands for memories without one.
    pub types: Facet,
    /// Clients that stored them.
    pub clients: Facet,
}

/// The most frequent names of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Facet {
    /// The names, the most frequent first.
    pub top: Vec<FacetName>,
    /// How many other names there are.
    pub more: usize,
}

/// A name and how many of the memories have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FacetName {
    /// The name.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// All that is known of one memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryRecord {
    /// The memory as it is.
    pub memory: Memory,
    /// Whether it can be found by its meaning.
    pub is_indexed: bool,
    /// Its earlier states, the latest first; the last 100.
    pub history: Vec<EarlierState>,
}

/// What a memory was before a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EarlierState {
    /// The change that ended it: `update`, `delete` or `undelete`.
    pub change: String,
    /// That write's place in the order of commits.
    pub seq: i64,
    /// When that was, in milliseconds since 1970.
    pub at_ms: i64,
    /// Program that asked for it.
    pub client: String,
    /// The text before.
    pub text: String,
    /// The tags before.
    pub tags: Vec<String>,
    /// The type before.
    #[serde(rename = "type")]
    pub memory_type: Option<String>,
    /// The project before; None if the change was made by a program that did not record it.
    pub project: Option<String>,
    /// The metadata before.
    pub metadata: Map<String, Value>,
    /// True if the row does not match its checksum. Left out if it matches.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_damaged: bool,
}

/// A memory that is to be stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryDraft {
    /// The text, at most 65,536 bytes.
    #[schemars(length(min = 1))]
    pub text: String,
    /// At most 100 different ones; empty ones do not count.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// Kind of memory, free text.
    #[serde(default, rename = "type")]
    pub memory_type: Option<String>,
    /// Project it belongs to; empty means none.
    #[serde(default)]
    pub project: Option<String>,
    /// What else is to be kept; at most 16,384 bytes of JSON.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// What changes of a memory. What is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryPatch {
    /// `updated_ms` of the memory as it was read; if it has changed since, nothing is written.
    pub updated_ms: i64,
    /// The text, at most 65,536 bytes.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub text: Option<String>,
    /// At most 100 different ones; empty ones do not count.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// Kind of memory, free text.
    #[serde(default, rename = "type")]
    pub memory_type: Option<String>,
    /// Project it belongs to; empty means none.
    #[serde(default)]
    pub project: Option<String>,
    /// Merged into what is there; a key with null is removed.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// Where a memory is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryStored {
    /// Its name inside this store.
    pub id: i64,
    /// Its name for the tools and the command line.
    pub content_hash: String,
    /// False if the same text was there already.
    pub is_new: bool,
    /// Which secrets were replaced.
    #[serde(flatten)]
    pub redactions: Redactions,
}

/// A memory after a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryChanged {
    /// The memory as it is now, with its history.
    #[serde(flatten)]
    pub record: MemoryRecord,
    /// Which secrets were replaced.
    #[serde(flatten)]
    pub redactions: Redactions,
}

/// Which secrets were replaced before storing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redactions {
    /// Each kind once.
    pub redacted: Vec<String>,
    /// Each with its place.
    pub replaced: Vec<Replaced>,
}

/// A secret that was replaced before storing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replaced {
    /// What it was, such as `github token`; never a part of it.
    pub kind: String,
    /// Where it stood, such as `text`, `tags` or `metadata.db.url`.
    pub place: String,
}

/// Names several memories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryIds {
    /// Their ids.
    #[schemars(length(min = 1, max = 500))]
    pub ids: Vec<i64>,
}

/// What became of several memories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryResults {
    /// How many were done.
    pub done: usize,
    /// One for each id, in the order they were asked for.
    pub results: Vec<MemoryResult>,
    /// Why the last ones were not tried, if they were not; those before are done.
    pub problem: Option<String>,
}

/// What became of one of several memories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryResult {
    /// Its id.
    pub id: i64,
    /// `done`, or why not.
    pub result: MemoryOutcome,
}

/// Whether one of several memories was changed, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemoryOutcome {
    /// It was.
    Done,
    /// There is none with this id, or it was deleted permanently.
    NotFound,
    /// It is deleted already.
    AlreadyDeleted,
    /// It is not deleted: nothing to restore, and only what was deleted can be deleted permanently.
    NotDeleted,
    /// Its project has another living memory with the same text.
    TextTaken,
    /// An earlier one failed.
    NotTried,
    /// A word of a newer host.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}
