//! The store: memories on disk, and how they are found again.
//!
//! Promises: an acknowledged write is in the store and synced; a transaction is there wholly or not at all; filters are
//! applied before the best hits are cut; what is derived (words, vector bits) can be rebuilt from what is true (texts
//! and vectors).
//!
//! To write you need a [`commonplace_lock::WriteLock`]: [`Backend::begin_write`] takes one, and the [`Writer`] it
//! returns is the only type with methods that change anything. Searches use a [`Reader`] and need no lock.
//!
//! This layer knows nothing of requests, queues, embedding models or clients.

mod backend;
mod browse;
mod by_hash;
mod changes;
mod error;
mod hit;
mod maintenance;
mod memory;
mod ops;
mod platform;
mod query;
mod sqlite;
pub mod statistics;
mod substitution;

pub use backend::{Backend, Reader, StoreFacts, Totals, Unindexed, Writer};
pub use browse::{
    Browse, Cursor, Earlier, FACET_NAMES_MAX, Facet, Facets, HISTORY_LEN_MAX, Named, Page, Record,
};
pub use by_hash::{ByHash, MENTIONS_MAX, Mention, Passing, Whose, start_of};
pub use changes::Changes;
pub use error::{FenceError, OpenError, ReadError, WriteError};
pub use hit::Hit;
pub use maintenance::{
    BACKUPS_DIR, BACKUPS_KEPT, BackupError, BackupFile, BackupKind, BackupMade, BackupStep,
    BackupTo, CheckStep, Compacted, Contents, Cure, Damage, DamagedMemory, DamagedRows, Kept,
    LostWrites, MaintenanceError, Mended, MendedMemory, Reaching, Rebuilt, RepairStep, Repaired,
    RestoreError, RestoreStep, Restored, UnfitBackup,
};
pub use memory::{
    ContentHash, DraftError, METADATA_BYTES_MAX, Memory, MemoryDraft, MemoryId, NAME_BYTES_MAX,
    NewMemory, Provenance, TAGS_MAX, TEXT_BYTES_MAX, normal_tags, trimmed,
};
pub use ops::{
    Applied, Choice, CommitSeq, Edit, Epoch, IDS_MAX, IdAct, Ids, IdsError, IndexedMemory, Missed,
    OpId, PART_MEMORIES_MAX, Part, PartDone, Refusal, Stamp, WHOLE_MEMORIES_MAX, WriteOp,
    WriteOutcome,
};
pub use query::{
    BROWSE_LIMIT_MAX, CONTAINED_LEN_MAX, Filter, LIMIT_MAX, ListQuery, QUERY_BYTES_MAX, Query,
    QueryError, SearchMode, TagMatch,
};
pub use sqlite::{
    Displaced, Fusion, SqliteStore, accept_lost_writes, compact, count_memories, kept_backups,
    last_backup_ms, lost_writes, rebuild, repair, restore,
};
pub use substitution::Substitution;
