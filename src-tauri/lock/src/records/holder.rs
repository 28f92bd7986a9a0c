//! The record of who holds a lock.

use serde::{Deserialize, Serialize};

use crate::identity::{Generation, Identity, Purpose};

/// Describes who has a lock and what for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderRecord {
    /// The instance that has it. Long texts are cut.
    pub identity: Identity,
    /// What it does with it.
    pub purpose: Purpose,
    /// The lock file it is on.
    pub generation: Generation,
    /// The fencing number of this acquisition; None until the holder has noted it.
    pub epoch: Option<u64>,
    /// When it was taken, in unix milliseconds by the holder's clock.
    pub since_ms: i64,
}

/// Whether the writer of the record has the lock or has released it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Held,
    Free,
}

/// What stands in the file of a holder record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotRecord {
    pub(crate) state: State,
    /// Counts the acquisitions of that instance: tells two with equal times apart.
    #[serde(rename = "turn")]
    pub(crate) acquisition: u64,
    /// Who holds the lock, or who held it last.
    pub(crate) holder: HolderRecord,
}

/// What a reader of the file found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Nobody has ever held the lock.
    Empty,
    Record(Box<SlotRecord>),
    /// Torn, damaged, or written by a program that uses another format.
    Unreadable,
}

impl Reading {
    /// Returns the holder if the record says that the lock is held.
    pub(crate) fn holder(&self) -> Option<&HolderRecord> {
        match self {
            Self::Record(record) if record.state == State::Held => Some(&record.holder),
            Self::Record(_) | Self::Empty | Self::Unreadable => None,
        }
    }

    /// Tells whether both readings are of one acquisition that was not released in between.
    pub(crate) fn is_same_acquisition(&self, other: &Self) -> bool {
        let key = |record: &SlotRecord| {
            (
                record.state,
                record.acquisition,
                record.holder.identity.instance.clone(),
            )
        };
        match (self, other) {
            (Self::Record(a), Self::Record(b)) => key(a) == key(b),
            _ => self == other,
        }
    }
}
