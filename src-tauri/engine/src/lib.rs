//! The engine: takes requests, brings them in order, and carries them out.
//!
//! Every write goes through one door, [`Engine::write`]: bounded queue, preparation on workers, one commit for what is
//! queued. An answer means that the write is in the store and synced. Searches run beside it and never wait for it.
//! Vectors follow from a background indexer.
//!
//! The engine knows nothing of MCP, HTTP or windows. It reads no environment and no settings file; what it needs comes in
//! by [`EngineConfig`].

mod activity;
mod backups;
pub mod clean;
mod clients;
mod config;
mod diagnosis;
mod engine;
mod indexer;
mod integrity;
mod locks_report;
mod metrics;
mod model;
mod observer;
mod origin;
mod parts;
mod pause;
mod pending;
mod processes;
mod purged_log;
mod queue;
mod reading;
mod recording;
mod request;
mod scaling;
#[cfg(all(test, feature = "shuttle"))]
mod schedules;
mod settle;
mod sync;
mod turns;
mod upkeep;
mod workers;
mod writer_thread;

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
    HISTORY_LEN_MAX, Hit, IDS_MAX, IdAct, Ids, IdsError, Kept, LIMIT_MAX, ListQuery, Memory,
    MemoryDraft, MemoryId, Mended, MendedMemory, Mention, Missed, Named, NewMemory, OpId, Page,
    PartDone, Passing, Provenance, Query, QueryError, Rebuilt, Record, Refusal, RepairStep,
    Repaired, RestoreError, RestoreStep, Restored, SearchMode, TEXT_BYTES_MAX, TagMatch, Whose,
    WriteOp, WriteOutcome, kept_backups,
};
pub use config::{EngineConfig, LimitsError, ModelUse};
pub use engine::{Engine, LOCKS_DIR, OpenError};
pub use integrity::IntegrityCheckError;
pub use locks_report::{HOLD_BUDGET_MS, locks_report};
pub use metrics::{recorded_incidents, recorded_stats};
pub use model::check_model;
pub use origin::Origin;
pub use parts::PartsProgress;
pub use pause::pause_of;
pub use processes::{NoProcesses, Processes};
pub use request::{
    Acknowledged, InTheWay, ListAnswer, RequestError, RequestId, SearchAnswer, Unfinished,
    WhyUnfinished, WriteOptions,
};
pub use settle::{SettleError, terminate};
pub use upkeep::{Upkeep, UpkeepError};
