//! The thread that commits: takes the write lock, takes what waits, commits it once, answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use commonplace_lock::{AcquireError, Generation, Purpose, Wait, WriteLock};
use commonplace_store::statistics::{Event, RequestEnd, TurnEnd, WhyNot};
use commonplace_store::{Applied, Epoch, Refusal, WriteError};

use crate::context::Context;
use crate::read::indexer::Indexer;
use crate::report::clients::Clients;
use crate::report::metrics::Counters;
use crate::request::{Acknowledged, RequestError, with_causes};
use crate::upkeep::purged_log::PurgedLog;
use crate::write::batch::{Batch, BatchFailure, RETRY_PAUSES, client_error};
use crate::write::pause::wait_while_paused;
use crate::write::queue::{Answer, Slot, WriteQueue};
use crate::write::recording::{Hold, Waits, progress_of, purpose_of};

/// Most requests in one commit: bounds how long one batch keeps the lock from others.
const BATCH_REQUESTS_MAX: usize = 256;
/// Longest time spent on applying requests before the commit, for the same reason.
const BATCH_TIME_MAX: Duration = Duration::from_millis(50);
/// Longest wait for the lock in one go; requests run out of time by themselves before that.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(50);
/// What else keeps programs from their files on Windows.
const ANTIVIRUS: &str = if cfg!(windows) {
    ", and make an exception for the store directory if an antivirus program watches it"
} else {
    ""
};

/// What the thread works with.
pub(crate) struct WriterThread<'a> {
    pub(crate) context: &'a Context,
    pub(crate) queue: &'a WriteQueue,
    pub(crate) clients: &'a Clients,
    pub(crate) indexer: &'a Indexer,
    pub(crate) purged_log: &'a PurgedLog,
    /// Requests that are still to be committed one by one, after a batch failed for a reason in one of them.
    pub(crate) singles_left: usize,
}

impl WriterThread<'_> {
    /// Runs until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        while self.queue.wait() {
            if !wait_while_paused(self.context, self.queue) {
                self.fail_all_waiting(&RequestError::ShuttingDown);
                continue;
            }
            let Some((lock, purpose)) = self.acquire() else {
                continue;
            };
            if self.context.paused().is_some() {
                // Somebody paused while the lock was waited for. Without a batch to follow, the lock goes back unused.
                let hold = self.give_back(lock, purpose_of(std::iter::empty(), &purpose));
                self.record_empty(&hold);
                continue;
            }
            let pause = self.commit_batch(lock, &purpose);
            if let Some(pause) = pause {
                self.context.wait_closing(pause);
            }
        }
        self.purged_log.empty_before_end(self.context);
        tracing::debug!("the writer has nothing left to do");
    }

    /// Takes the write lock for what waits; None if it could not be taken or nobody waits any more.
    fn acquire(&self) -> Option<(WriteLock, Purpose)> {
        let (first, requests) = self.queue.front()?;
        let purpose = Purpose {
            client: first.client().client.clone(),
            kind: first.op.kind().to_owned(),
            requests,
            progress: progress_of(&first.op),
        };
        tracing::debug!(request = %first.id, requests, "asking for the write lock");
        let somebody_waits = || self.queue.is_waiting();
        let asked = Instant::now();
        match self
            .context
            .locks
            .acquire_write(&purpose, Wait::up_to_while(LOCK_WAIT_MAX, &somebody_waits))
        {
            Ok(lock) => {
                tracing::debug!(request = %first.id, waited = ?lock.waited(), "the write lock is taken");
                self.counters().active_locks.store(1, Ordering::Relaxed);
                Some((lock, purpose))
            }
            Err(AcquireError::Io {
                operation,
                path,
                source,
            }) => {
                let displaced = self.context.store.displaced().map(|how| how.to_string());
                let message = displaced.unwrap_or_else(|| {
                    let message = format!(
                        "could not {operation} `{}`: {source}; nothing was written. Check that this user may write there{ANTIVIRUS}",
                        path.display()
                    );
                    self.context.health.note_failure(message.clone());
                    message
                });
                self.record_failed(&purpose, WhyNot::Io, asked);
                self.fail_all_waiting(&RequestError::Store {
                    message,
                    is_passing: false,
                });
                None
            }
            // Those who waited have answered themselves; whoever came later is next.
            Err(error) => {
                tracing::debug!(%error, waited = ?asked.elapsed(), "could not take the write lock");
                let why = match error {
                    AcquireError::GaveUp { .. } => WhyNot::GaveUp,
                    _ => WhyNot::TimedOut,
                };
                self.record_failed(&purpose, why, asked);
                None
            }
        }
    }

    fn counters(&self) -> &Counters {
        &self.context.metrics.counters
    }

    fn record(&self, event: Event) {
        self.context.metrics.record(&[event]);
    }

    fn record_failed(&self, purpose: &Purpose, why: WhyNot, asked: Instant) {
        let waited = asked.elapsed();
        self.record(self.context.failed_event(purpose, why, waited, false));
    }

    fn record_empty(&self, hold: &Hold) {
        self.record(
            self.context
                .hold_event(hold, TurnEnd::Empty, Duration::ZERO),
        );
    }

    /// Gives the lock back and says what is to be recorded of this hold, as long as it has no epoch.
    fn give_back(&self, lock: WriteLock, purpose: Purpose) -> Hold {
        self.counters().active_locks.store(0, Ordering::Relaxed);
        let released = lock.release();
        Hold {
            waited: released.waited,
            held: released.held,
            purpose,
            epoch: 0,
        }
    }

    fn fail_all_waiting(&self, error: &RequestError) {
        // All of them first: who asks again after such an answer must not get it a second time.
        let waiting = std::iter::from_fn(|| self.queue.begin_next()).collect();
        self.fail(waiting, error);
    }

    /// Records the end of requests that were not written, and answers them.
    fn fail(&self, slots: Vec<Arc<Slot>>, error: &RequestError) {
        for slot in slots {
            let answer = Err(error.clone());
            let end = end_of(&answer);
            self.record(self.context.written_event(&slot, end, Waits::default()));
            self.reply(&slot, answer);
        }
    }

    /// Commits what waits under `lock` and answers it. Returns how long to pause if it is to be tried again.
    fn commit_batch(&mut self, lock: WriteLock, purpose: &Purpose) -> Option<Duration> {
        // Everybody may have given up while the lock was being taken.
        let first = self.queue.begin_next();
        let mut batch = Batch::default();
        let committed = first.map(|first| self.write_batch(&lock, first, &mut batch));
        if batch.has_purged() || self.purged_log.is_due() {
            self.purged_log.empty(&*self.context.store, &lock);
        }
        self.counters().in_commit.store(0, Ordering::Relaxed);
        let hold = self.give_back(lock, batch.purpose(purpose));
        match committed {
            None => {
                self.record_empty(&hold);
                None
            }
            Some(Ok((epoch, commit))) => {
                self.context.health.note_commit(epoch);
                let hold = Hold {
                    epoch: epoch.0,
                    ..hold
                };
                self.answer_all(batch, &hold, commit);
                None
            }
            Some(Err(failure)) => {
                let slots = batch.into_slots();
                self.record(failure.event(self.context, &hold, &slots));
                self.handle_failure(failure, slots)
            }
        }
    }

    /// Applies `first` and what else waits, and commits. `batch` gets every request that left the queue.
    fn write_batch(
        &mut self,
        lock: &WriteLock,
        first: Arc<Slot>,
        batch: &mut Batch,
    ) -> Result<(Epoch, Duration), BatchFailure> {
        let before = |error| BatchFailure {
            error,
            in_commit: false,
        };
        let limit = self.batch_limit();
        let started = Instant::now();
        batch.add(first);
        let mut writer = self.context.store.begin_write(lock).map_err(before)?;
        lock.note_epoch(writer.epoch().0);
        loop {
            let slot = batch.last();
            let result = writer.apply(&slot.op, &slot.stamp).map_err(before)?;
            log_applied(&slot, writer.epoch(), &result);
            batch.results.push(result);
            self.counters()
                .in_commit
                .store(batch.slots.len() as u64, Ordering::Relaxed);
            if batch.slots.len() >= limit || started.elapsed() > BATCH_TIME_MAX {
                break;
            }
            let Some(next) = self.queue.begin_next() else {
                break;
            };
            batch.add(next);
        }
        let epoch = writer.epoch();
        let committing = Instant::now();
        writer.commit().map_err(|error| BatchFailure {
            error,
            in_commit: true,
        })?;
        Ok((epoch, committing.elapsed()))
    }

    /// One at a time after a batch failed for a reason that may lie in one of its requests.
    fn batch_limit(&mut self) -> usize {
        if self.singles_left == 0 {
            return BATCH_REQUESTS_MAX;
        }
        self.singles_left -= 1;
        1
    }

    /// Records the hold and its requests at once, then answers them.
    fn answer_all(&self, batch: Batch, hold: &Hold, commit: Duration) {
        let index_backlog = self.indexer.backlog();
        let epoch = Epoch(hold.epoch);
        let mut events = vec![self.context.hold_event(hold, TurnEnd::Committed, commit)];
        let mut answers = Vec::new();
        for ((slot, queue_wait), result) in batch.slots.into_iter().zip(batch.results) {
            tracing::debug!(request = %slot.id, epoch = epoch.0, "committed");
            let lock_wait = hold.waited.min(queue_wait);
            let answer = result
                .map_err(RequestError::from)
                .map(|applied| Acknowledged {
                    applied,
                    epoch,
                    queue_wait,
                    lock_wait,
                    index_backlog,
                    unfinished: None,
                });
            let waits = Waits {
                queue: Some(queue_wait),
                lock: Some(lock_wait),
            };
            events.push(self.context.written_event(&slot, end_of(&answer), waits));
            answers.push((slot, answer));
        }
        self.context.metrics.record(&events);
        for (slot, answer) in answers {
            self.reply(&slot, answer);
        }
    }

    fn reply(&self, slot: &Slot, answer: Answer) {
        tracing::debug!(request = %slot.id, end = ?end_of(&answer), total = ?slot.asked.elapsed(), "answered");
        if slot.is_throttled() {
            self.clients.throttled(slot.client());
        }
        self.queue.answer(slot, answer);
    }

    /// Decides what becomes of the requests of a failed batch. Returns a pause if they are to be tried again.
    fn handle_failure(&mut self, failure: BatchFailure, slots: Vec<Arc<Slot>>) -> Option<Duration> {
        let BatchFailure { error, in_commit } = failure;
        tracing::warn!(%error, in_commit, requests = slots.len(), "a batch failed");
        if let WriteError::Fenced {
            current,
            was_taken_from_us,
            ..
        } = error
        {
            self.rejoin(&error, Generation(current), was_taken_from_us, slots);
            return None;
        }
        if error.is_passing() && !in_commit {
            return self.try_again(slots, &error);
        }
        if matches!(error, WriteError::Sqlite { .. }) && slots.len() > 1 {
            // One request may be the reason: let its neighbours through one by one.
            self.singles_left = slots.len();
            self.queue.put_back(slots);
            return None;
        }
        if matches!(error, WriteError::Damaged { .. }) {
            self.context.health.stop_writing(error.to_string());
        }
        // Whether files are displaced is looked at again for each status, and it may pass.
        if !matches!(error, WriteError::Displaced(_)) {
            self.context.health.note_failure(error.to_string());
        }
        self.fail(slots, &client_error(&error, in_commit));
        None
    }

    /// Goes on with the write lock that is in force, after another instance took the old one over.
    ///
    /// If it was taken from this instance, the requests under way are refused: their clients may have given up long ago.
    /// If this instance only came late to the old lock, they go back to the queue as if nothing had happened.
    fn rejoin(
        &self,
        error: &WriteError,
        current: Generation,
        was_taken_from_us: bool,
        slots: Vec<Arc<Slot>>,
    ) {
        if let Err(error) = self.context.locks.adopt(current) {
            self.context.health.note_failure(with_causes(&error));
        }
        if was_taken_from_us {
            let reason = error.to_string();
            self.fail(slots, &RequestError::TakenOver { reason });
        } else {
            self.queue.put_back(slots);
        }
    }

    /// Sends requests back to the queue that have attempts left, and answers the others.
    fn try_again(&self, slots: Vec<Arc<Slot>>, error: &WriteError) -> Option<Duration> {
        let (mut again, mut lost) = (Vec::new(), Vec::new());
        let mut pause = None;
        for slot in slots {
            let attempts = slot.attempts.fetch_add(1, Ordering::Relaxed) as usize;
            match RETRY_PAUSES.get(attempts) {
                Some(next) => {
                    pause = pause.max(Some(*next));
                    again.push(slot);
                }
                None => lost.push(slot),
            }
        }
        self.fail(lost, &client_error(error, false));
        self.queue.put_back(again);
        pause
    }
}

fn log_applied(slot: &Slot, epoch: Epoch, result: &Result<Applied, Refusal>) {
    let (request, epoch) = (&slot.id, epoch.0);
    match result {
        Ok(applied) => tracing::debug!(%request, epoch, seq = applied.seq.0, "applied"),
        Err(refusal) => tracing::debug!(%request, epoch, %refusal, "refused"),
    }
}

fn end_of(answer: &Answer) -> RequestEnd {
    match answer {
        Ok(_) => RequestEnd::Done,
        Err(RequestError::Refused(_)) => RequestEnd::Refused,
        Err(_) => RequestEnd::Failed,
    }
}
