//! The write queue: bounded, and the only place where requests wait for their commit.
//!
//! They are begun first in, first out, as long as no client has more than its share of them waiting; then clients take
//! turns. [`FairQueue`] holds that rule and the one of who gets in when the queue is nearly full.
//!
//! A request is a [`Slot`] from the moment it is accepted until it is answered. It is in one of four states, and only two
//! parties change it: the client (gives up, while it waits) and the writer thread (begins it, sends it back, answers it).

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use commonplace_lock::InstanceId;
use commonplace_store::{Stamp, WriteOp};
use tokio::sync::oneshot;

use crate::origin::Origin;
use crate::request::{Acknowledged, RequestError, RequestId};
use crate::write::fair_queue::{FairQueue, Ticket};
use crate::write::sync::{AtomicBool, AtomicU8, AtomicU32, Condvar, Mutex, MutexGuard};

/// How a write ends.
pub(crate) type Answer = Result<Acknowledged, RequestError>;

/// How long a flood is reported after somebody was let past it: others come and go faster than anybody looks.
const FLOOD_SHOWN_FOR: Duration = Duration::from_secs(10);

/// Entries of [`WriteQueue::line`].
const LINE_MAX: usize = 8;

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;
const ANSWERED: u8 = 3;

/// One accepted write request.
pub(crate) struct Slot {
    pub(crate) id: RequestId,
    pub(crate) op: WriteOp,
    pub(crate) stamp: Stamp,
    pub(crate) asked: Instant,
    /// Requests in the queue when it came, itself included.
    pub(crate) queue_length: usize,
    /// Times its transaction was tried and failed in a passing way.
    pub(crate) attempts: AtomicU32,
    ticket: Ticket,
    is_throttled: AtomicBool,
    state: AtomicU8,
    answer: Mutex<Option<oneshot::Sender<Answer>>>,
}

impl Slot {
    /// Who asked.
    pub(crate) fn client(&self) -> &Origin {
        &self.ticket.client
    }

    /// Whether it was over its client's share and had to let others go first.
    pub(crate) fn is_throttled(&self) -> bool {
        self.is_throttled.load(Ordering::Relaxed)
    }

    /// Gives the request up if its commit has not begun. Returns whether it did.
    fn give_up(&self) -> bool {
        self.state
            .compare_exchange(WAITING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn begin(&self) -> bool {
        self.state
            .compare_exchange(WAITING, BEGUN, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// Why a request was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAccepted {
    /// The queue holds `length` requests, `own` of them this client's, and takes no more from it.
    Full {
        length: usize,
        own: usize,
        limit: usize,
    },
    /// The queue is being emptied for the last time.
    Closed,
}

/// The queue. Its threads block on it; tasks never do.
pub(crate) struct WriteQueue {
    /// Gives requests their ids.
    instance: InstanceId,
    inner: Mutex<Inner>,
    /// Signalled when a request arrives and when the queue closes.
    arrived: Condvar,
}

/// A client that has more than its share waiting, and whom others are let past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flood {
    pub(crate) client: Arc<Origin>,
    /// Its waiting requests.
    pub(crate) own: usize,
    /// Everybody's.
    pub(crate) waiting: usize,
}

/// Requests of one client and kind that will be begun one after the other.
#[derive(Debug, Clone)]
pub(crate) struct QueuedGroup {
    pub(crate) client: Arc<Origin>,
    pub(crate) kind: &'static str,
    pub(crate) requests: usize,
    /// When the first of them was asked.
    pub(crate) asked: Instant,
}

struct Inner {
    requests: FairQueue<Arc<Slot>>,
    limit: usize,
    /// When a request was let past an older one last.
    throttled: Option<Instant>,
    is_closed: bool,
}

impl WriteQueue {
    pub(crate) fn new(instance: InstanceId, limit: usize) -> Self {
        let inner = Inner {
            requests: FairQueue::default(),
            limit,
            throttled: None,
            is_closed: false,
        };
        Self {
            instance,
            inner: Mutex::new(inner),
            arrived: Condvar::new(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // No code panics while it holds this mutex; if one ever did, the queue itself is still whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts a request, or refuses it at once.
    pub(crate) fn push(
        &self,
        client: &Origin,
        op: WriteOp,
        stamp: Stamp,
    ) -> Result<(Arc<Slot>, oneshot::Receiver<Answer>), NotAccepted> {
        let mut inner = self.inner();
        if inner.is_closed {
            return Err(NotAccepted::Closed);
        }
        let limit = inner.limit;
        let ticket = inner
            .requests
            .accept(client, limit)
            .map_err(|full| NotAccepted::Full {
                length: full.length,
                own: full.own,
                limit,
            })?;
        let (sender, receiver) = oneshot::channel();
        let slot = Arc::new(Slot {
            id: RequestId::new(&self.instance, ticket.position.number),
            op,
            stamp,
            asked: Instant::now(),
            queue_length: inner.requests.length(),
            attempts: AtomicU32::new(0),
            ticket,
            is_throttled: AtomicBool::new(false),
            state: AtomicU8::new(WAITING),
            answer: Mutex::new(Some(sender)),
        });
        inner.requests.wait(&slot.ticket, Arc::clone(&slot));
        log_accepted(&slot, &inner);
        drop(inner);
        self.arrived.notify_one();
        Ok((slot, receiver))
    }

    /// Blocks until a request waits. Returns false when the queue is closed and empty: no request will ever come.
    pub(crate) fn wait(&self) -> bool {
        let mut inner = self.inner();
        while inner.requests.waiting() == 0 && !inner.is_closed {
            inner = self
                .arrived
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
        inner.requests.waiting() > 0
    }

    /// Begins the request at the front and hands it out; None if none waits.
    pub(crate) fn begin_next(&self) -> Option<Arc<Slot>> {
        let mut inner = self.inner();
        while let Some(next) = inner.requests.next() {
            let slot = next.item;
            // One that was given up in this very moment frees its place itself.
            if !slot.begin() {
                continue;
            }
            if next.is_throttled {
                slot.is_throttled.store(true, Ordering::Relaxed);
                inner.throttled = Some(Instant::now());
            }
            return Some(slot);
        }
        None
    }

    /// Puts requests whose transaction failed back to the front, in their old order, and lets them be given up again.
    pub(crate) fn put_back(&self, slots: Vec<Arc<Slot>>) {
        let mut inner = self.inner();
        for slot in slots {
            slot.state.store(WAITING, Ordering::Release);
            inner.requests.wait(&slot.ticket, Arc::clone(&slot));
        }
    }

    /// Answers a request that was begun.
    pub(crate) fn answer(&self, slot: &Slot, answer: Answer) {
        slot.state.store(ANSWERED, Ordering::Release);
        self.inner().requests.done(&slot.ticket);
        let sender = slot
            .answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(sender) = sender {
            // The client may be gone; its write is in the store all the same.
            drop(sender.send(answer));
        }
    }

    /// Takes a request back that its client no longer wants. Returns false if its commit has begun: then it goes on.
    pub(crate) fn give_up(&self, slot: &Arc<Slot>) -> bool {
        if !slot.give_up() {
            return false;
        }
        let mut inner = self.inner();
        inner.requests.give_up(&slot.ticket);
        inner.requests.done(&slot.ticket);
        true
    }

    /// Requests accepted and not answered.
    pub(crate) fn len(&self) -> usize {
        self.inner().requests.length()
    }

    /// The most it takes from anybody.
    pub(crate) fn limit(&self) -> usize {
        self.inner().limit
    }

    /// Changes how many it takes; what waits already stays.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.inner().limit = limit;
    }

    /// Says whether any request waits.
    pub(crate) fn is_waiting(&self) -> bool {
        self.inner().requests.waiting() > 0
    }

    /// Since when the oldest waiting request waits; None if none does. Looks at all of them.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.inner().requests.oldest().map(|slot| slot.asked)
    }

    /// What is begun next, in this order; its first [`LINE_MAX`] entries.
    pub(crate) fn line(&self) -> Vec<QueuedGroup> {
        let inner = self.inner();
        let mut line: Vec<QueuedGroup> = Vec::new();
        for slot in inner.requests.in_order() {
            let kind = slot.op.kind();
            let client = &slot.ticket.client;
            if let Some(last) = line.last_mut()
                && last.kind == kind
                && last.client == *client
            {
                last.requests += 1;
                continue;
            }
            if line.len() == LINE_MAX {
                break;
            }
            line.push(QueuedGroup {
                client: Arc::clone(client),
                kind,
                requests: 1,
                asked: slot.asked,
            });
        }
        line
    }

    /// The request at the front, and how many requests wait.
    pub(crate) fn front(&self) -> Option<(Arc<Slot>, usize)> {
        let inner = self.inner();
        let front = Arc::clone(inner.requests.front()?);
        Some((front, inner.requests.waiting()))
    }

    /// How many requests of this client wait.
    pub(crate) fn waiting_of(&self, client: &Origin) -> usize {
        self.inner().requests.waiting_of(client)
    }

    /// The client that others are let past at the moment; None while everybody is within its share or alone.
    pub(crate) fn flood(&self) -> Option<Flood> {
        let inner = self.inner();
        let (client, own) = inner.requests.over_share()?;
        let is_recent = |at: Instant| at.elapsed() < FLOOD_SHOWN_FOR;
        let has_others = inner.requests.clients() > 1 || inner.throttled.is_some_and(is_recent);
        has_others.then(|| Flood {
            client,
            own,
            waiting: inner.requests.waiting(),
        })
    }

    /// Refuses new requests from now on; what was accepted is still handed out.
    pub(crate) fn close(&self) {
        self.inner().is_closed = true;
        self.arrived.notify_all();
    }
}

/// Writes the first lines of the trail of a request. Under the mutex, so that its later steps cannot come before them.
fn log_accepted(slot: &Slot, inner: &Inner) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let client = slot.client();
    tracing::debug!(
        request = %slot.id,
        client = %client.client,
        session = client.session.as_deref(),
        transport = ?client.transport,
        kind = slot.op.kind(),
        "accepted"
    );
    tracing::debug!(
        request = %slot.id,
        ahead = inner.requests.ahead_of(slot.ticket.position),
        waiting = inner.requests.waiting(),
        "queued"
    );
}

#[cfg(test)]
mod tests {
    use commonplace_store::Filter;

    use super::*;
    use commonplace_api::Transport;

    fn made(limit: usize) -> WriteQueue {
        WriteQueue::new(InstanceId::random(), limit)
    }

    fn push_as(
        queue: &WriteQueue,
        client: &str,
    ) -> Result<(Arc<Slot>, oneshot::Receiver<Answer>), NotAccepted> {
        let client = Origin::new(client, Transport::Http);
        queue.push(
            &client,
            WriteOp::Delete(Filter::default()),
            Stamp::default(),
        )
    }

    fn push(queue: &WriteQueue) -> Result<(Arc<Slot>, oneshot::Receiver<Answer>), NotAccepted> {
        push_as(queue, "a")
    }

    #[test]
    fn requests_are_handed_out_in_the_order_they_came() {
        let queue = made(10);
        let slots: Vec<_> = (0..3).map(|_| push(&queue).unwrap().0).collect();
        for slot in &slots {
            assert!(Arc::ptr_eq(&queue.begin_next().unwrap(), slot));
        }
        assert!(queue.begin_next().is_none());
    }

    #[test]
    fn the_line_is_in_the_order_of_service_with_requests_of_one_client_together() {
        let queue = made(1000);
        let _flood: Vec<_> = (0..40).map(|_| push_as(&queue, "flood").unwrap()).collect();
        let _calm = push_as(&queue, "calm").unwrap();
        let shown = |queue: &WriteQueue| -> Vec<(String, usize)> {
            let line = queue.line().into_iter();
            line.map(|one| (one.client.client.clone(), one.requests))
                .collect()
        };
        let expected = [("flood", 32), ("calm", 1), ("flood", 8)];
        assert_eq!(
            shown(&queue),
            expected.map(|(name, count)| (name.to_owned(), count))
        );
        queue.begin_next().unwrap();
        assert_eq!(
            shown(&queue)[0],
            ("flood".to_owned(), 31),
            "who is begun does not wait"
        );
        let _many: Vec<_> = (0..20)
            .map(|number| push_as(&queue, &format!("client {number}")).unwrap())
            .collect();
        assert_eq!(shown(&queue).len(), LINE_MAX);
    }

    #[test]
    fn a_full_queue_refuses_at_once_and_an_answer_makes_room() {
        let queue = made(2);
        let _first = push(&queue).unwrap();
        let _second = push(&queue).unwrap();
        assert_eq!(
            push(&queue).err(),
            Some(NotAccepted::Full {
                length: 2,
                own: 2,
                limit: 2
            })
        );
        let begun = queue.begin_next().unwrap();
        assert!(
            push(&queue).is_err(),
            "a request in its commit still counts"
        );
        queue.answer(&begun, Err(RequestError::ShuttingDown));
        assert!(push(&queue).is_ok());
    }

    #[test]
    fn a_request_can_be_given_up_until_its_commit_begins() {
        let queue = made(2);
        let (waiting, _receiver) = push(&queue).unwrap();
        assert!(queue.give_up(&waiting));
        assert!(!queue.give_up(&waiting), "only once");
        assert_eq!(queue.len(), 0);
        assert!(queue.begin_next().is_none());
        let (begun, _receiver) = push(&queue).unwrap();
        queue.begin_next().unwrap();
        assert!(!queue.give_up(&begun));
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn requests_that_are_put_back_keep_their_order_and_come_first() {
        let queue = made(10);
        let slots: Vec<_> = (0..3).map(|_| push(&queue).unwrap().0).collect();
        let begun = vec![queue.begin_next().unwrap(), queue.begin_next().unwrap()];
        queue.put_back(begun);
        for slot in &slots {
            assert!(Arc::ptr_eq(&queue.begin_next().unwrap(), slot));
        }
    }

    #[test]
    fn a_closed_queue_hands_out_what_it_accepted_and_then_ends() {
        let queue = made(10);
        push(&queue).unwrap();
        queue.close();
        assert_eq!(push(&queue).err(), Some(NotAccepted::Closed));
        assert!(queue.wait(), "one is left");
        queue.begin_next().unwrap();
        assert!(!queue.wait(), "none will come");
    }
}
