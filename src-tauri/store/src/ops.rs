//! What can be written, and what a write answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::by_hash::{ByHash, Mention, Whose};
use crate::changes::Changes;
use crate::memory::{ContentHash, DraftError, MemoryId, NewMemory, Provenance};
use crate::query::Filter;

/// One change that a request asks for. Applied wholly or not at all.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteOp {
    /// Keeps a new memory.
    Store(NewMemory),
    /// Changes the memory with this hash.
    Update(ContentHash, Whose, Changes),
    /// Deletes every living memory that passes; they can be restored for at least 30 days. If it names hashes
    /// ([`Filter::with_named`]), each means the memory of one project.
    Delete(Filter),
    /// Brings back deleted memories with these hashes.
    Undelete(ByHash),
    /// Removes deleted memories with these hashes permanently: text, words, vectors and history.
    Purge(ByHash),
    /// Changes one memory that somebody has looked at.
    Edit(Edit),
    /// Deletes, brings back or purges memories by their ids, each for itself: one that cannot be does not stop the others.
    ByIds(IdAct, Ids),
    /// Brings back what one delete has deleted, in however many parts: the place of its first part in the order of commits.
    UndoDelete(CommitSeq),
    /// One part of a write that has too many memories for one transaction.
    Part(Box<Part>),
    /// Keeps the vectors of some memories; asked for by the indexer. Without any it changes nothing, and so proves that a write can
    /// be committed.
    PutVectors(Vec<IndexedMemory>),
}

impl WriteOp {
    /// Returns the name of this kind of write, as metrics and the lock's records show it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Store(_) => "store",
            Self::Update(..) | Self::Edit(_) => "update",
            Self::Delete(_) | Self::ByIds(IdAct::Delete, _) => "delete",
            Self::Undelete(_) | Self::ByIds(IdAct::Undelete, _) | Self::UndoDelete(_) => "undelete",
            Self::Purge(_) | Self::ByIds(IdAct::Purge, _) => "purge",
            Self::Part(part) => part.whole.kind(),
            Self::PutVectors(_) => "index",
        }
    }
}

/// One part of a write that is done in several transactions, each under its own acquisition of the lock.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What was asked for.
    pub whole: WriteOp,
    /// Memories that are next, at most [`PART_MEMORIES_MAX`]. A delete has them in ascending order: removing words from
    /// the index costs the more, the more memories before it have the same words.
    pub ids: Vec<MemoryId>,
    /// Of a write that names hashes: in which project each of `ids` was meant. See [`Choice::projects`].
    pub projects: BTreeMap<MemoryId, String>,
    /// The last memory that the whole write chose; of a delete, the newest.
    pub up_to: MemoryId,
    /// Place of the first part in the order of commits; None in the first.
    pub act: Option<CommitSeq>,
    /// Memories that parts before this one have been through.
    pub done: u64,
    /// Memories that the whole write chose.
    pub of: u64,
}

/// What a write in parts goes through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The memories, in the order in which they are gone through.
    pub ids: Vec<MemoryId>,
    /// Of a write that names hashes: the project in which each was meant. One that is moved to another project before its
    /// part comes is left alone. Empty for any other write.
    pub projects: BTreeMap<MemoryId, String>,
}

/// Most memories that one part names. It takes as many of them as it can in some tens of milliseconds.
pub const PART_MEMORIES_MAX: usize = 500;

/// Most memories that a write without parts may change: their words are overwritten one by one, which takes a millisecond
/// or more for each.
pub const WHOLE_MEMORIES_MAX: usize = 25;

/// How far a write in parts has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartDone {
    /// Names the whole write: the place of its first part in the order of commits.
    pub act: CommitSeq,
    /// The last memory that it has been through.
    pub reached: MemoryId,
    /// The last one that it chose.
    pub up_to: MemoryId,
    /// Memories that it has been through, this part included.
    pub done: u64,
    /// Memories that it chose.
    pub of: u64,
}

impl PartDone {
    /// Says whether no part follows.
    pub fn is_last(&self) -> bool {
        self.done >= self.of
    }
}

/// A change of one memory by its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The memory.
    pub id: MemoryId,
    /// `updated_ms` of the memory as whoever asks has seen it; another one is refused with [`Refusal::Changed`]. None
    /// changes it whatever it is.
    pub seen_ms: Option<i64>,
    /// What changes.
    pub changes: Changes,
}

/// What is done with memories that are named by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdAct {
    /// Deletes living ones; they can be restored for at least 30 days.
    Delete,
    /// Brings deleted ones back.
    Undelete,
    /// Removes deleted ones permanently: text, words, vectors and history.
    Purge,
}

/// Ids of memories, from one to [`IDS_MAX`], each once. Made by [`Ids::parse`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids(Vec<MemoryId>);

/// Most memories that one write names.
pub const IDS_MAX: usize = 500;

/// Tells why a list of ids cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{given} ids were given, and one request takes from 1 to {max}: ask in parts", max = IDS_MAX)]
pub struct IdsError {
    /// How many were given.
    pub given: usize,
}

impl Ids {
    /// Checks how many there are; an id that is given twice counts once, the order stays.
    pub fn parse(given: Vec<MemoryId>) -> Result<Self, IdsError> {
        if !(1..=IDS_MAX).contains(&given.len()) {
            return Err(IdsError { given: given.len() });
        }
        let mut seen = std::collections::HashSet::with_capacity(given.len());
        Ok(Self(
            given.into_iter().filter(|id| seen.insert(*id)).collect(),
        ))
    }

    /// Returns the ids.
    pub fn as_slice(&self) -> &[MemoryId] {
        &self.0
    }
}

/// Tells why one of several memories was left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// There is none with this id, or it was purged.
    NotFound,
    /// It is deleted already.
    AlreadyDeleted,
    /// It is not deleted: nothing to bring back, and only what was deleted can be purged.
    NotDeleted,
    /// Its project has another living memory with the same text.
    TextTaken,
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
        /// How far it has come, if it was done in parts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<PartDone>,
    },
    /// Deleted memories were restored.
    Undeleted {
        /// How many.
        count: u64,
        /// How far it has come, if it was done in parts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<PartDone>,
    },
    /// Memories were removed permanently.
    Purged {
        /// How many.
        count: u64,
        /// How far it has come, if it was done in parts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<PartDone>,
    },
    /// Memories that were named by their ids: each was done or missed.
    ByIds {
        /// What was asked for.
        act: IdAct,
        /// Those it was done with.
        done: Box<[MemoryId]>,
        /// The others, and why not.
        missed: Box<[(MemoryId, Missed)]>,
        /// How far it has come, if it was done in parts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<PartDone>,
    },
    /// Vectors were kept.
    Indexed {
        /// Memories that have vectors now; less than asked for if some changed or went meanwhile.
        count: u64,
    },
}

impl WriteOutcome {
    /// Says whether text was removed permanently, which the log of the database still holds.
    pub fn has_purged(&self) -> bool {
        match self {
            Self::Purged { count, .. } => *count > 0,
            Self::ByIds { act, done, .. } => *act == IdAct::Purge && !done.is_empty(),
            _ => false,
        }
    }

    /// How far a write in parts has come; None if it was done at once.
    pub fn part(&self) -> Option<&PartDone> {
        match self {
            Self::Deleted { part, .. }
            | Self::Undeleted { part, .. }
            | Self::Purged { part, .. }
            | Self::ByIds { part, .. } => part.as_ref(),
            Self::Stored { .. }
            | Self::AlreadyStored { .. }
            | Self::Updated { .. }
            | Self::Indexed { .. } => None,
        }
    }
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

    /// Names one part of the write that `whole` names; the first has its name. No client can choose the others.
    pub fn of_part(whole: &Self, number: u64) -> Self {
        match number {
            0 => whole.clone(),
            number => Self(format!("{} {number}", whole.0)),
        }
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

/// What the commit log keeps about who asked and when.
#[derive(Debug, Clone, Default)]
pub struct Stamp {
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
    /// Makes a repeated request do its work once.
    pub op_id: Option<OpId>,
    /// Who asks.
    pub provenance: Provenance,
}

/// What one write left in the commit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its place in the order of commits.
    pub seq: CommitSeq,
    /// What it did.
    pub outcome: WriteOutcome,
    /// True if the same `op_id` had been acknowledged before and nothing was done now.
    pub is_repeat: bool,
    /// What it hit, the first 10: for the answer only, and empty for a repeat. The commit log keeps no text.
    pub mentions: Vec<Mention>,
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
    /// Several projects have a memory with this hash, and it was not said which is meant.
    #[error(
        "hash {hash} stands for a memory in each of {} projects, and nothing was done: {}: say which project is meant",
        candidates.len(),
        listed(candidates)
    )]
    Ambiguous {
        /// The hash that was asked for.
        hash: ContentHash,
        /// The memories that it may mean, the newest first.
        candidates: Vec<Mention>,
    },
    /// Several memories have a hash that begins like this.
    #[error(
        "{} memories have a hash that begins with {start}, and nothing was done: {}: give more digits",
        candidates.len(),
        listed_by_hash(candidates)
    )]
    SeveralBegin {
        /// The beginning that was given.
        start: ContentHash,
        /// The first memories that it may mean, one for each hash.
        candidates: Vec<Mention>,
    },
    /// No living memory has this id.
    #[error("there is no memory {id}, or it was deleted")]
    NoMemory {
        /// The id that was asked for.
        id: MemoryId,
    },
    /// The memory is not what whoever asks has seen.
    #[error(
        "memory {id} was changed since you read it; nothing was written: read it again, then change it"
    )]
    Changed {
        /// The memory.
        id: MemoryId,
        /// When it was changed, in milliseconds since 1970.
        updated_ms: i64,
    },
    /// The memory does not match its checksum, so a change of one part would keep what is wrong in the others.
    #[error(
        "memory {id} is damaged (it does not match its checksum), so it was not changed: `commonplace repair` brings it back from a backup; it can be deleted as it is"
    )]
    Damaged {
        /// The memory.
        id: MemoryId,
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
    /// What is to be undone is no delete.
    #[error(
        "{} is not the number of a delete ({}), and nothing was done: a delete tells its number as `act`",
        act.0,
        found.as_ref().map_or("no write has it".to_owned(), |kind| format!("it is that of a write of kind {kind}"))
    )]
    NoDelete {
        /// The number that was asked for.
        act: CommitSeq,
        /// The kind of the write that has it; None if there is none.
        found: Option<String>,
    },
    /// More memories are concerned than one transaction takes; whoever asks does it in parts.
    #[error("more than {max} memories are concerned: this is done in parts", max = WHOLE_MEMORIES_MAX)]
    TooMany,
    /// Merging made the metadata too long.
    #[error(transparent)]
    Draft(#[from] DraftError),
}

fn listed(candidates: &[Mention]) -> String {
    let named = candidates
        .iter()
        .map(|candidate| match candidate.project.as_str() {
            "" => format!("in no project `{}`", candidate.start),
            project => format!("in `{project}` `{}`", candidate.start),
        });
    named.collect::<Vec<_>>().join(", ")
}

fn listed_by_hash(candidates: &[Mention]) -> String {
    let named = candidates
        .iter()
        .map(|candidate| format!("{} `{}`", candidate.content_hash, candidate.start));
    named.collect::<Vec<_>>().join(", ")
}
