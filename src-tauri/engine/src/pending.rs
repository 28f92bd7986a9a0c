//! A write between its acceptance and its answer: deadline and cancellation.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::engine::Shared;
use crate::metrics::End;
use crate::observer;
use crate::queue::{Answer, Slot};
use crate::request::{Acknowledged, RequestError};

/// A write that waits for its answer; taken back when dropped.
pub(crate) struct Pending<'a> {
    shared: &'a Shared,
    slot: Arc<Slot>,
    answer: oneshot::Receiver<Answer>,
    is_answered: bool,
}

impl<'a> Pending<'a> {
    pub(crate) fn new(
        shared: &'a Shared,
        slot: Arc<Slot>,
        answer: oneshot::Receiver<Answer>,
    ) -> Self {
        Self {
            shared,
            slot,
            answer,
            is_answered: false,
        }
    }

    /// Waits for the answer; after `deadline` the request is taken back, unless its commit has begun.
    pub(crate) async fn wait(&mut self, deadline: Duration) -> Result<Acknowledged, RequestError> {
        let in_time = tokio::time::timeout(deadline, &mut self.answer).await;
        let answer = match in_time {
            Ok(answer) => answer,
            Err(_) if self.shared.queue.give_up(&self.slot) => {
                self.is_answered = true;
                return Err(self.timed_out());
            }
            // Its commit has begun: the answer is on its way.
            Err(_) => (&mut self.answer).await,
        };
        self.is_answered = true;
        answer.unwrap_or_else(|_| {
            Err(RequestError::Unknown {
                reason: "the writer stopped".to_owned(),
            })
        })
    }

    fn timed_out(&self) -> RequestError {
        let waited = self.slot.asked.elapsed();
        self.shared
            .metrics
            .write(self.slot.op.kind(), End::TimedOut, Some(waited), waited);
        let request = self.slot.id.clone();
        if let Some(pause) = self.shared.paused() {
            tracing::warn!(%request, ?waited, %pause, "a write ran out of time in a pause");
            return RequestError::Paused { pause, waited };
        }
        let in_the_way = observer::in_the_way(self.shared);
        tracing::warn!(%request, ?waited, holder = in_the_way.holder, "a write ran out of time");
        RequestError::TimedOut {
            request,
            path: observer::write_lock_path(self.shared),
            waited,
            in_the_way,
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.is_answered && self.shared.queue.give_up(&self.slot) {
            let waited = self.slot.asked.elapsed();
            tracing::debug!(request = %self.slot.id, ?waited, "given up by its client");
            self.shared
                .metrics
                .write(self.slot.op.kind(), End::Cancelled, Some(waited), waited);
        }
    }
}
