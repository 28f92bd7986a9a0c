//! From what the writer does to what is recorded of it: holds of the write lock, requests, and what took too long.

use std::sync::Arc;
use std::time::Duration;

use commonplace_api::Transport;
use commonplace_lock::{Progress, Purpose};
use commonplace_store::WriteOp;
use commonplace_store::statistics::{
    Acquired, Event, NotAcquired, RequestEnd, TurnEnd, WhyNot, Written,
};

use crate::context::Context;
use crate::origin::Origin;
use crate::report::holder::holder_words;
use crate::write::queue::Slot;

/// An acquisition that waited longer than this is contended.
const CONTENDED: Duration = Duration::from_millis(1);

/// One hold of the write lock, after it was given back.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    pub(crate) waited: Duration,
    pub(crate) held: Duration,
    pub(crate) purpose: Purpose,
    /// 0 if nothing was committed.
    pub(crate) epoch: u64,
}

/// How long a write waited.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Waits {
    /// None if it never came to its commit.
    pub(crate) queue: Option<Duration>,
    pub(crate) lock: Option<Duration>,
}

impl Context {
    /// Makes the event of a hold. One over the threshold is logged.
    pub(crate) fn hold_event(&self, hold: &Hold, end: TurnEnd, commit: Duration) -> Event {
        let is_slow = hold.held >= self.limits().slow_hold;
        let Purpose {
            client,
            kind,
            requests,
            ..
        } = &hold.purpose;
        if is_slow {
            tracing::warn!(hold = ?hold.held, ?commit, %client, %kind, requests, "the write lock was held for a long time");
        }
        Event::Acquired(Acquired {
            at_ms: self.now_ms(),
            lock_wait: hold.waited,
            hold: hold.held,
            commit,
            end,
            is_contended: hold.waited > CONTENDED,
            is_slow,
            client: client.clone(),
            kind: kind.clone(),
            requests: *requests as u64,
            epoch: hold.epoch,
        })
    }

    /// Makes the event of an acquisition that failed, with the holder at this moment.
    pub(crate) fn failed_event(
        &self,
        purpose: &Purpose,
        why: WhyNot,
        waited: Duration,
        is_retried: bool,
    ) -> Event {
        let holder = match why {
            WhyNot::TimedOut | WhyNot::Fenced => holder_words(&self.locks, self.now_ms()),
            WhyNot::GaveUp | WhyNot::Io => String::new(),
        };
        let (client, kind) = (purpose.client.clone(), purpose.kind.clone());
        if why != WhyNot::GaveUp {
            tracing::warn!(?why, ?waited, %client, %kind, %holder, "could not take the write lock");
        }
        Event::NotAcquired(NotAcquired {
            at_ms: self.now_ms(),
            why,
            waited,
            is_retried,
            client,
            kind,
            holder,
        })
    }

    /// Makes the event of a write that is about to be answered. A wait over the threshold, and every failure, is logged.
    pub(crate) fn written_event(&self, slot: &Slot, end: RequestEnd, waits: Waits) -> Event {
        let is_answered = matches!(end, RequestEnd::Done | RequestEnd::Refused);
        let is_late = waits
            .queue
            .is_some_and(|wait| wait >= self.limits().slow_wait);
        let is_slow = is_late || !(is_answered || end == RequestEnd::Cancelled);
        let holder = if is_slow {
            self.long_wait.seen_since(slot.asked)
        } else {
            String::new()
        };
        if is_slow {
            tracing::warn!(
                request = %slot.id, client = %slot.client().client, kind = slot.op.kind(), ?end,
                queue_wait = ?waits.queue, lock_wait = ?waits.lock, %holder,
                "a write waited for a long time or failed"
            );
        }
        self.event_of(slot, end, waits, is_slow, holder)
    }

    /// Makes the event of a write that ran out of time, with who was in its way.
    pub(crate) fn timed_out_event(&self, slot: &Slot, holder: &str) -> Event {
        let waits = Waits {
            queue: Some(slot.asked.elapsed()),
            lock: None,
        };
        self.event_of(slot, RequestEnd::TimedOut, waits, true, holder.to_owned())
    }

    fn event_of(
        &self,
        slot: &Slot,
        end: RequestEnd,
        waits: Waits,
        is_slow: bool,
        holder: String,
    ) -> Event {
        let client = slot.client();
        Event::Written(Written {
            at_ms: self.now_ms(),
            client: client.client.clone(),
            kind: slot.op.kind().to_owned(),
            end,
            is_internal: client.transport == Transport::Internal,
            is_throttled: slot.is_throttled(),
            queue_wait: waits.queue,
            lock_wait: waits.lock,
            total: slot.asked.elapsed(),
            queue_length: slot.queue_length as u64,
            is_slow,
            holder,
        })
    }

    /// Records a write that was rejected before it came into the queue.
    pub(crate) fn record_rejected(&self, client: &Origin, kind: &str, rejected: Rejected) {
        let at_ms = self.now_ms();
        let is_slow = self.metrics.keeps_refusal(at_ms);
        let holder = if is_slow {
            holder_words(&self.locks, self.now_ms())
        } else {
            String::new()
        };
        self.metrics.record(&[Event::Written(Written {
            at_ms,
            client: client.client.clone(),
            kind: kind.to_owned(),
            end: rejected.end,
            is_internal: client.transport == Transport::Internal,
            is_throttled: rejected.is_throttled,
            queue_wait: None,
            lock_wait: None,
            total: Duration::ZERO,
            queue_length: rejected.queue_length as u64,
            is_slow,
            holder,
        })]);
    }
}

/// Why and when a write was rejected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rejected {
    pub(crate) end: RequestEnd,
    pub(crate) is_throttled: bool,
    pub(crate) queue_length: usize,
}

/// How far a write in parts is before this part.
pub(crate) fn progress_of(op: &WriteOp) -> Option<Progress> {
    match op {
        WriteOp::Part(part) => Some(Progress {
            done: part.done,
            of: Some(part.of),
        }),
        _ => None,
    }
}

/// Says whose batch it was: the first request's, or what the lock was asked for if there was none.
pub(crate) fn purpose_of<'a>(
    begun: impl ExactSizeIterator<Item = &'a Arc<Slot>>,
    asked: &Purpose,
) -> Purpose {
    let requests = begun.len();
    let first = begun.into_iter().next();
    first.map_or_else(
        || Purpose {
            requests,
            ..asked.clone()
        },
        |first| Purpose {
            client: first.client().client.clone(),
            kind: first.op.kind().to_owned(),
            requests,
            progress: progress_of(&first.op),
        },
    )
}
