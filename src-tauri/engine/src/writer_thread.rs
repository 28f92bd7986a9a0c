//! The thread that commits: takes the write lock, takes what waits, commits it once, answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use commonplace_lock::{AcquireError, Generation, Purpose, Wait, WriteLock};
use commonplace_store::statistics::{Event, RequestEnd, TurnEnd, WhyNot};
use commonplace_store::{Applied, Epoch, Refusal, WriteError};

use crate::engine::Shared;
use crate::pause;
use crate::purged_log;
use crate::queue::{Answer, Slot};
use crate::recording::{Turn, Waits, progress_of, purpose_of};
use crate::request::{Acknowledged, RequestError};

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
/// Pauses before the second and the third attempt.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// Runs until the queue is closed and empty.
pub(crate) fn run(shared: &Shared) {
    while shared.queue.wait() {
        if !pause::stand_by(shared) {
            fail_all_waiting(shared, &RequestError::ShuttingDown);
            continue;
        }
        let Some((lock, purpose)) = acquire(shared) else {
            continue;
        };
        if shared.paused().is_some() {
            // Somebody paused while the lock was waited for. Without a batch to follow, the lock goes back unused.
            let turn = give_back(shared, lock, purpose_of(std::iter::empty(), &purpose));
            record(
                shared,
                shared.turn_event(&turn, TurnEnd::Empty, Duration::ZERO),
            );
            continue;
        }
        let pause = commit_batch(shared, lock, &purpose);
        if let Some(pause) = pause {
            shared.pause_writer(pause);
        }
    }
    purged_log::empty_before_end(shared);
    tracing::debug!("the writer has nothing left to do");
}

/// Takes the write lock for what waits; None if it could not be had or nobody waits any more.
fn acquire(shared: &Shared) -> Option<(WriteLock, Purpose)> {
    let (first, requests) = shared.queue.front()?;
    let purpose = Purpose {
        client: first.client().client.clone(),
        kind: first.op.kind().to_owned(),
        requests,
        progress: progress_of(&first.op),
    };
    tracing::debug!(request = %first.id, requests, "asking for the write lock");
    let somebody_waits = || shared.queue.is_waiting();
    let asked = Instant::now();
    match shared
        .locks
        .acquire_write(&purpose, Wait::up_to_while(LOCK_WAIT_MAX, &somebody_waits))
    {
        Ok(lock) => {
            tracing::debug!(request = %first.id, waited = ?lock.waited(), "the write lock is taken");
            shared.counters().active_locks.store(1, Ordering::Relaxed);
            Some((lock, purpose))
        }
        Err(AcquireError::Io {
            operation,
            path,
            source,
        }) => {
            let displaced = shared.store.displaced().map(|how| how.to_string());
            let message = displaced.unwrap_or_else(|| {
                let message = format!(
                    "could not {operation} `{}`: {source}; nothing was stored. Check that this user may write there{ANTIVIRUS}",
                    path.display()
                );
                shared.note_failure(message.clone());
                message
            });
            record(
                shared,
                shared.failed_event(&purpose, WhyNot::Io, asked.elapsed(), false),
            );
            fail_all_waiting(
                shared,
                &RequestError::Store {
                    message,
                    is_passing: false,
                },
            );
            None
        }
        // Those who waited have answered themselves; whoever came later is next.
        Err(error) => {
            tracing::debug!(%error, waited = ?asked.elapsed(), "the write lock was not had");
            let why = match error {
                AcquireError::GaveUp { .. } => WhyNot::GaveUp,
                _ => WhyNot::TimedOut,
            };
            record(
                shared,
                shared.failed_event(&purpose, why, asked.elapsed(), false),
            );
            None
        }
    }
}

fn record(shared: &Shared, event: Event) {
    shared.metrics.record(&[event]);
}

/// Gives the lock back and says what is to be recorded of this turn, as long as it has no epoch.
fn give_back(shared: &Shared, lock: WriteLock, purpose: Purpose) -> Turn {
    shared.counters().active_locks.store(0, Ordering::Relaxed);
    let hold = lock.release();
    Turn {
        lock_wait: hold.waited,
        hold: hold.held,
        purpose,
        epoch: 0,
    }
}

fn fail_all_waiting(shared: &Shared, error: &RequestError) {
    // All of them first: who asks again after such an answer must not get it a second time.
    let waiting: Vec<_> = std::iter::from_fn(|| shared.queue.begin_next()).collect();
    for slot in waiting {
        finish(shared, &slot, Err(error.clone()), Waits::default());
    }
}

/// The requests of one batch, in order.
#[derive(Default)]
struct Begun {
    slots: Vec<(Arc<Slot>, Duration)>,
    /// What became of each inside the transaction; shorter than `slots` if the transaction was lost on the way.
    results: Vec<Result<Applied, Refusal>>,
}

impl Begun {
    fn add(&mut self, slot: Arc<Slot>) {
        let queue_wait = slot.asked.elapsed();
        let first = self.slots.first().map_or(&slot, |(first, _)| first);
        tracing::debug!(request = %slot.id, batch = %first.id, ?queue_wait, "begun under the write lock");
        self.slots.push((slot, queue_wait));
    }

    fn last(&self) -> Arc<Slot> {
        Arc::clone(
            &self
                .slots
                .last()
                .expect("a request was added just before")
                .0,
        )
    }

    fn has_purged(&self) -> bool {
        let purged = |result: &Result<Applied, Refusal>| {
            result
                .as_ref()
                .is_ok_and(|applied| applied.outcome.has_purged())
        };
        self.results.iter().any(purged)
    }

    fn purpose(&self, asked: &Purpose) -> Purpose {
        let slots = self.slots.iter().map(|(slot, _)| slot);
        purpose_of(slots, asked)
    }

    fn into_slots(self) -> Vec<Arc<Slot>> {
        self.slots.into_iter().map(|(slot, _)| slot).collect()
    }
}

/// Commits what waits under `lock` and answers it. Returns how long to pause if it is to be tried again.
fn commit_batch(shared: &Shared, lock: WriteLock, purpose: &Purpose) -> Option<Duration> {
    // Everybody may have given up while the lock was being taken.
    let first = shared.queue.begin_next();
    let mut begun = Begun::default();
    let committed = first.map(|first| write_batch(shared, &lock, first, &mut begun));
    if begun.has_purged() || shared.purged_log.is_due() {
        purged_log::empty(shared, &lock);
    }
    shared.counters().in_commit.store(0, Ordering::Relaxed);
    let turn = give_back(shared, lock, begun.purpose(purpose));
    match committed {
        None => {
            record(
                shared,
                shared.turn_event(&turn, TurnEnd::Empty, Duration::ZERO),
            );
            None
        }
        Some(Ok((epoch, commit))) => {
            shared.note_commit(epoch);
            let turn = Turn {
                epoch: epoch.0,
                ..turn
            };
            answer_all(shared, begun, &turn, commit);
            None
        }
        Some(Err(failure)) => {
            let slots = begun.into_slots();
            record(shared, failure.event(shared, &turn, &slots));
            handle_failure(shared, failure, slots)
        }
    }
}

/// How a batch failed: before its COMMIT, so that nothing is written, or in it.
struct BatchFailure {
    error: WriteError,
    in_commit: bool,
}

impl BatchFailure {
    /// Says whether requests of this batch go back to the queue by themselves.
    fn is_tried_again(&self, slots: &[Arc<Slot>]) -> bool {
        let attempts = |slot: &Arc<Slot>| slot.attempts.load(Ordering::Relaxed) as usize;
        let has_attempts = |slot| attempts(slot) < RETRY_PAUSES.len();
        self.error.is_passing() && !self.in_commit && slots.iter().any(has_attempts)
    }

    /// Makes the event of a turn that ended like this. A lost fence means that the lock was another's.
    fn event(&self, shared: &Shared, turn: &Turn, slots: &[Arc<Slot>]) -> Event {
        if let WriteError::Fenced {
            was_taken_from_us, ..
        } = self.error
        {
            let waited = turn.lock_wait;
            return shared.failed_event(&turn.purpose, WhyNot::Fenced, waited, !was_taken_from_us);
        }
        let end = if self.is_tried_again(slots) {
            TurnEnd::Retried
        } else {
            TurnEnd::Undone
        };
        shared.turn_event(turn, end, Duration::ZERO)
    }
}

/// Applies `first` and what else waits, and commits. `begun` gets every request that left the queue.
fn write_batch(
    shared: &Shared,
    lock: &WriteLock,
    first: Arc<Slot>,
    begun: &mut Begun,
) -> Result<(Epoch, Duration), BatchFailure> {
    let before = |error| BatchFailure {
        error,
        in_commit: false,
    };
    let limit = batch_limit(shared);
    let started = Instant::now();
    begun.add(first);
    let mut writer = shared.store.begin_write(lock).map_err(before)?;
    lock.note_epoch(writer.epoch().0);
    loop {
        let slot = begun.last();
        let result = writer.apply(&slot.op, &slot.stamp).map_err(before)?;
        log_applied(&slot, writer.epoch(), &result);
        begun.results.push(result);
        shared
            .counters()
            .in_commit
            .store(begun.slots.len() as u64, Ordering::Relaxed);
        if begun.slots.len() >= limit || started.elapsed() > BATCH_TIME_MAX {
            break;
        }
        let Some(next) = shared.queue.begin_next() else {
            break;
        };
        begun.add(next);
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
fn batch_limit(shared: &Shared) -> usize {
    if shared.singles_left.load(Ordering::Relaxed) == 0 {
        return BATCH_REQUESTS_MAX;
    }
    shared.singles_left.fetch_sub(1, Ordering::Relaxed);
    1
}

fn log_applied(slot: &Slot, epoch: Epoch, result: &Result<Applied, Refusal>) {
    let (request, epoch) = (&slot.id, epoch.0);
    match result {
        Ok(applied) => tracing::debug!(%request, epoch, seq = applied.seq.0, "applied"),
        Err(refusal) => tracing::debug!(%request, epoch, %refusal, "refused"),
    }
}

/// Records the turn and its requests at once, then answers them.
fn answer_all(shared: &Shared, begun: Begun, turn: &Turn, commit: Duration) {
    let index_backlog = shared.index_backlog();
    let epoch = Epoch(turn.epoch);
    let mut events = vec![shared.turn_event(turn, TurnEnd::Committed, commit)];
    let mut answers = Vec::new();
    for ((slot, queue_wait), result) in begun.slots.into_iter().zip(begun.results) {
        tracing::debug!(request = %slot.id, epoch = epoch.0, "committed");
        let lock_wait = turn.lock_wait.min(queue_wait);
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
        events.push(shared.written_event(&slot, end_of(&answer), waits));
        answers.push((slot, answer));
    }
    shared.metrics.record(&events);
    for (slot, answer) in answers {
        reply(shared, &slot, answer);
    }
}

fn end_of(answer: &Answer) -> RequestEnd {
    match answer {
        Ok(_) => RequestEnd::Done,
        Err(RequestError::Refused(_)) => RequestEnd::Refused,
        Err(_) => RequestEnd::Failed,
    }
}

/// Records the end of one request, then answers it.
fn finish(shared: &Shared, slot: &Slot, answer: Answer, waits: Waits) {
    record(shared, shared.written_event(slot, end_of(&answer), waits));
    reply(shared, slot, answer);
}

fn reply(shared: &Shared, slot: &Slot, answer: Answer) {
    tracing::debug!(request = %slot.id, end = ?end_of(&answer), total = ?slot.asked.elapsed(), "answered");
    if slot.is_overtaken() {
        shared.note_throttled(slot.client());
    }
    shared.queue.answer(slot, answer);
}

/// Decides what becomes of the requests of a failed batch. Returns a pause if they are to be tried again.
fn handle_failure(
    shared: &Shared,
    failure: BatchFailure,
    slots: Vec<Arc<Slot>>,
) -> Option<Duration> {
    let BatchFailure { error, in_commit } = failure;
    tracing::warn!(%error, in_commit, requests = slots.len(), "a batch failed");
    if let WriteError::Fenced { current, .. } = error {
        rejoin(shared, &error, Generation(current), slots);
        return None;
    }
    if error.is_passing() && !in_commit {
        return try_again(shared, slots, &error);
    }
    if matches!(error, WriteError::Sqlite { .. }) && slots.len() > 1 {
        // One request may be the reason: let its neighbours through one by one.
        shared
            .singles_left
            .store(slots.len() as u64, Ordering::Relaxed);
        shared.queue.put_back(slots);
        return None;
    }
    if matches!(error, WriteError::Damaged { .. }) {
        shared.stop_writing(error.to_string());
    }
    // Whether files are displaced is looked at again for each status, and it may pass.
    if !matches!(error, WriteError::Displaced(_)) {
        shared.note_failure(error.to_string());
    }
    for slot in slots {
        finish(
            shared,
            &slot,
            Err(outside(&error, in_commit)),
            Waits::default(),
        );
    }
    None
}

/// Goes on with the write lock that is in force, after another instance took the old one over.
///
/// If it was taken from this instance, the requests under way are refused: their clients may have given up long ago.
/// If this instance only came late to the old lock, they go back to the queue as if nothing had happened.
fn rejoin(shared: &Shared, error: &WriteError, current: Generation, slots: Vec<Arc<Slot>>) {
    if let Err(error) = shared.locks.adopt(current) {
        shared.note_failure(output(&error));
    }
    let was_taken_from_us = matches!(
        error,
        WriteError::Fenced {
            was_taken_from_us: true,
            ..
        }
    );
    if !was_taken_from_us {
        shared.queue.put_back(slots);
        return;
    }
    for slot in slots {
        let reason = error.to_string();
        finish(
            shared,
            &slot,
            Err(RequestError::TakenOver { reason }),
            Waits::default(),
        );
    }
}

/// Words an error with its cause.
fn output(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Sends requests back to the queue that have attempts left, and answers the others.
fn try_again(shared: &Shared, slots: Vec<Arc<Slot>>, error: &WriteError) -> Option<Duration> {
    let mut again = Vec::new();
    let mut pause = None;
    for slot in slots {
        let attempts = slot.attempts.fetch_add(1, Ordering::Relaxed) as usize;
        match RETRY_PAUSES.get(attempts) {
            Some(next) => {
                pause = pause.max(Some(*next));
                again.push(slot);
            }
            None => finish(shared, &slot, Err(outside(error, false)), Waits::default()),
        }
    }
    shared.queue.put_back(again);
    pause
}

/// Words an error for the client.
fn outside(error: &WriteError, in_commit: bool) -> RequestError {
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
    fn a_client_is_told_undone_only_where_that_is_known() {
        let (path, reason) = (PathBuf::from("/x"), String::new());
        let in_doubt = WriteError::InDoubt {
            path: path.clone(),
            reason,
        };
        let told = outside(&in_doubt, true);
        assert!(matches!(told, RequestError::Unknown { .. }), "{told:?}");
        let told = outside(&WriteError::DiskFull { path }, true);
        assert!(matches!(told, RequestError::Store { .. }), "{told:?}");
    }
}
