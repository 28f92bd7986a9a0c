//! What a person or a program can see of the engine: the types behind /api/status, `commonplace status` and the page.
//!
//! All times ending in `_ms` are milliseconds; instants are milliseconds since 1970.

use commonplace_lock::Progress;
use serde::Serialize;

use crate::pause::PauseStatus;

/// The state of one host at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// When this was read.
    pub now_ms: i64,
    /// First glance: is anything waiting?
    pub state: OverallState,
    /// The same in one sentence of plain words.
    pub diagnosis: String,
    /// This host.
    pub host: HostStatus,
    /// Since when the writes of this store are paused, and by whom; None while they go on.
    pub pause: Option<PauseStatus>,
    /// Why the settings file is not in use as it stands; None if it is. The values from before stay in force.
    pub settings_problem: Option<String>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
}

/// This host.
#[derive(Debug, Clone, Serialize)]
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
#[derive(Debug, Clone, Serialize)]
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

/// Whether the write lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
}

/// A holder of the write lock, or somebody who waits for it.
#[derive(Debug, Clone, Serialize)]
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
    /// How far a work of many parts has come; None if it has no parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Since when it holds or waits.
    pub since_ms: i64,
}

/// The write queue.
#[derive(Debug, Clone, Serialize)]
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
#[derive(Debug, Clone, Serialize)]
pub struct InLineStatus {
    /// Name of the client.
    pub client: String,
    /// Project of the client, if it told one.
    pub project: Option<String>,
    /// Kind of the requests.
    pub kind: &'static str,
    /// How many they are.
    pub requests: usize,
    /// Since when the first of them waits: milliseconds since 1970.
    pub since_ms: i64,
}

/// A client that floods the queue.
#[derive(Debug, Clone, Serialize)]
pub struct FloodStatus {
    /// Its name.
    pub client: String,
    /// Its waiting requests.
    pub own: usize,
    /// Everybody's waiting requests.
    pub waiting: usize,
}

/// The workers.
#[derive(Debug, Clone, Serialize)]
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
#[derive(Debug, Clone, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
}

/// What the store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MemoryCounts {
    /// Living memories.
    pub total: u64,
    /// Deleted ones that can be brought back.
    pub deleted: u64,
}

/// The files of the store.
#[derive(Debug, Clone, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
}

/// Counters and wait times over all instances that ever had the store open.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stats {
    /// Times the write lock was taken.
    pub acquisitions: u64,
    /// Times it could not be had.
    pub failed_acquisitions: u64,
    /// The same by reason.
    pub failed_by_reason: AcquisitionFailures,
    /// Times it was not free at once.
    pub contended_acquisitions: u64,
    /// When it was taken last.
    pub last_acquisition_ms: Option<i64>,
    /// Whether this host holds it now: 0 or 1.
    pub active_locks: u64,
    /// Write requests acknowledged.
    pub acknowledged: u64,
    /// Write requests refused for what they asked.
    pub refused: u64,
    /// Write requests that failed for another reason, such as a full disk.
    pub failed: u64,
    /// Write requests turned away because the queue was full.
    pub queue_full: u64,
    /// Write requests that had to let others go first, or were turned away, because their client had more than its share.
    pub throttled: u64,
    /// Write requests that ran out of time.
    pub timed_out: u64,
    /// Write requests given up by their client.
    pub cancelled: u64,
    /// Commits.
    pub commits: u64,
    /// Attempts made again after a passing failure.
    pub retries: u64,
    /// Searches and lists answered.
    pub searches: u64,
    /// Leftover records of dead instances that were cleared.
    pub leftovers_cleared: u64,
    /// Time from asking to the start of the commit, per request.
    pub queue_wait: TimeSummary,
    /// Time to get the write lock, per acquisition.
    pub lock_wait: TimeSummary,
    /// Time the write lock was held, per acquisition.
    pub hold: TimeSummary,
    /// Time of the COMMIT itself, per commit.
    pub commit: TimeSummary,
    /// Time from asking to the answer, per write request.
    pub write_total: TimeSummary,
    /// Time from asking to the answer, per search.
    pub search_total: TimeSummary,
    /// The same by kind of request.
    pub by_kind: Vec<KindStats>,
    /// The same by client; at most 64, and `other` for the rest.
    pub by_client: Vec<ClientStats>,
}

/// Why the write lock could not be had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct AcquisitionFailures {
    /// The time was up.
    pub timed_out: u64,
    /// Every request that waited for it had given up or run out of time.
    pub gave_up: u64,
    /// Its file could not be used.
    pub io: u64,
    /// Another instance had taken it over.
    pub fenced: u64,
}

impl AcquisitionFailures {
    /// Returns how many there were for any reason.
    pub fn sum(&self) -> u64 {
        self.timed_out + self.gave_up + self.io + self.fenced
    }
}

/// Figures of one kind of request.
#[derive(Debug, Clone, Serialize)]
pub struct KindStats {
    /// The kind, such as `store` or `search`.
    pub kind: String,
    /// Times the write lock was taken for a batch that began with such a request.
    pub acquisitions: u64,
    /// Requests answered well.
    pub done: u64,
    /// Requests that were not carried out, for whatever reason.
    pub failed: u64,
    /// Time from asking to the start of the commit, per write request.
    pub queue_wait: TimeSummary,
    /// The part of it in which its batch waited for the write lock, per write request.
    pub lock_wait: TimeSummary,
    /// Time the write lock was held, per acquisition.
    pub hold: TimeSummary,
    /// Time from asking to the answer.
    pub total: TimeSummary,
}

/// Figures of one client, by the name it told.
#[derive(Debug, Clone, Serialize)]
pub struct ClientStats {
    /// The name; `other` for those that are not told apart.
    pub client: String,
    /// Times the write lock was taken for a batch that began with a request of it.
    pub acquisitions: u64,
    /// Requests answered well.
    pub done: u64,
    /// Requests that were not carried out, for whatever reason.
    pub failed: u64,
    /// Of these, turned away because the queue was full.
    pub queue_full: u64,
    /// Write requests that had to let others go first, or were turned away, because it had more than its share.
    pub throttled: u64,
    /// Write requests that ran out of time.
    pub timed_out: u64,
    /// Write requests that it gave up.
    pub cancelled: u64,
    /// Time from asking to the start of the commit, per write request.
    pub queue_wait: TimeSummary,
    /// The part of it in which its batch waited for the write lock, per write request.
    pub lock_wait: TimeSummary,
    /// Time the write lock was held, per acquisition.
    pub hold: TimeSummary,
    /// Time from asking to the answer, per write request that was carried out.
    pub write_total: TimeSummary,
    /// Time from asking to the answer, per search or list.
    pub search_total: TimeSummary,
}

/// A distribution of times, in milliseconds with fractions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct TimeSummary {
    /// How many were measured.
    pub count: u64,
    /// Their average.
    pub average_ms: f64,
    /// Half were at most this.
    pub p50_ms: f64,
    /// 95 of 100 were at most this.
    pub p95_ms: f64,
    /// 99 of 100 were at most this.
    pub p99_ms: f64,
    /// The largest.
    pub max_ms: f64,
    /// Their sum.
    pub sum_ms: f64,
}

/// One client of this host.
#[derive(Debug, Clone, Serialize)]
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
    pub transport: crate::origin::Transport,
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

/// One live instance that has the store open.
#[derive(Debug, Clone, Serialize)]
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

/// What happened in one stretch of time over all instances, for the charts. Times are in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Sample {
    /// When it began.
    pub at_ms: i64,
    /// How long it was.
    pub length_ms: i64,
    /// Writes acknowledged.
    pub writes: u32,
    /// Searches answered.
    pub searches: u32,
    /// Requests that failed.
    pub failures: u32,
    /// Times the write lock was taken.
    pub acquisitions: u32,
    /// Commits: turns with the lock that wrote something.
    pub commits: u32,
    /// Longest queue wait.
    pub queue_wait_max_ms: f32,
    /// Average queue wait.
    pub queue_wait_average_ms: f32,
    /// Half of the queue waits were at most this.
    pub queue_wait_p50_ms: f32,
    /// 95 of 100 queue waits were at most this.
    pub queue_wait_p95_ms: f32,
    /// Longest wait for the write lock.
    pub lock_wait_max_ms: f32,
    /// Half of the waits for the write lock were at most this.
    pub lock_wait_p50_ms: f32,
    /// 95 of 100 of them were at most this.
    pub lock_wait_p95_ms: f32,
    /// Longest hold of the write lock.
    pub hold_max_ms: f32,
    /// Half of the holds were at most this.
    pub hold_p50_ms: f32,
    /// 95 of 100 of them were at most this.
    pub hold_p95_ms: f32,
    /// Most requests in the queue of one instance.
    pub queue_length_max: u32,
}

/// How the waits of a part of the past lie, and whose they were.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WaitsReport {
    /// Waits by their length, the shortest first; of the empty ones at both ends only a few. Empty if nothing waited.
    pub bins: Vec<WaitBin>,
    /// Queue waits by client, who waited longest in sum first.
    pub by_client: Vec<WaitShare>,
    /// The same by kind of write.
    pub by_kind: Vec<WaitShare>,
}

/// How many waits were of about the same length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct WaitBin {
    /// They were longer than this, in milliseconds; those that took no time at all are counted here too if it is 0.
    pub from_ms: f64,
    /// They were at most this long; None for all that are longer.
    pub up_to_ms: Option<f64>,
    /// Waits in the queue, one for each write.
    pub queue: u64,
    /// Waits for the write lock, one for each turn.
    pub lock: u64,
}

/// Queue waits of one client, or of one kind of write.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WaitShare {
    /// Its name; `other` for the rest of a crowd.
    pub name: String,
    /// The waits.
    pub queue_wait: TimeSummary,
}

/// A slow hold, a slow wait or a failure, with who was in the way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IncidentStatus {
    /// When it ended.
    pub at_ms: i64,
    /// `slow_hold`, `slow_wait`, `failed_acquisition` or `failed_write`.
    pub what: String,
    /// How it ended, such as `committed`, `done` or `timed_out`.
    pub end: String,
    /// Instance in which it happened.
    pub instance: String,
    /// Client whose request it was; of a batch, the first.
    pub client: String,
    /// Kind of that request.
    pub kind: String,
    /// How long the lock was held, or the request waited.
    pub took_ms: f64,
    /// Who held the write lock at that moment, in words; empty if not known.
    pub holder: String,
}
