//! What can be written, and what a write answers.

use serde::{Deserialize, Serialize};

use crate::memory::{
    ContentHash, DraftError, MemoryId, NewMemory, checked_metadata, checked_name, checked_text,
    normal_tags,
};
use crate::query::Filter;

/// One change that a request asks for. Applied wholly or not at all.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteOp {
    /// Keeps a new memory.
    Store(NewMemory),
    /// Changes the memory with this hash.
    Update(ContentHash, Changes),
    /// Deletes every living memory that passes; they can be brought back for 30 days.
    Delete(Filter),
    /// Brings back deleted memories with these hashes.
    Undelete(Vec<ContentHash>),
    /// Removes deleted memories with these hashes for good: text, words, vectors and history.
    Purge(Vec<ContentHash>),
    /// Keeps the vectors of some memories; asked for by the indexer only.
    PutVectors(Vec<IndexedMemory>),
}

impl WriteOp {
    /// Returns the name of this kind of write, as metrics and the lock's records show it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Store(_) => "store",
            Self::Update(..) => "update",
            Self::Delete(_) => "delete",
            Self::Undelete(_) => "undelete",
            Self::Purge(_) => "purge",
            Self::PutVectors(_) => "index",
        }
    }
}

/// What an update changes; None leaves a part as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    pub(crate) text: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) memory_type: Option<String>,
    pub(crate) metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Changes {
    /// Replaces the text; the memory gets the hash of the new one.
    pub fn with_text(mut self, text: &str) -> Result<Self, DraftError> {
        self.text = Some(checked_text(text)?);
        Ok(self)
    }

    /// Replaces all tags.
    pub fn with_tags(mut self, tags: &[String]) -> Result<Self, DraftError> {
        self.tags = Some(normal_tags(tags)?);
        Ok(self)
    }

    /// Replaces the type.
    pub fn with_type(mut self, memory_type: &str) -> Result<Self, DraftError> {
        self.memory_type = Some(checked_name("the type", memory_type)?);
        Ok(self)
    }

    /// Merges `metadata` into what is there; a key with null is removed.
    pub fn with_metadata(
        mut self,
        metadata: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, DraftError> {
        checked_metadata(&metadata)?;
        self.metadata = Some(metadata);
        Ok(self)
    }

    /// Says whether nothing would change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the names of the parts that change, as the answer lists them.
    pub fn fields(&self) -> Vec<&'static str> {
        let parts = [
            (self.text.is_some(), "content"),
            (self.tags.is_some(), "tags"),
            (self.memory_type.is_some(), "memory_type"),
            (self.metadata.is_some(), "metadata"),
        ];
        parts
            .into_iter()
            .filter_map(|(changes, name)| changes.then_some(name))
            .collect()
    }
}

/// The vectors of one memory, ready to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexedMemory {
    /// The memory.
    pub id: MemoryId,
    /// Hash of the text that was embedded: vectors of a text that has changed meanwhile are not kept.
    pub content_hash: ContentHash,
    /// One unit vector of 384 little-endian f32 for each chunk of the text, in order.
    pub vectors: Vec<Vec<u8>>,
    /// Says whether the last chunk was cut at the model's token limit.
    pub was_cut: bool,
}

/// What an acknowledged write did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "snake_case")]
pub enum WriteOutcome {
    /// A new memory was kept.
    Stored {
        /// Its name inside the store.
        id: MemoryId,
        /// Its name for clients.
        content_hash: ContentHash,
    },
    /// The same text was there already in this project; nothing changed.
    AlreadyStored {
        /// The memory that holds it.
        id: MemoryId,
        /// Its name for clients.
        content_hash: ContentHash,
        /// When that one was stored, in milliseconds since 1970.
        created_ms: i64,
    },
    /// A memory was changed.
    Updated {
        /// Its name inside the store.
        id: MemoryId,
        /// Its hash now; differs from the one asked for if the text changed.
        content_hash: ContentHash,
        /// Names of the parts that changed.
        fields: Vec<String>,
    },
    /// Memories were deleted; none may have passed the filter.
    Deleted {
        /// How many.
        count: u64,
        /// The hashes of the first 100 of them.
        hashes: Vec<ContentHash>,
    },
    /// Deleted memories were brought back.
    Undeleted {
        /// How many.
        count: u64,
    },
    /// Memories were removed for good.
    Purged {
        /// How many.
        count: u64,
    },
    /// Vectors were kept.
    Indexed {
        /// Memories that have vectors now; less than asked for if some changed or went meanwhile.
        count: u64,
    },
}

/// Names a write so that asking for it twice does it once. 1 to 128 visible ASCII characters, chosen by the client.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpId(String);

impl OpId {
    /// Checks an id given by a client; None if it is empty, too long, or has other characters.
    pub fn parse(given: &str) -> Option<Self> {
        let fits = (1..=128).contains(&given.len()) && given.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(given.to_owned()))
    }

    /// Returns the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Position of a write in the order of all commits of a store; grows by one for each write, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitSeq(pub i64);

/// The fencing number: grows by one whenever the write lock changes hands.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// What one write left in the commit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its place in the order of commits.
    pub seq: CommitSeq,
    /// What it did.
    pub outcome: WriteOutcome,
    /// True if the same `op_id` had been acknowledged before and nothing was done now.
    pub is_repeat: bool,
}

/// Tells why one request was refused while its neighbours went on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No living memory has this hash.
    #[error("no memory found with hash {hash}")]
    NotFound {
        /// The hash that was asked for.
        hash: ContentHash,
    },
    /// The changed text is already the text of another memory of the same project.
    #[error("another memory of this project already has that text: hash {hash}")]
    TextTaken {
        /// That memory's hash.
        hash: ContentHash,
    },
    /// The `op_id` was used for a different write.
    #[error(
        "op_id `{op_id}` was already used for another write (a {kind}): choose a new one for each write"
    )]
    OpIdTaken {
        /// The id.
        op_id: String,
        /// What it was used for.
        kind: String,
    },
    /// Merging made the metadata too long.
    #[error(transparent)]
    Draft(#[from] DraftError),
}
