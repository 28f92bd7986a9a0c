//! The locks of a store: holders, waiters, leftovers, the evidence for each, and what may be done about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::known::{known, shown_as_words};
use crate::process::ProcessState;

/// Everything about the locks of one store at one moment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LocksReport {
    /// When this was read.
    pub now_ms: i64,
    /// The locks: the write lock in force, older ones that are still held, the store lock, its gate, a take-over under way.
    pub locks: Vec<LockRow>,
    /// Who waits for the write lock, in the order in which they are served.
    pub waiters: Vec<WaiterRow>,
    /// Living instances.
    pub instances: Vec<InstanceRow>,
    /// What dead instances left; cleared by itself at the next write or start.
    pub leftovers: Vec<Leftover>,
    /// The latest entries of the audit log, the newest first.
    pub audit: Vec<AuditEntry>,
}

/// One lock.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LockRow {
    /// Which lock.
    pub name: LockName,
    /// The lock file.
    pub path: String,
    /// How often the write lock has moved to a new file.
    pub generation: u64,
    /// Whether it is held.
    pub state: LockState,
    /// Who holds it, or died with it.
    pub holder: Option<LockParty>,
    /// For how long, by the wall clock; 0 if it is free.
    pub age_ms: i64,
    /// What the system says of the holder's process.
    pub process: ProcessState,
    /// Processes that hold it, as the system lists them.
    pub pids: Vec<u32>,
    /// Whether somebody has a transaction open that changes the store; None if that was not asked.
    pub is_in_transaction: Option<bool>,
    /// What may be done about it; None if nothing needs to be, or if a newer host names an act that is not known here.
    #[serde(default, deserialize_with = "known")]
    pub act: Option<SettleAct>,
    /// The evidence and the advice, in a sentence.
    pub words: String,
}

/// Names a lock of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockName {
    /// The write lock: one batch of writes at a time.
    Write,
    /// The store lock: shared by all instances, alone for maintenance.
    Store,
    /// The gate before the store lock, at which newcomers wait.
    Gate,
    /// Held by whoever takes the write lock over.
    TakeOver,
    /// A word of a newer host.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// Whether the write lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockState {
    /// Nobody holds it.
    Free,
    /// The holder's record says who holds it.
    Held,
    /// It is held, but no record tells by whom.
    HeldByUnknown,
    /// A record says held, but its writer is dead and the lock is free; the next writer clears it.
    Leftover,
    /// A word of a newer host.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// A holder of the write lock, or somebody who waits for it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LockParty {
    /// Instance id.
    pub instance: String,
    /// Process id on `host_name`.
    pub pid: u32,
    /// Role of that instance, such as `serve`.
    pub role: String,
    /// Its program version.
    pub version: String,
    /// Its machine.
    pub host_name: String,
    /// Client whose request is first in the batch.
    pub client: String,
    /// Kind of that request.
    pub kind: String,
    /// Requests in the batch.
    pub requests: usize,
    /// How far a task of many parts has come; None if it has no parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Since when it holds or waits.
    pub since_ms: i64,
}

/// How far a task of many parts has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// What is done, counted in what the task is about: memories, pages, steps.
    pub done: u64,
    /// All there is to do; None if that is not known.
    pub of: Option<u64>,
}

/// What a person can do about a lock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettleAct {
    /// Remove the records of dead instances. Always safe.
    #[default]
    ClearLeftovers,
    /// Take the lock over from a holder that is stuck outside a transaction: its late writes are refused.
    TakeOver,
    /// End a holder that is stuck inside a transaction.
    Terminate,
}

/// Asks for a lock to be settled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settle {
    /// What is to be done.
    pub act: SettleAct,
    /// The holder that is meant, as the table of locks shows it; None for whoever holds the lock. If another one holds it by
    /// then, nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<MeantHolder>,
}

/// The holder that a person was shown when they chose to settle a lock. Another one, and the same one in a later turn, is
/// left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MeantHolder {
    /// Its instance.
    pub instance: String,
    /// Since when it has the lock.
    pub since_ms: i64,
}

/// What was found and done when a lock was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settled {
    /// What was found, in words.
    pub found: String,
    /// What was done, in words.
    pub done: String,
}

/// One waiting call.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WaiterRow {
    /// Who waits, and what for.
    #[serde(flatten)]
    pub party: LockParty,
    /// Place in line, from 1.
    pub place: usize,
    /// For how long.
    pub age_ms: i64,
    /// What the system says of its process.
    pub process: ProcessState,
}

/// One living instance.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InstanceRow {
    /// Who it is.
    #[serde(flatten)]
    pub instance: InstanceStatus,
    /// What the system says of its process. One that is stopped answers nobody, whether it holds a lock or not.
    pub process: ProcessState,
    /// What may be done about it; None if nothing needs to be.
    pub remedy: Option<String>,
}

/// One live instance that has the store open.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InstanceStatus {
    /// Instance id.
    pub instance: String,
    /// Process id.
    pub pid: u32,
    /// Role, such as `serve`.
    pub role: String,
    /// Program version.
    pub version: String,
    /// Machine.
    pub host_name: String,
    /// When it opened the store.
    pub since_ms: i64,
    /// Where it listens, if it serves.
    pub url: Option<String>,
}

/// A record of a dead instance.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Leftover {
    /// What it is a record of: `holder of the write lock`, `instance`, `waiter`.
    pub what: String,
    /// Id of the dead instance.
    pub instance: String,
    /// Its process, if its record can be read.
    pub pid: Option<u32>,
    /// Its role, such as `serve`.
    pub role: Option<String>,
    /// Since when the record says so.
    pub since_ms: Option<i64>,
}

/// One entry of the audit log.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// When, by the clock of who acted.
    pub at_ms: i64,
    /// What.
    pub act: AuditAct,
    /// Before or after.
    pub stage: AuditStage,
    /// Who.
    pub by: AuditParty,
    /// What was found, in words: holder, since when, evidence.
    pub found: String,
    /// What was done, or why it was refused, in words.
    pub done: String,
}

/// What was done to a lock or with the store as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditAct {
    /// Records of dead instances were removed.
    ClearLeftovers,
    /// The write lock was taken over from a living holder that was stuck.
    TakeOver,
    /// A holder that was stuck inside a transaction was ended.
    Terminate,
    /// A backup took the place of the database.
    Restore,
    /// The database was rewritten without its gaps.
    Compact,
    /// What is derived was built again.
    Rebuild,
    /// A damaged store was repaired from what is whole and from backups.
    Repair,
    /// A person accepted that acknowledged writes are missing.
    AcceptLoss,
    /// A word of a newer host.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// Whether an entry was written before the act or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditStage {
    /// The act was about to begin. Without a later entry, it was cut short.
    Begun,
    /// It was done.
    Done,
    /// It was refused, or it failed; nothing was changed.
    Refused,
    /// A word of a newer host.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// Who asked for an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditParty {
    /// Name or number of the user, as the system knows it; empty if it does not.
    pub user: String,
    /// The process that acted.
    pub pid: u32,
    /// What it was started as, such as `cli unlock` or `serve`.
    pub role: String,
    /// Name of its machine.
    pub host_name: String,
}

shown_as_words!(AuditAct, AuditStage, LockName, LockState);
