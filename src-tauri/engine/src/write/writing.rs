//! One write from the call to its answer: checked, queued, waited for, recorded.

use std::time::{Duration, Instant};

use commonplace_api::settings::Limits;
use commonplace_store::statistics::RequestEnd;
use commonplace_store::{Stamp, WriteOp, WriteOutcome};

use crate::engine::Engine;
use crate::origin::Origin;
use crate::report::clients::WriteTimes;
use crate::request::{Acknowledged, RequestError, WriteOptions};
use crate::write::pending::Pending;
use crate::write::queue::NotAccepted;
use crate::write::recording::Rejected;

impl Engine {
    pub(crate) fn write_deadline(&self, options: &WriteOptions) -> Duration {
        let given = options.deadline;
        given
            .unwrap_or(self.shared.context.limits().write_deadline)
            .min(Limits::WRITE_DEADLINE_MAX)
    }

    /// Carries out one write in one transaction.
    pub(crate) async fn write_one(
        &self,
        origin: &Origin,
        op: WriteOp,
        options: WriteOptions,
    ) -> Result<Acknowledged, RequestError> {
        let shared = &self.shared;
        let _active = shared.activity.begin();
        shared.clients.asked(origin, shared.context.now_ms());
        let asked = Instant::now();
        let result = self.write_queued(origin, op, options).await;
        let times = result.as_ref().ok().map(|acknowledged| WriteTimes {
            queue_wait: acknowledged.queue_wait,
            total: asked.elapsed(),
        });
        shared.clients.answered(origin, result.is_err(), times);
        result
    }

    async fn write_queued(
        &self,
        origin: &Origin,
        op: WriteOp,
        options: WriteOptions,
    ) -> Result<Acknowledged, RequestError> {
        let (context, queue) = (&self.shared.context, &self.shared.queue);
        let (kind, deadline) = (op.kind(), self.write_deadline(&options));
        if let Some(reason) = context.health.stopped() {
            let rejected = Rejected {
                end: RequestEnd::Failed,
                is_throttled: false,
                queue_length: queue.len(),
            };
            context.record_rejected(origin, kind, rejected);
            return Err(RequestError::Store {
                message: reason,
                is_passing: false,
            });
        }
        let stamp = Stamp {
            now_ms: context.now_ms(),
            op_id: options.op_id,
            provenance: origin.provenance(&context.locks.identity().host_name),
        };
        let (slot, answer) = queue
            .push(origin, op, stamp)
            .map_err(|refused| self.not_accepted(origin, kind, refused))?;
        let acknowledged = Pending::new(context, queue, slot, answer)
            .wait(deadline)
            .await?;
        if makes_backlog(&acknowledged.applied.outcome) && !acknowledged.applied.is_repeat {
            self.shared.indexer.add(1);
        }
        let redactions = &self.shared.redactions;
        redactions.forget_purged(&acknowledged.applied.outcome);
        Ok(acknowledged)
    }

    fn not_accepted(
        &self,
        origin: &Origin,
        kind: &'static str,
        refused: NotAccepted,
    ) -> RequestError {
        match refused {
            NotAccepted::Closed => RequestError::ShuttingDown,
            NotAccepted::Full { length, own, limit } => {
                let rejected = Rejected {
                    end: RequestEnd::QueueFull,
                    is_throttled: own < length,
                    queue_length: length,
                };
                self.shared.context.record_rejected(origin, kind, rejected);
                if rejected.is_throttled {
                    self.shared.clients.throttled(origin);
                }
                RequestError::QueueFull {
                    length,
                    own,
                    limit,
                    retry_after: Duration::from_secs(1),
                }
            }
        }
    }
}

/// Says whether a write leaves a memory without vectors.
fn makes_backlog(outcome: &WriteOutcome) -> bool {
    match outcome {
        WriteOutcome::Stored { .. } => true,
        WriteOutcome::Updated { fields, .. } => fields.iter().any(|field| field == "content"),
        WriteOutcome::AlreadyStored { .. }
        | WriteOutcome::Deleted { .. }
        | WriteOutcome::Undeleted { .. }
        | WriteOutcome::Purged { .. }
        | WriteOutcome::ByIds { .. }
        | WriteOutcome::Indexed { .. } => false,
    }
}
