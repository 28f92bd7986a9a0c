//! A write between its acceptance and its answer: deadline and cancellation.

use std::sync::Arc;
use std::time::Duration;

use commonplace_store::statistics::RequestEnd;
use tokio::sync::oneshot;

use crate::context::Context;
use crate::report::holder::holder_words;
use crate::request::{Acknowledged, InTheWay, RequestError};
use crate::write::queue::{Answer, Slot, WriteQueue};
use crate::write::recording::Waits;

/// A write that waits for its answer; taken back when dropped.
pub(crate) struct Pending<'a> {
    context: &'a Context,
    queue: &'a WriteQueue,
    slot: Arc<Slot>,
    answer: oneshot::Receiver<Answer>,
    is_answered: bool,
}

impl<'a> Pending<'a> {
    pub(crate) fn new(
        context: &'a Context,
        queue: &'a WriteQueue,
        slot: Arc<Slot>,
        answer: oneshot::Receiver<Answer>,
    ) -> Self {
        Self {
            context,
            queue,
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
            Err(_) if self.queue.give_up(&self.slot) => {
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
        let request = self.slot.id.clone();
        if let Some(pause) = self.context.paused() {
            tracing::warn!(%request, ?waited, %pause, "a write ran out of time in a pause");
            self.record_timed_out(&format!("writes are paused {pause}"));
            return RequestError::Paused { pause, waited };
        }
        let holder = holder_words(&self.context.locks, self.context.now_ms());
        tracing::warn!(%request, ?waited, holder, "a write ran out of time");
        self.record_timed_out(&holder);
        RequestError::TimedOut {
            request,
            path: self.context.locks.write_lock_path().display().to_string(),
            waited,
            in_the_way: InTheWay {
                holder,
                queue_length: self.queue.len(),
            },
        }
    }

    fn record_timed_out(&self, holder: &str) {
        let event = self.context.timed_out_event(&self.slot, holder);
        self.context.metrics.record(&[event]);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.is_answered && self.queue.give_up(&self.slot) {
            let waited = self.slot.asked.elapsed();
            tracing::debug!(request = %self.slot.id, ?waited, "given up by its client");
            let waits = Waits {
                queue: Some(waited),
                lock: None,
            };
            let event = self
                .context
                .written_event(&self.slot, RequestEnd::Cancelled, waits);
            self.context.metrics.record(&[event]);
        }
    }
}
