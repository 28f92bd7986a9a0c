//! Concurrent access statistics: counters, wait times, the past, and what was slow or failed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::known::shown_as_words;

/// Counters and wait times over all instances that ever had the store open.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// Times the write lock was taken.
    pub acquisitions: u64,
    /// Times it could not be taken.
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

/// Why the write lock could not be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimeSummary {
    /// How many were measured.
    pub count: u64,
    /// Their average.
    pub average_ms: f64,
    /// Median: half were at most this.
    pub p50_ms: f64,
    /// 95th percentile.
    pub p95_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// The largest.
    pub max_ms: f64,
    /// Their sum.
    pub sum_ms: f64,
}

/// What happened in one stretch of time over all instances, for the charts. Times are in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Median queue wait.
    pub queue_wait_p50_ms: f32,
    /// 95th percentile of the queue waits.
    pub queue_wait_p95_ms: f32,
    /// Longest wait for the write lock.
    pub lock_wait_max_ms: f32,
    /// Median wait for the write lock.
    pub lock_wait_p50_ms: f32,
    /// 95th percentile of the same.
    pub lock_wait_p95_ms: f32,
    /// Longest hold of the write lock.
    pub hold_max_ms: f32,
    /// Median hold.
    pub hold_p50_ms: f32,
    /// 95th percentile of the same.
    pub hold_p95_ms: f32,
    /// Most requests in the queue of one instance.
    pub queue_length_max: u32,
}

/// Distribution of the waits of a part of the past, and whose they were.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitsReport {
    /// Waits by their length, the shortest first; of the empty ones at both ends only a few. Empty if nothing waited.
    pub bins: Vec<WaitBin>,
    /// Queue waits by client, who waited longest in sum first.
    pub by_client: Vec<WaitShare>,
    /// The same by kind of write.
    pub by_kind: Vec<WaitShare>,
}

/// How many waits were of about the same length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitShare {
    /// Its name; `other` for the rest of a crowd.
    pub name: String,
    /// The waits.
    pub queue_wait: TimeSummary,
}

/// A slow hold, a slow wait or a failure, with who was in the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// When it ended.
    pub at_ms: i64,
    /// What it was.
    pub what: IncidentKind,
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

/// What was slow or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// The write lock was held for longer than the setting `slow_hold_ms`.
    SlowHold,
    /// A write waited for longer than the setting `slow_wait_ms`.
    SlowWait,
    /// The write lock could not be taken.
    FailedAcquisition,
    /// A write failed.
    FailedWrite,
    /// A word of a newer host.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// Samples of the past, the oldest first, without gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// One for each stretch of time.
    pub samples: Vec<Sample>,
}

/// Slow holds, slow waits and failures of all instances, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incidents {
    /// One for each; the last 1,000 are kept.
    pub incidents: Vec<Incident>,
}

shown_as_words!(IncidentKind);
