//! The line for the write lock: first come, first served, between processes.
//!
//! Who finds the lock free and nobody in line takes it at once. Everybody else draws a ticket and stands in line; the
//! first in line waits for the lock itself, each other one for the one before it (see [`crate::errand`]). The operating
//! system wakes exactly the next one when somebody leaves or dies; nobody asks again and again.
//!
//! Two things are looked at a few times a second by who has waited for a while, because nothing wakes anybody for them:
//! - the lock has been taken over, and a new lock file is in force: then the wait goes on there;
//! - the lock is free, and still those before do not take it: they are stopped. They are passed over then, and are
//!   served when they go on;
//! - the lock is free, nobody is before, and still it does not come: the thread that waits for it stands somewhere else,
//!   such as behind the ticket of a program that was stopped while it left the line. Another one is sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::errand::{Errand, Place};
use crate::error::PathError;
use crate::holder;
use crate::identity::Purpose;
use crate::lock_file::{self, LockFile, Mode};
use crate::locks::{Shared, WriteSide};
use crate::slot::Reading;
use crate::ticket::{self, Ticket};
use crate::wait::{self, Ended, Wait};
use crate::waiters::Waiting;

/// How often a waiting call looks at the clock, at its caller and at the two things above.
const TICK: Duration = Duration::from_millis(20);
/// How long the lock must lie untouched before the first in line is passed over; as long again for each one more. Far
/// longer than a running program needs from being woken to taking the lock, also on a busy machine.
const UNTOUCHED_MAX: Duration = Duration::from_millis(200);

/// How a call for the write lock ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Taken(LockFile),
    TimedOut,
    GaveUp,
    /// The lock has been taken over: ask again for the one that is in force now.
    Moved,
}

/// Takes the write lock of `side`, waiting as `wait` says, counted from `started`.
pub(crate) fn take(
    shared: &Shared,
    side: &WriteSide,
    purpose: &Purpose,
    wait: Wait<'_>,
    started: Instant,
) -> Result<Outcome, PathError> {
    let mut lock = LockFile::open(&side.write_lock)?;
    if crate::fail_point::is_left_out("lock") {
        return Ok(Outcome::Taken(lock));
    }
    let has_line = ticket::has_line(&side.line, &shared.passed_over())?;
    if !has_line && lock_file::try_quickly(&mut lock, Mode::Exclusive)? {
        return Ok(Outcome::Taken(lock));
    }
    if wait.timeout.saturating_sub(started.elapsed()).is_zero() {
        return Ok(Outcome::TimedOut);
    }
    let instance = &shared.identity.instance;
    tracing::debug!(target: crate::LOG, %instance, %purpose, "waiting for the write lock");
    let n = shared.next_wait();
    match Ticket::draw(&side.line, instance, n) {
        Ok(ticket) => {
            let _waiting = Waiting::announce(shared, purpose, n, Some(ticket.name()));
            Stand::new(shared, side, ticket).wait(wait, started)
        }
        Err(error) => {
            tracing::warn!(target: crate::LOG, %error, "no place in line could be had; asking again and again instead");
            let _waiting = Waiting::announce(shared, purpose, n, None);
            ask_again_and_again(lock, wait, started)
        }
    }
}

/// The way without a line: for a full disk. Promises no order.
fn ask_again_and_again(
    mut lock: LockFile,
    wait: Wait<'_>,
    started: Instant,
) -> Result<Outcome, PathError> {
    let ended = wait::until_taken(wait, started, || lock.try_take(Mode::Exclusive))?;
    Ok(match ended {
        Ended::Taken => Outcome::Taken(lock),
        Ended::TimedOut => Outcome::TimedOut,
        Ended::GaveUp => Outcome::GaveUp,
    })
}

/// One call that stands in line.
struct Stand<'a> {
    shared: &'a Shared,
    side: &'a WriteSide,
    ticket: Arc<Ticket>,
}

impl<'a> Stand<'a> {
    fn new(shared: &'a Shared, side: &'a WriteSide, ticket: Ticket) -> Self {
        Self {
            shared,
            side,
            ticket: Arc::new(ticket),
        }
    }

    fn wait(self, wait: Wait<'_>, started: Instant) -> Result<Outcome, PathError> {
        let result = self.wait_in_line(wait, started);
        // Also when the lock was had: who stands behind waits for the lock itself from now on.
        self.ticket.give_back();
        result
    }

    fn wait_in_line(&self, wait: Wait<'_>, started: Instant) -> Result<Outcome, PathError> {
        let mut errand = self.send()?;
        let mut untouched = Untouched::default();
        loop {
            let left = wait.timeout.saturating_sub(started.elapsed());
            if let Some(result) = errand.wait(left.min(TICK)) {
                return result.map(Outcome::Taken);
            }
            let refusal = if !(wait.keep_waiting)() {
                Some(Outcome::GaveUp)
            } else if wait.timeout <= started.elapsed() {
                Some(Outcome::TimedOut)
            } else if self.shared.is_outdated(self.side) {
                Some(Outcome::Moved)
            } else {
                None
            };
            if let Some(refusal) = refusal {
                return errand
                    .call_off()
                    .map_or(Ok(refusal), |result| result.map(Outcome::Taken));
            }
            let time = untouched.look(self.side);
            if self.is_in_vain(time)? {
                if let Some(result) = errand.abandon() {
                    return result.map(Outcome::Taken);
                }
                errand = self.send()?;
                untouched = Untouched::default();
            }
        }
    }

    fn send(&self) -> Result<Errand<'a>, PathError> {
        self.shared.errands.send(Place {
            ticket: Arc::clone(&self.ticket),
            write_lock: self.side.write_lock.clone(),
            passed_over: self.shared.passed_over(),
        })
    }

    /// Says whether waiting goes on in vain, because the lock has lain untouched for too long. Passes over all that stand
    /// before this call.
    fn is_in_vain(&self, untouched: Duration) -> Result<bool, PathError> {
        if untouched < UNTOUCHED_MAX {
            return Ok(false);
        }
        let before = self.ticket.predecessors(&self.shared.passed_over())?;
        let patience = UNTOUCHED_MAX * u32::try_from(before.len()).unwrap_or(u32::MAX);
        if untouched < patience {
            return Ok(false);
        }
        tracing::warn!(
            target: crate::LOG, instance = %self.shared.identity.instance, ?untouched, passed_over = before.len(),
            "the write lock is free and does not come: standing in line anew, past those who do not take it"
        );
        self.shared.pass_over(before);
        Ok(true)
    }
}

/// How long the lock has been free without anybody taking it.
#[derive(Default)]
struct Untouched {
    /// What the record said when it was first seen free, and when that was.
    since: Option<(Reading, Instant)>,
}

impl Untouched {
    /// Looks again; zero if the lock is held or was taken since the last look.
    fn look(&mut self, side: &WriteSide) -> Duration {
        let record = side.slot.read();
        if lock_file::is_barred(&side.write_lock).unwrap_or(true) {
            self.since = None;
            return Duration::ZERO;
        }
        match &self.since {
            Some((known, since)) if holder::is_same_turn(known, &record) => since.elapsed(),
            _ => {
                self.since = Some((record, Instant::now()));
                Duration::ZERO
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// Only ends a hung test.
    const HUNG: Duration = Duration::from_secs(60);

    /// Two hosts had requests that ran out of time beside a free lock: the thread that waited for it stood behind a ticket
    /// that was no longer in the line, and the next call used the same thread.
    #[test]
    fn a_thread_that_stands_somewhere_else_does_not_keep_the_lock_away() {
        let folder = tempfile::tempdir().unwrap();
        let (holder, waiter) = (testing::open(folder.path()), testing::open(folder.path()));
        let lock = holder
            .acquire_write(&testing::purpose(), Wait::up_to(HUNG))
            .unwrap();
        // Somebody stands in line, leaves it, and is stopped before it gives its ticket back.
        let line = holder.shared.side().line.clone();
        let leaving = Ticket::draw(&line, &holder.identity().instance, 77).unwrap();
        let impatient = || waiter.waiters().is_empty();
        let gave_up =
            waiter.acquire_write(&testing::purpose(), Wait::up_to_while(HUNG, &impatient));
        assert!(gave_up.is_err(), "it was told to give up");
        std::fs::remove_file(line.join(leaving.name())).unwrap();
        lock.release();
        let in_the_way = holder
            .acquire_write(&testing::purpose(), Wait::up_to(HUNG))
            .unwrap();
        std::thread::scope(|scope| {
            let waiting =
                scope.spawn(|| waiter.acquire_write(&testing::purpose(), Wait::up_to(HUNG)));
            while holder.waiters().is_empty() {
                std::thread::yield_now();
            }
            in_the_way.release();
            let lock = waiting.join().unwrap();
            lock.expect("the lock is free, and nobody is before")
                .release();
        });
        drop(leaving);
    }
}
