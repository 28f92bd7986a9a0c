//! The engine: takes requests, brings them in order, and carries them out.
//!
//! Every write goes through one door, [`Engine::write`]: a bounded queue, and one commit for what is queued. An answer means
//! that the write is in the store and synced. Searches run beside it and never wait for it. Vectors follow from a background
//! indexer.
//!
//! The engine knows nothing of MCP, HTTP or windows. It reads no environment and no settings file; what it needs comes in
//! by [`EngineConfig`].
//!
//! # Where things are
//!
//! `write` (queue, writer thread), `read` (searches, workers, index), `report` (what people are shown), `upkeep` (backups,
//! checks, stuck locks) and `redactions` (secrets that can be put back). Their state and threads stand on `context`, and `engine` puts them together; the files that add
//! methods to [`Engine`] are above it, and it does not know them.

pub mod clean;
mod config;
mod context;
mod engine;
mod health;
mod mutex;
mod origin;
mod processes;
mod read;
mod redactions;
mod report;
mod request;
mod upkeep;
mod write;

pub use commonplace_embed::{LoadError, MODEL_FILES, MODEL_NAME, ModelFile};
#[cfg(feature = "failpoints")]
pub use commonplace_lock::fail_point;
pub use commonplace_lock::{
    AuditParty, Identity, InstanceId, InstanceRecord, Look, PauseRecord, Served, instances_dir,
    is_proved_alive, live_instances, lock_holders, look as look_at_locks, pause_writes,
    paused_writes, resume_writes,
};
pub use commonplace_store::{
    Applied, BACKUPS_DIR, BROWSE_LIMIT_MAX, BackupError, BackupFile, BackupKind, BackupMade,
    BackupStep, BackupTo, Browse, ByHash, Changes, CheckStep, CommitSeq, Compacted, ContentHash,
    Contents, Cursor, DraftError, Earlier, Edit, Epoch, FACET_NAMES_MAX, Facet, Facets, Filter,
    HISTORY_LEN_MAX, Hit, IDS_MAX, IdAct, Ids, IdsError, Kept, LIMIT_MAX, ListQuery, MENTIONS_MAX,
    Memory, MemoryDraft, MemoryId, Mended, MendedMemory, Mention, Missed, Named, NewMemory, OpId,
    Page, PartDone, Passing, Provenance, Query, QueryError, Rebuilt, Record, Refusal, RepairStep,
    Repaired, RestoreError, RestoreStep, Restored, SearchMode, Substitution, TEXT_BYTES_MAX,
    TagMatch, Whose, WriteOp, WriteOutcome, count_memories, kept_backups,
};
pub use config::{EngineConfig, LOCKS_DIR, LimitsError, ModelUse};
pub use context::pause_of;
pub use engine::{Engine, OpenError};
pub use origin::Origin;
pub use processes::{NoProcesses, Processes};
pub use read::model::check_model;
pub use redactions::{Redaction, TakenOut};
pub use report::locks_report::{HOLD_BUDGET_MS, locks_report};
pub use report::metrics::{recorded_incidents, recorded_stats};
pub use request::{
    Acknowledged, InTheWay, ListAnswer, PartsProgress, RequestError, RequestId, SearchAnswer,
    Unfinished, WhyUnfinished, WriteOptions,
};
pub use upkeep::integrity::IntegrityCheckError;
pub use upkeep::offline::{Upkeep, UpkeepError};
pub use upkeep::settle::{SettleError, terminate};
