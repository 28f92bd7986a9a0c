//! What a request gets: answers and errors.

use std::fmt;
use std::time::Duration;

use commonplace_api::{Pause, Refusal};
use commonplace_lock::InstanceId;
use commonplace_store::{self as store, Applied, CommitSeq, Epoch, Hit, Memory, OpId};
use serde::Serialize;

/// Names one accepted write in logs and answers, over all instances of the store, such as `3f2a9c1b-17`.
///
/// The first eight digits of the instance and the number of the request there. Not a key: nothing looks requests up by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct RequestId(String);

impl RequestId {
    pub(crate) fn new(instance: &InstanceId, number: u64) -> Self {
        let digits = instance.as_str();
        let first = digits.get(..8).unwrap_or(digits);
        Self(format!("{first}-{number}"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a write is to be carried out.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Makes a repeated request do its work once.
    pub op_id: Option<OpId>,
    /// How long to wait at most; None means the setting (30 s). Longer than 50 s is cut to 50 s.
    pub deadline: Option<Duration>,
}

/// A write that is in the store permanently: its transaction has been committed and synced.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// What it did, and its place in the order of commits.
    pub applied: Applied,
    /// The fencing number it was written under.
    pub epoch: Epoch,
    /// Time in the queue, until its commit began.
    pub queue_wait: Duration,
    /// Time its batch waited for the write lock.
    pub lock_wait: Duration,
    /// Memories whose meaning is not searchable yet.
    pub index_backlog: u64,
    /// What is left and why, if it is a write in parts that has not come to its end. What it did is in the store permanently.
    pub unfinished: Option<Box<Unfinished>>,
}

/// How far a write in parts has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartsProgress {
    /// Memories that it has been through.
    pub done: u64,
    /// Memories that it chose.
    pub of: u64,
}

/// Tells how far a write in parts came before it ended.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// What it had been through.
    pub progress: PartsProgress,
    /// Why it ended there.
    pub why: WhyUnfinished,
}

/// Why a write in parts ended before its end.
#[derive(Debug, Clone)]
pub enum WhyUnfinished {
    /// The time that one call may take was up.
    TimeIsUp,
    /// Whoever asked has ended it.
    Ended,
    /// A part was not written, or it is not known whether it was.
    Failed(RequestError),
}

impl fmt::Display for WhyUnfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeIsUp => f.write_str("the time that one call may take was up"),
            Self::Ended => f.write_str("it was ended"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PartsProgress { done, of } = self.progress;
        let left = of.saturating_sub(done);
        let why = &self.why;
        write!(
            f,
            "done with {done} of {of}; the other {left} were not touched: {why}"
        )?;
        match why {
            // The same would be refused again.
            WhyUnfinished::Failed(RequestError::Refused(_)) => Ok(()),
            _ => f.write_str(". Repeat the request to go on"),
        }
    }
}

impl Acknowledged {
    /// Returns the name of the whole write, which a delete is undone by: its place in the order of commits, or that of its
    /// first part.
    pub fn act(&self) -> CommitSeq {
        self.applied
            .outcome
            .part()
            .map_or(self.applied.seq, |part| part.act)
    }

    /// Returns its place in the order of commits.
    pub fn seq(&self) -> CommitSeq {
        self.applied.seq
    }
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct SearchAnswer {
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// Why meaning was not used although the mode asks for it; None if it was used or not asked for.
    pub words_only: Option<String>,
    /// Memories whose meaning is not searchable yet.
    pub index_backlog: u64,
}

/// One page of memories, newest first.
#[derive(Debug, Clone, Serialize)]
pub struct ListAnswer {
    /// The memories of this page.
    pub memories: Vec<Memory>,
    /// The page, counted from 1.
    pub page: u64,
    /// Memories on a full page.
    pub page_size: u64,
    /// Memories that pass the filter, on all pages.
    pub total: u64,
}

/// Who was in the way of a request that ran out of time.
#[derive(Debug, Clone)]
pub struct InTheWay {
    /// Holder of the write lock in words: pid, program, machine, how long.
    pub holder: String,
    /// Requests that were in the queue.
    pub queue_length: usize,
}

/// Tells why a request was not carried out. Nothing was written, unless the variant says otherwise.
#[derive(Debug, Clone)]
pub enum RequestError {
    /// The write queue is full for this client: it takes `limit` writes, and some more from clients that hold few.
    QueueFull {
        /// Requests in the queue.
        length: usize,
        /// Of these, the client's own.
        own: usize,
        /// The most it takes.
        limit: usize,
        /// When a place is likely to be free.
        retry_after: Duration,
    },
    /// The deadline passed before the commit began.
    TimedOut {
        /// Its name in the log of the host.
        request: RequestId,
        /// The lock.
        path: String,
        /// How long it waited.
        waited: Duration,
        /// Who was in the way.
        in_the_way: InTheWay,
    },
    /// The deadline passed while writes were paused.
    Paused {
        /// Since when, and by whom.
        pause: Pause,
        /// How long it waited.
        waited: Duration,
    },
    /// The commit had begun when the host was stopped or failed; the write may or may not be there.
    Unknown {
        /// What happened.
        reason: String,
    },
    /// This host was stopped or stuck with the write lock, and another instance took it over.
    TakenOver {
        /// What happened, and what to do.
        reason: String,
    },
    /// The request itself cannot be done.
    Refused(store::Refusal),
    /// The host is shutting down and takes no new writes.
    ShuttingDown,
    /// The store cannot be written or read.
    Store {
        /// What was tried, on what, and what to do.
        message: String,
        /// Whether asking again later may help.
        is_passing: bool,
    },
}

impl std::error::Error for RequestError {}

/// The sentence of the refusal that leaves the process.
impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The tools name memories by their hashes, and so does this sentence.
            Self::Refused(refused) => refused.fmt(f),
            _ => Refusal::from(self.clone()).fmt(f),
        }
    }
}

impl From<store::Refusal> for RequestError {
    fn from(refused: store::Refusal) -> Self {
        Self::Refused(refused)
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::QueueFull {
                length,
                own,
                limit,
                retry_after,
            } => Self::QueueFull {
                length,
                own,
                limit,
                retry_after_s: retry_after.as_secs().max(1),
            },
            RequestError::TimedOut {
                request,
                path,
                waited,
                in_the_way,
            } => Self::TimedOut {
                path,
                waited_ms: waited.as_millis() as u64,
                holder: in_the_way.holder,
                queue_length: in_the_way.queue_length,
                request: request.to_string(),
            },
            RequestError::Paused { pause, waited } => Self::Paused {
                pause,
                waited_ms: Some(waited.as_millis() as u64),
            },
            RequestError::Unknown { reason } => Self::UnknownOutcome { reason },
            RequestError::TakenOver { reason } => Self::TakenOver { reason },
            RequestError::Refused(refused) => of_store(refused),
            RequestError::ShuttingDown => Self::ShuttingDown,
            RequestError::Store {
                message,
                is_passing: true,
            } => Self::NotWritten { reason: message },
            RequestError::Store {
                message,
                is_passing: false,
            } => Self::Failed { reason: message },
        }
    }
}

fn of_store(refused: store::Refusal) -> Refusal {
    match refused {
        store::Refusal::NoMemory { id } => Refusal::NoMemory { id: id.0 },
        store::Refusal::Changed { id, updated_ms } => Refusal::Changed {
            id: id.0,
            updated_ms,
        },
        store::Refusal::TextTaken { hash } => Refusal::TextTaken {
            content_hash: hash.to_string(),
        },
        store::Refusal::Damaged { .. } => Refusal::failed(refused),
        store::Refusal::NotFound { .. }
        | store::Refusal::Ambiguous { .. }
        | store::Refusal::SeveralBegin { .. }
        | store::Refusal::OpIdTaken { .. }
        | store::Refusal::NoDelete { .. }
        | store::Refusal::TooMany
        | store::Refusal::Draft(_) => Refusal::bad_request(refused.to_string()),
    }
}

impl RequestError {
    /// Returns a stable word for programs: `queue_full`, `timeout`, `paused`, `unknown`, `taken_over`, `refused`,
    /// `shutting_down` or `store`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::QueueFull { .. } => "queue_full",
            Self::TimedOut { .. } => "timeout",
            Self::Paused { .. } => "paused",
            Self::Unknown { .. } => "unknown",
            Self::TakenOver { .. } => "taken_over",
            Self::Refused(_) => "refused",
            Self::ShuttingDown => "shutting_down",
            Self::Store { .. } => "store",
        }
    }
}

/// Words an error with its causes.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
