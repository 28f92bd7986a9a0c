//! The state of one host: what /api/status, `commonplace status`, the tray and the first page show.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::known::{known, shown_as_words};
pub use crate::locks::InstanceStatus;
use crate::locks::{LockParty, LockState};
use crate::origin::Transport;
use crate::pause::Pause;
use crate::redactions::RedactionStatus;
use crate::statistics::{Stats, TimeSummary};

/// The state of one host at one moment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// When this was read.
    pub now_ms: i64,
    /// Whether anything is waiting, in one word.
    pub state: OverallState,
    /// The same in one sentence.
    pub diagnosis: String,
    /// This host.
    pub host: HostStatus,
    /// Since when the writes of this store are paused, and by whom; None while they go on.
    pub pause: Option<Pause>,
    /// Why the settings file is not in use as it stands; None if it is. The values from before stay in force.
    pub settings_problem: Option<String>,
    /// Grows with every change of a setting, or of the settings file, that this host has noticed.
    #[serde(default)]
    pub settings_revision: u64,
    /// The write lock, as seen from here.
    pub lock: LockStatus,
    /// The write queue of this host.
    pub queue: QueueStatus,
    /// The workers of this host.
    pub workers: WorkerStatus,
    /// The background indexer.
    pub index: IndexStatus,
    /// What the store holds.
    pub memories: MemoryCounts,
    /// Secrets that this host replaced and that can still be put back.
    #[serde(default)]
    pub redactions: RedactionStatus,
    /// The files of the store.
    pub files: FileStatus,
    /// Counters and wait times over all instances that ever had the store open.
    pub stats: Stats,
    /// Clients seen by this host, the last seen first; at most 64.
    pub clients: Vec<ClientStatus>,
    /// Every live instance that has this store open, this one included.
    pub instances: Vec<InstanceStatus>,
}

/// One word for a whole host, from calm to trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverallState {
    /// Nothing waits.
    Ok,
    /// Writes are under way, none waits long.
    Busy,
    /// Something has waited longer than a second.
    Waiting,
    /// Somebody has paused the writes of this store; they wait until somebody resumes.
    Paused,
    /// The store cannot be written, is damaged or lost writes; the diagnosis says which.
    Error,
    /// A word of a newer host.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// This host.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HostStatus {
    /// Instance id, 32 hexadecimal digits.
    pub instance: String,
    /// Process id.
    pub pid: u32,
    /// Program version.
    pub version: String,
    /// `app`, `serve`, or the command.
    pub role: String,
    /// Machine name.
    pub host_name: String,
    /// When it opened the store.
    pub started_ms: i64,
    /// The store directory.
    pub data_dir: String,
}

/// The write lock.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LockStatus {
    /// Whether anybody holds it.
    pub state: LockState,
    /// Who holds it, if somebody does and left a readable record.
    pub holder: Option<LockParty>,
    /// Who waits for it, the longest first, over all instances.
    pub waiters: Vec<LockParty>,
    /// Fencing number of the last commit of this host; 0 before its first.
    pub epoch: u64,
}

/// The write queue.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct QueueStatus {
    /// Requests accepted and not yet answered.
    pub length: usize,
    /// The most it takes before it refuses; a quarter more is kept for clients that hold less than their part.
    pub limit: usize,
    /// How long the oldest one has waited; 0 if there is none.
    pub oldest_ms: u64,
    /// Requests in the commit under way.
    pub in_commit: usize,
    /// Requests of one client that are served in the order they came; what it sends beyond them yields to others.
    pub share: usize,
    /// The client that others are let past because it has more than its share waiting; None most of the time.
    pub flood: Option<FloodStatus>,
    /// What is begun next, in this order: its first 8 entries. The commit under way is not in it.
    pub line: Vec<InLineStatus>,
}

/// Requests of one client and kind that wait one after the other in the queue.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InLineStatus {
    /// Name of the client.
    pub client: String,
    /// Project of the client, if it told one.
    pub project: Option<String>,
    /// Kind of the requests.
    pub kind: String,
    /// How many they are.
    pub requests: usize,
    /// Since when the first of them waits: milliseconds since 1970.
    pub since_ms: i64,
}

/// A client that floods the queue.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FloodStatus {
    /// Its name.
    pub client: String,
    /// Its waiting requests.
    pub own: usize,
    /// Everybody's waiting requests.
    pub waiting: usize,
}

/// The workers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WorkerStatus {
    /// How many there are.
    pub count: usize,
    /// How many are at work.
    pub busy: usize,
    /// Searches that wait for one.
    pub waiting: usize,
    /// How long searches waited for one.
    pub wait: TimeSummary,
    /// Whether their number follows the measured wait.
    pub is_auto: bool,
}

/// The background indexer and its model.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct IndexStatus {
    /// Memories whose meaning is not searchable yet.
    pub backlog: u64,
    /// Memories with vectors.
    pub indexed: u64,
    /// State of the model.
    pub model: ModelStatus,
    /// Why the model is not usable, in words with what to do; None if it is, or will be soon.
    pub reason: Option<String>,
    /// Vectors per second over the last minute of work; 0 when idle.
    pub vectors_per_s: f64,
}

/// State of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelStatus {
    /// Being read from disk.
    Loading,
    /// In use.
    Ready,
    /// Its files are not there: search is by words only.
    Missing,
    /// Its files are damaged or cannot be used: search is by words only.
    Failed,
    /// A word of a newer host.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// What the store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryCounts {
    /// Living memories.
    pub total: u64,
    /// Deleted ones that can be restored.
    pub deleted: u64,
}

/// The files of the store.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FileStatus {
    /// Path of the database.
    pub database: String,
    /// Its size.
    pub database_bytes: u64,
    /// Size of its write-ahead log.
    pub wal_bytes: u64,
    /// Room on the disk of the store; None if the system does not tell.
    pub disk: Option<DiskStatus>,
    /// SQLite's version.
    pub sqlite_version: String,
    /// Version of its extension for vectors.
    pub vec_version: String,
    /// Version of the schema.
    pub schema_version: i64,
    /// Result of the last check, or that one is under way.
    #[serde(default, deserialize_with = "known")]
    pub integrity: IntegrityStatus,
    /// When the last check of this host ended; None before the first.
    pub integrity_checked_ms: Option<i64>,
    /// How the files that this host has open are not those of the store any more, and what to do; None if they are.
    pub displaced: Option<String>,
    /// Kind of its file system, if it is not known whether locks hold there; None if they do.
    pub doubtful_file_system: Option<String>,
    /// Acknowledged writes that are missing from the store, in words with what to do; None if there are none, or a person
    /// has accepted it.
    pub lost_writes: Option<String>,
    /// Why the last commit is not noted outside the database, so that missing writes would not be noticed; None if it is.
    pub note_trouble: Option<String>,
    /// When the last backup was made, by any instance and to any place where it still is; None if there is none.
    pub last_backup_ms: Option<i64>,
}

/// Room on the disk of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiskStatus {
    /// What can still be filled.
    pub free_bytes: u64,
    /// Everything, full or free.
    pub total_bytes: u64,
    /// Less than this is worth a warning.
    pub low_below_bytes: u64,
    /// Whether it is that little.
    pub is_low: bool,
}

/// Result of the last integrity check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state", content = "detail")]
pub enum IntegrityStatus {
    /// Still running.
    Checking,
    /// Nothing found.
    Ok,
    /// What was found.
    Damaged(String),
    /// The check could not be made; why.
    NotMade(String),
    /// A word of a newer host.
    #[default]
    #[schemars(skip)]
    Unknown,
}

/// One client of this host.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ClientStatus {
    /// Name it told, `unknown` if none.
    pub client: String,
    /// Version it told.
    pub version: Option<String>,
    /// Session it told.
    pub session: Option<String>,
    /// Its process on this machine, where that can be known.
    pub pid: Option<u32>,
    /// Project it told.
    pub project: Option<String>,
    /// How it is connected.
    pub transport: Transport,
    /// Requests under way.
    pub in_flight: u64,
    /// Its writes that wait in the queue.
    pub waiting: usize,
    /// Its writes that had to let others go first, or were turned away, because it had more than its share.
    pub throttled: u64,
    /// Requests answered.
    pub requests: u64,
    /// Of these, failed.
    pub errors: u64,
    /// When it asked last.
    pub last_seen_ms: i64,
    /// How long its writes waited: from asking to the start of the commit.
    pub queue_wait: TimeSummary,
    /// Time from asking to the answer of its writes.
    pub write_total: TimeSummary,
}

shown_as_words!(ModelStatus, OverallState);
