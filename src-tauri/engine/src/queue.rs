//! The write queue: bounded, first in first out, and the only place where requests wait for their commit.
//!
//! A request is a [`Slot`] from the moment it is accepted until it is answered. It is in one of four states, and only two
//! parties change it: the client (gives up, while it waits) and the writer thread (begins it, sends it back, answers it).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use commonplace_store::{Stamp, WriteOp};
use tokio::sync::oneshot;

use crate::request::{Acknowledged, RequestError};

/// How a write ends.
pub(crate) type Answer = Result<Acknowledged, RequestError>;

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;
const ANSWERED: u8 = 3;

/// One accepted write request.
pub(crate) struct Slot {
    pub(crate) op: WriteOp,
    pub(crate) stamp: Stamp,
    pub(crate) asked: Instant,
    /// Times its transaction was tried and failed in a passing way.
    pub(crate) attempts: AtomicU32,
    state: AtomicU8,
    answer: Mutex<Option<oneshot::Sender<Answer>>>,
}

impl Slot {
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

/// Tells why a request was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAccepted {
    /// The queue holds `length` requests and takes no more.
    Full { length: usize, limit: usize },
    /// The queue is being emptied for the last time.
    Closed,
}

/// The queue. Its threads block on it; tasks never do.
pub(crate) struct WriteQueue {
    inner: Mutex<Inner>,
    /// Signalled when a request arrives and when the queue closes.
    arrived: Condvar,
}

struct Inner {
    waiting: VecDeque<Arc<Slot>>,
    /// Accepted and not yet answered: waiting and begun.
    unanswered: usize,
    limit: usize,
    is_closed: bool,
}

impl WriteQueue {
    pub(crate) fn new(limit: usize) -> Self {
        let inner = Inner {
            waiting: VecDeque::new(),
            unanswered: 0,
            limit,
            is_closed: false,
        };
        Self {
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
        op: WriteOp,
        stamp: Stamp,
    ) -> Result<(Arc<Slot>, oneshot::Receiver<Answer>), NotAccepted> {
        let mut inner = self.inner();
        if inner.is_closed {
            return Err(NotAccepted::Closed);
        }
        if inner.unanswered >= inner.limit {
            return Err(NotAccepted::Full {
                length: inner.unanswered,
                limit: inner.limit,
            });
        }
        let (sender, receiver) = oneshot::channel();
        let slot = Arc::new(Slot {
            op,
            stamp,
            asked: Instant::now(),
            attempts: AtomicU32::new(0),
            state: AtomicU8::new(WAITING),
            answer: Mutex::new(Some(sender)),
        });
        inner.unanswered += 1;
        inner.waiting.push_back(Arc::clone(&slot));
        drop(inner);
        self.arrived.notify_one();
        Ok((slot, receiver))
    }

    /// Blocks until a request waits. Returns false when the queue is closed and empty: no request will ever come.
    pub(crate) fn wait(&self) -> bool {
        let mut inner = self.inner();
        while inner.waiting.is_empty() && !inner.is_closed {
            inner = self
                .arrived
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
        !inner.waiting.is_empty()
    }

    /// Begins the oldest request and hands it out; None if none waits.
    pub(crate) fn begin_next(&self) -> Option<Arc<Slot>> {
        let mut inner = self.inner();
        while let Some(slot) = inner.waiting.pop_front() {
            // One that was given up in this very moment takes itself off the count.
            if slot.begin() {
                return Some(slot);
            }
        }
        None
    }

    /// Puts requests whose transaction failed back to the front, in their old order, and lets them be given up again.
    pub(crate) fn put_back(&self, slots: Vec<Arc<Slot>>) {
        let mut inner = self.inner();
        for slot in slots.into_iter().rev() {
            slot.state.store(WAITING, Ordering::Release);
            inner.waiting.push_front(slot);
        }
    }

    /// Answers a request that was begun.
    pub(crate) fn answer(&self, slot: &Slot, answer: Answer) {
        slot.state.store(ANSWERED, Ordering::Release);
        self.inner().unanswered -= 1;
        let sender = slot
            .answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // The client may be gone; its write is in the store all the same.
        drop(sender.map(|sender| sender.send(answer)));
    }

    /// Takes a request back that its client no longer wants. Returns false if its commit has begun: then it goes on.
    pub(crate) fn give_up(&self, slot: &Arc<Slot>) -> bool {
        if !slot.give_up() {
            return false;
        }
        let mut inner = self.inner();
        inner.unanswered -= 1;
        inner.waiting.retain(|other| !Arc::ptr_eq(other, slot));
        true
    }

    /// Requests accepted and not answered.
    pub(crate) fn len(&self) -> usize {
        self.inner().unanswered
    }

    /// The most it takes.
    pub(crate) fn limit(&self) -> usize {
        self.inner().limit
    }

    /// Changes how many it takes; what waits already stays.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.inner().limit = limit;
    }

    /// Says whether any request waits, and since when the oldest does.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.inner().waiting.front().map(|slot| slot.asked)
    }

    /// Who asked for the oldest request, its kind, and how many wait with it.
    pub(crate) fn front(&self) -> Option<(String, &'static str, usize)> {
        let inner = self.inner();
        let front = inner.waiting.front()?;
        Some((
            front.stamp.provenance.client.clone(),
            front.op.kind(),
            inner.waiting.len(),
        ))
    }

    /// Refuses new requests from now on; what was accepted is still handed out.
    pub(crate) fn close(&self) {
        self.inner().is_closed = true;
        self.arrived.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use commonplace_store::Filter;

    use super::*;

    fn push(queue: &WriteQueue) -> Result<(Arc<Slot>, oneshot::Receiver<Answer>), NotAccepted> {
        queue.push(WriteOp::Delete(Filter::default()), Stamp::default())
    }

    #[test]
    fn requests_are_handed_out_in_the_order_they_came() {
        let queue = WriteQueue::new(10);
        let slots: Vec<_> = (0..3).map(|_| push(&queue).unwrap().0).collect();
        for slot in &slots {
            assert!(Arc::ptr_eq(&queue.begin_next().unwrap(), slot));
        }
        assert!(queue.begin_next().is_none());
    }

    #[test]
    fn a_full_queue_refuses_at_once_and_an_answer_makes_room() {
        let queue = WriteQueue::new(2);
        let _first = push(&queue).unwrap();
        let _second = push(&queue).unwrap();
        assert_eq!(
            push(&queue).err(),
            Some(NotAccepted::Full {
                length: 2,
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
        let queue = WriteQueue::new(2);
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
        let queue = WriteQueue::new(10);
        let slots: Vec<_> = (0..3).map(|_| push(&queue).unwrap().0).collect();
        let begun = vec![queue.begin_next().unwrap(), queue.begin_next().unwrap()];
        queue.put_back(begun);
        for slot in &slots {
            assert!(Arc::ptr_eq(&queue.begin_next().unwrap(), slot));
        }
    }

    #[test]
    fn a_closed_queue_hands_out_what_it_accepted_and_then_ends() {
        let queue = WriteQueue::new(10);
        push(&queue).unwrap();
        queue.close();
        assert_eq!(push(&queue).err(), Some(NotAccepted::Closed));
        assert!(queue.wait(), "one is left");
        queue.begin_next().unwrap();
        assert!(!queue.wait(), "none will come");
    }
}
