//! How one request ends that is not carried out.

use crate::ops::Refusal;

/// How one request ended, inside SQLite's error type: refusals roll back to the savepoint, errors end the transaction.
pub(super) enum Stop {
    Refused(Refusal),
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
