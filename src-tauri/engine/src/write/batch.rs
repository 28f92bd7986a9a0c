//! The requests of one commit, and what becomes of them if it fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use commonplace_lock::Purpose;
use commonplace_store::statistics::{Event, TurnEnd, WhyNot};
use commonplace_store::{Applied, Refusal, WriteError};

use crate::context::Context;
use crate::request::RequestError;
use crate::write::queue::Slot;
use crate::write::recording::{Hold, purpose_of};

/// Pauses before the second and the third attempt.
pub(crate) const RETRY_PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// The requests of one batch, in order.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) slots: Vec<(Arc<Slot>, Duration)>,
    /// What became of each inside the transaction; shorter than `slots` if the transaction was lost on the way.
    pub(crate) results: Vec<Result<Applied, Refusal>>,
}

impl Batch {
    pub(crate) fn add(&mut self, slot: Arc<Slot>) {
        let queue_wait = slot.asked.elapsed();
        let first = self.slots.first().map_or(&slot, |(first, _)| first);
        tracing::debug!(request = %slot.id, batch = %first.id, ?queue_wait, "begun under the write lock");
        self.slots.push((slot, queue_wait));
    }

    pub(crate) fn last(&self) -> Arc<Slot> {
        Arc::clone(
            &self
                .slots
                .last()
                .expect("a request was added just before")
                .0,
        )
    }

    pub(crate) fn has_purged(&self) -> bool {
        let purged = |result: &Result<Applied, Refusal>| {
            result
                .as_ref()
                .is_ok_and(|applied| applied.outcome.has_purged())
        };
        self.results.iter().any(purged)
    }

    pub(crate) fn purpose(&self, asked: &Purpose) -> Purpose {
        let slots = self.slots.iter().map(|(slot, _)| slot);
        purpose_of(slots, asked)
    }

    pub(crate) fn into_slots(self) -> Vec<Arc<Slot>> {
        self.slots.into_iter().map(|(slot, _)| slot).collect()
    }
}

/// How a batch failed: before its COMMIT, so that nothing is written, or in it.
pub(crate) struct BatchFailure {
    pub(crate) error: WriteError,
    pub(crate) in_commit: bool,
}

impl BatchFailure {
    /// Says whether requests of this batch go back to the queue by themselves.
    fn is_tried_again(&self, slots: &[Arc<Slot>]) -> bool {
        let attempts = |slot: &Arc<Slot>| slot.attempts.load(Ordering::Relaxed) as usize;
        let has_attempts = |slot| attempts(slot) < RETRY_PAUSES.len();
        self.error.is_passing() && !self.in_commit && slots.iter().any(has_attempts)
    }

    /// Makes the event of a hold that ended like this. A lost fence means that the lock was another's.
    pub(crate) fn event(&self, context: &Context, hold: &Hold, slots: &[Arc<Slot>]) -> Event {
        if let WriteError::Fenced {
            was_taken_from_us, ..
        } = self.error
        {
            let waited = hold.waited;
            return context.failed_event(&hold.purpose, WhyNot::Fenced, waited, !was_taken_from_us);
        }
        let end = if self.is_tried_again(slots) {
            TurnEnd::Retried
        } else {
            TurnEnd::Undone
        };
        context.hold_event(hold, end, Duration::ZERO)
    }
}

/// Words an error for the client.
pub(crate) fn client_error(error: &WriteError, in_commit: bool) -> RequestError {
    let is_in_doubt = matches!(error, WriteError::InDoubt { .. });
    let may_be_in_doubt = matches!(error, WriteError::Sqlite { .. } | WriteError::Displaced(_));
    if is_in_doubt || (in_commit && may_be_in_doubt) {
        return RequestError::Unknown {
            reason: error.to_string(),
        };
    }
    RequestError::Store {
        message: error.to_string(),
        is_passing: error.is_passing(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn undone_is_claimed_only_where_it_is_known() {
        let (path, reason) = (PathBuf::from("/x"), String::new());
        let in_doubt = WriteError::InDoubt {
            path: path.clone(),
            reason,
        };
        let error = client_error(&in_doubt, true);
        assert!(matches!(error, RequestError::Unknown { .. }), "{error:?}");
        let error = client_error(&WriteError::DiskFull { path }, true);
        assert!(matches!(error, RequestError::Store { .. }), "{error:?}");
    }
}
