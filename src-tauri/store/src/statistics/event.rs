//! What is recorded: one event for each acquisition, failed acquisition, write request, read and cleared record.

use std::time::Duration;

use super::codec::{Reading, put_number, put_text};
use super::times::nanoseconds;

/// One thing that happened in one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The write lock was taken and given back.
    Acquired(Acquired),
    /// The write lock could not be taken, or was lost to a take-over.
    NotAcquired(NotAcquired),
    /// A write request ended.
    Written(Written),
    /// A search or list ended.
    Read(Read),
    /// Records of dead holders were cleared.
    LeftoversCleared {
        /// When, in milliseconds since 1970.
        at_ms: i64,
        /// How many.
        count: u64,
    },
}

/// One turn with the write lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquired {
    /// When it was given back, in milliseconds since 1970.
    pub at_ms: i64,
    /// From asking for the lock to having it.
    pub lock_wait: Duration,
    /// From having it to giving it back.
    pub hold: Duration,
    /// Time of the COMMIT itself; zero if there was none.
    pub commit: Duration,
    /// How the turn ended.
    pub end: TurnEnd,
    /// Whether the lock was not free at once.
    pub is_contended: bool,
    /// Whether the hold is to be kept in the list of slow ones.
    pub is_slow: bool,
    /// Client whose request was first in the batch.
    pub client: String,
    /// Kind of that request.
    pub kind: String,
    /// Requests in the batch.
    pub requests: u64,
    /// Fencing number; 0 if none was given out.
    pub epoch: u64,
}

/// How a turn with the write lock ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnEnd {
    /// With a commit.
    Committed,
    /// Undone, to be tried again.
    Retried,
    /// Undone, and its requests answered with an error or sent back one by one.
    Undone,
    /// With nothing to do: everybody had given up.
    Empty,
}

/// One failed attempt to have the write lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAcquired {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Why.
    pub why: WhyNot,
    /// How long it waited.
    pub waited: Duration,
    /// Whether the requests are tried again.
    pub is_retried: bool,
    /// Client whose request was first in the batch.
    pub client: String,
    /// Kind of that request.
    pub kind: String,
    /// Who held the lock at that moment, in words.
    pub holder: String,
}

/// Why the write lock was not had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyNot {
    /// The time was up.
    TimedOut,
    /// Everybody who waited for it had given up.
    GaveUp,
    /// The lock file could not be used.
    Io,
    /// Another instance took the lock over while this one held it.
    Fenced,
}

/// One write request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// When it ended, in milliseconds since 1970.
    pub at_ms: i64,
    /// Who asked.
    pub client: String,
    /// What for, such as `store`.
    pub kind: String,
    /// How it ended.
    pub end: RequestEnd,
    /// Whether the engine itself asked, such as its indexer: counted by kind only.
    pub is_internal: bool,
    /// Whether it had to yield to others or was turned away because its client had more than its share.
    pub is_throttled: bool,
    /// From asking to the start of its commit, or to its end without one; None if it never was in the queue.
    pub queue_wait: Option<Duration>,
    /// The part of it in which its batch waited for the write lock; None if it never came to that.
    pub lock_wait: Option<Duration>,
    /// From asking to the answer.
    pub total: Duration,
    /// Requests in the queue when it came, itself included.
    pub queue_length: u64,
    /// Whether the wait is to be kept in the list of slow ones.
    pub is_slow: bool,
    /// Who was in the way, in words, for the list; empty if not known.
    pub holder: String,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestEnd {
    /// Carried out.
    Done,
    /// Refused for what it asked.
    Refused,
    /// Failed for another reason.
    Failed,
    /// Ran out of time.
    TimedOut,
    /// Turned away because the queue was full.
    QueueFull,
    /// Given up by its client.
    Cancelled,
}

/// One search or list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// When it ended, in milliseconds since 1970.
    pub at_ms: i64,
    /// Who asked.
    pub client: String,
    /// What for, such as `search`.
    pub kind: String,
    /// Whether it was answered well.
    pub is_done: bool,
    /// From asking to the answer.
    pub total: Duration,
}

const ACQUIRED: u64 = 1;
const NOT_ACQUIRED: u64 = 2;
const WRITTEN: u64 = 3;
const READ: u64 = 4;
const LEFTOVERS_CLEARED: u64 = 5;

const ENDS: [RequestEnd; 6] = [
    RequestEnd::Done,
    RequestEnd::Refused,
    RequestEnd::Failed,
    RequestEnd::TimedOut,
    RequestEnd::QueueFull,
    RequestEnd::Cancelled,
];
const TURN_ENDS: [TurnEnd; 4] = [
    TurnEnd::Committed,
    TurnEnd::Retried,
    TurnEnd::Undone,
    TurnEnd::Empty,
];
const WHYS: [WhyNot; 4] = [WhyNot::TimedOut, WhyNot::GaveUp, WhyNot::Io, WhyNot::Fenced];

impl Event {
    /// Returns when it happened, in milliseconds since 1970 by the clock of its instance.
    pub(super) fn at_ms(&self) -> i64 {
        match self {
            Self::Acquired(event) => event.at_ms,
            Self::NotAcquired(event) => event.at_ms,
            Self::Written(event) => event.at_ms,
            Self::Read(event) => event.at_ms,
            Self::LeftoversCleared { at_ms, .. } => *at_ms,
        }
    }

    /// Appends it as bytes.
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Acquired(event) => event.encode(bytes),
            Self::NotAcquired(event) => event.encode(bytes),
            Self::Written(event) => event.encode(bytes),
            Self::Read(event) => event.encode(bytes),
            Self::LeftoversCleared { at_ms, count } => {
                put_number(bytes, LEFTOVERS_CLEARED);
                put_number(bytes, at_ms.cast_unsigned());
                put_number(bytes, *count);
            }
        }
    }

    /// Reads what [`Event::encode`] wrote; None if it was written by a newer program.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reading = Reading::new(bytes);
        let tag = reading.number()?;
        let at_ms = reading.number()?.cast_signed();
        Some(match tag {
            ACQUIRED => Self::Acquired(Acquired::decode(at_ms, &mut reading)?),
            NOT_ACQUIRED => Self::NotAcquired(NotAcquired::decode(at_ms, &mut reading)?),
            WRITTEN => Self::Written(Written::decode(at_ms, &mut reading)?),
            READ => Self::Read(Read::decode(at_ms, &mut reading)?),
            LEFTOVERS_CLEARED => Self::LeftoversCleared {
                at_ms,
                count: reading.number()?,
            },
            _ => return None,
        })
    }
}

impl Acquired {
    fn encode(&self, bytes: &mut Vec<u8>) {
        put_number(bytes, ACQUIRED);
        put_number(bytes, self.at_ms.cast_unsigned());
        for time in [self.lock_wait, self.hold, self.commit] {
            put_number(bytes, nanoseconds(time));
        }
        put_number(bytes, place_of(&TURN_ENDS, self.end));
        put_number(bytes, u64::from(self.is_contended));
        put_number(bytes, u64::from(self.is_slow));
        put_text(bytes, &self.client);
        put_text(bytes, &self.kind);
        put_number(bytes, self.requests);
        put_number(bytes, self.epoch);
    }

    fn decode(at_ms: i64, reading: &mut Reading<'_>) -> Option<Self> {
        Some(Self {
            at_ms,
            lock_wait: time(reading)?,
            hold: time(reading)?,
            commit: time(reading)?,
            end: at_place(&TURN_ENDS, reading)?,
            is_contended: reading.number()? != 0,
            is_slow: reading.number()? != 0,
            client: reading.text()?.to_owned(),
            kind: reading.text()?.to_owned(),
            requests: reading.number()?,
            epoch: reading.number()?,
        })
    }
}

impl NotAcquired {
    fn encode(&self, bytes: &mut Vec<u8>) {
        put_number(bytes, NOT_ACQUIRED);
        put_number(bytes, self.at_ms.cast_unsigned());
        put_number(bytes, place_of(&WHYS, self.why));
        put_number(bytes, nanoseconds(self.waited));
        put_number(bytes, u64::from(self.is_retried));
        put_text(bytes, &self.client);
        put_text(bytes, &self.kind);
        put_text(bytes, &self.holder);
    }

    fn decode(at_ms: i64, reading: &mut Reading<'_>) -> Option<Self> {
        Some(Self {
            at_ms,
            why: at_place(&WHYS, reading)?,
            waited: time(reading)?,
            is_retried: reading.number()? != 0,
            client: reading.text()?.to_owned(),
            kind: reading.text()?.to_owned(),
            holder: reading.text()?.to_owned(),
        })
    }
}

impl Written {
    fn encode(&self, bytes: &mut Vec<u8>) {
        put_number(bytes, WRITTEN);
        put_number(bytes, self.at_ms.cast_unsigned());
        put_text(bytes, &self.client);
        put_text(bytes, &self.kind);
        put_number(bytes, place_of(&ENDS, self.end));
        put_number(bytes, u64::from(self.is_internal));
        put_number(bytes, u64::from(self.is_throttled));
        put_time_or_none(bytes, self.queue_wait);
        put_time_or_none(bytes, self.lock_wait);
        put_number(bytes, nanoseconds(self.total));
        put_number(bytes, self.queue_length);
        put_number(bytes, u64::from(self.is_slow));
        put_text(bytes, &self.holder);
    }

    fn decode(at_ms: i64, reading: &mut Reading<'_>) -> Option<Self> {
        Some(Self {
            at_ms,
            client: reading.text()?.to_owned(),
            kind: reading.text()?.to_owned(),
            end: at_place(&ENDS, reading)?,
            is_internal: reading.number()? != 0,
            is_throttled: reading.number()? != 0,
            queue_wait: time_or_none(reading)?,
            lock_wait: time_or_none(reading)?,
            total: time(reading)?,
            queue_length: reading.number()?,
            is_slow: reading.number()? != 0,
            holder: reading.text()?.to_owned(),
        })
    }
}

impl Read {
    fn encode(&self, bytes: &mut Vec<u8>) {
        put_number(bytes, READ);
        put_number(bytes, self.at_ms.cast_unsigned());
        put_text(bytes, &self.client);
        put_text(bytes, &self.kind);
        put_number(bytes, u64::from(self.is_done));
        put_number(bytes, nanoseconds(self.total));
    }

    fn decode(at_ms: i64, reading: &mut Reading<'_>) -> Option<Self> {
        Some(Self {
            at_ms,
            client: reading.text()?.to_owned(),
            kind: reading.text()?.to_owned(),
            is_done: reading.number()? != 0,
            total: time(reading)?,
        })
    }
}

fn place_of<T: PartialEq>(all: &[T], value: T) -> u64 {
    let place = all.iter().position(|one| *one == value);
    place.expect("every variant is in its list") as u64
}

fn at_place<T: Copy>(all: &[T], reading: &mut Reading<'_>) -> Option<T> {
    all.get(usize::try_from(reading.number()?).ok()?).copied()
}

fn time(reading: &mut Reading<'_>) -> Option<Duration> {
    reading.number().map(Duration::from_nanos)
}

/// None is 0, a time is one more than its nanoseconds.
fn put_time_or_none(bytes: &mut Vec<u8>, time: Option<Duration>) {
    put_number(
        bytes,
        time.map_or(0, |time| nanoseconds(time).saturating_add(1)),
    );
}

fn time_or_none(reading: &mut Reading<'_>) -> Option<Option<Duration>> {
    let number = reading.number()?;
    Some(number.checked_sub(1).map(Duration::from_nanos))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One event of each kind, with every figure different.
    pub(in super::super) fn one_of_each() -> Vec<Event> {
        let ms = Duration::from_millis;
        vec![
            Event::Acquired(Acquired {
                at_ms: 1_800_000_000_000,
                lock_wait: ms(1),
                hold: ms(2),
                commit: ms(3),
                end: TurnEnd::Retried,
                is_contended: true,
                is_slow: false,
                client: "claude-code".to_owned(),
                kind: "store".to_owned(),
                requests: 4,
                epoch: 5,
            }),
            Event::NotAcquired(NotAcquired {
                at_ms: -1,
                why: WhyNot::Fenced,
                waited: ms(6),
                is_retried: true,
                client: String::new(),
                kind: "delete".to_owned(),
                holder: "pid 812".to_owned(),
            }),
            Event::Written(Written {
                at_ms: i64::MAX,
                client: "a".to_owned(),
                kind: "update".to_owned(),
                end: RequestEnd::Cancelled,
                is_internal: true,
                is_throttled: false,
                queue_wait: Some(Duration::ZERO),
                lock_wait: None,
                total: Duration::MAX.min(Duration::from_nanos(u64::MAX)),
                queue_length: 7,
                is_slow: true,
                holder: "ä".repeat(200),
            }),
            Event::Read(Read {
                at_ms: 0,
                client: "b".to_owned(),
                kind: "search".to_owned(),
                is_done: true,
                total: ms(8),
            }),
            Event::LeftoversCleared { at_ms: 9, count: 2 },
        ]
    }

    #[test]
    fn bytes_bring_every_event_back() {
        for event in one_of_each() {
            let mut bytes = Vec::new();
            event.encode(&mut bytes);
            assert_eq!(Event::decode(&bytes).as_ref(), Some(&event));
            for cut in 0..bytes.len() {
                assert_ne!(Event::decode(&bytes[..cut]).as_ref(), Some(&event));
            }
        }
    }

    #[test]
    fn an_event_of_a_newer_program_is_no_event() {
        let mut bytes = Vec::new();
        put_number(&mut bytes, 99);
        put_number(&mut bytes, 1);
        assert_eq!(Event::decode(&bytes), None);
    }
}
