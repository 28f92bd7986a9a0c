//! Taking the write lock, at once or by waiting in line.
//!
//! A call that has waited for a while checks a few times a second for what would never wake it:
//! - the lock has been taken over, and a new lock file is in force: then the wait goes on there;
//! - the lock is free, and those before do not take it, because they are stopped: they are passed over, and are served when
//!   they go on;
//! - the lock is free, nobody is before, and still it does not come: the thread that waits for it is stuck elsewhere, such as
//!   behind the ticket of a program that was stopped while it left the line. Another thread is sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pool::{Attempt, Position};
use super::ticket::{self, Ticket};
use super::write_files::WriteFiles;
use super::write_line::WriteLine;
use crate::error::PathError;
use crate::fail_point;
use crate::file::lock_file::{self, LockFile, Mode};
use crate::file::wait::{self, NotTaken, Wait};
use crate::identity::Purpose;
use crate::records::holder::Reading;
use crate::records::waiter::{AnnouncedWait, WaiterRecord};

/// How often a waiting call checks the clock, its caller and the three things above.
const TICK: Duration = Duration::from_millis(20);
/// How long the lock must be free before the first in line is passed over; as long again for each one more. Far longer than a
/// running program needs from being woken to taking the lock, even on a busy machine.
const IDLE_MAX: Duration = Duration::from_millis(200);

/// How a call for the write lock ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Taken(LockFile),
    NotTaken(NotTaken),
    /// The lock has been taken over: ask again for the one that is in force now.
    Moved,
}

impl WriteLine {
    /// Takes the write lock of `files`, waiting as `wait` says, counted from `started`.
    pub(crate) fn take(
        &self,
        files: &WriteFiles,
        purpose: &Purpose,
        wait: Wait<'_>,
        started: Instant,
    ) -> Result<Outcome, PathError> {
        let mut lock = LockFile::open(&files.write_lock)?;
        if fail_point::is_left_out("lock") {
            return Ok(Outcome::Taken(lock));
        }
        let has_line = ticket::has_line(&files.line, &self.passed_over())?;
        if !has_line && lock_file::try_quickly(&mut lock, Mode::Exclusive)? {
            return Ok(Outcome::Taken(lock));
        }
        if wait.left(started).is_zero() {
            return Ok(Outcome::NotTaken(NotTaken::TimedOut));
        }
        let instance = self.instance.id();
        tracing::debug!(target: crate::LOG, %instance, %purpose, "waiting for the write lock");
        let n = self.next_wait();
        match Ticket::draw(&files.line, instance, n) {
            Ok(ticket) => {
                let _announced = self.announce(n, purpose, Some(ticket.name()));
                QueuedCall::new(self, files, ticket).wait(wait, started)
            }
            Err(error) => {
                tracing::warn!(target: crate::LOG, %error, "could not draw a ticket for the line; polling for the lock instead");
                let _announced = self.announce(n, purpose, None);
                poll(lock, wait, started)
            }
        }
    }

    /// Shows others that a call of this instance waits.
    fn announce(&self, n: u64, purpose: &Purpose, ticket: Option<&str>) -> AnnouncedWait {
        let record = WaiterRecord {
            identity: self.instance.identity.clone(),
            purpose: purpose.clone(),
            since_ms: self.instance.clock.now_ms(),
            ticket: ticket.map(str::to_owned),
            alive: true,
        };
        AnnouncedWait::announce(&self.instance.paths, n, &record)
    }
}

/// Waits without a place in line, for a full disk. Promises no order.
fn poll(mut lock: LockFile, wait: Wait<'_>, started: Instant) -> Result<Outcome, PathError> {
    let ended = wait::until_taken(wait, started, || lock.try_take(Mode::Exclusive))?;
    Ok(match ended {
        Ok(()) => Outcome::Taken(lock),
        Err(why) => Outcome::NotTaken(why),
    })
}

/// One call that waits in line.
struct QueuedCall<'a> {
    line: &'a WriteLine,
    files: &'a WriteFiles,
    ticket: Arc<Ticket>,
}

impl<'a> QueuedCall<'a> {
    fn new(line: &'a WriteLine, files: &'a WriteFiles, ticket: Ticket) -> Self {
        Self {
            line,
            files,
            ticket: Arc::new(ticket),
        }
    }

    fn wait(self, wait: Wait<'_>, started: Instant) -> Result<Outcome, PathError> {
        let result = self.wait_in_line(wait, started);
        // With the lock, too: the next in line waits for the lock itself from now on.
        self.ticket.leave();
        result
    }

    fn wait_in_line(&self, wait: Wait<'_>, started: Instant) -> Result<Outcome, PathError> {
        let mut attempt = self.attempt()?;
        let mut idle = IdleLock::default();
        loop {
            if let Some(result) = attempt.wait(wait.left(started).min(TICK)) {
                return result.map(Outcome::Taken);
            }
            if let Some(ended) = self.ended(wait, started) {
                return attempt
                    .cancel()
                    .map_or(Ok(ended), |result| result.map(Outcome::Taken));
            }
            let idle_for = idle.look(self.files);
            if self.is_in_vain(idle_for)? {
                if let Some(result) = attempt.abandon() {
                    return result.map(Outcome::Taken);
                }
                attempt = self.attempt()?;
                idle = IdleLock::default();
            }
        }
    }

    /// Returns the outcome if the call must not wait any longer.
    fn ended(&self, wait: Wait<'_>, started: Instant) -> Option<Outcome> {
        if !(wait.keep_waiting)() {
            Some(Outcome::NotTaken(NotTaken::GaveUp))
        } else if wait.left(started).is_zero() {
            Some(Outcome::NotTaken(NotTaken::TimedOut))
        } else if self.line.is_outdated(self.files) {
            Some(Outcome::Moved)
        } else {
            None
        }
    }

    fn attempt(&self) -> Result<Attempt<'a>, PathError> {
        self.line.pool.start(Position {
            ticket: Arc::clone(&self.ticket),
            write_lock: self.files.write_lock.clone(),
            passed_over: self.line.passed_over(),
        })
    }

    /// Tells whether this attempt waits in vain, because the lock has been free for too long. Passes over everybody before
    /// this call.
    fn is_in_vain(&self, idle_for: Duration) -> Result<bool, PathError> {
        if idle_for < IDLE_MAX {
            return Ok(false);
        }
        let before = self.ticket.predecessors(&self.line.passed_over())?;
        let patience = IDLE_MAX * u32::try_from(before.len()).unwrap_or(u32::MAX);
        if idle_for < patience {
            return Ok(false);
        }
        tracing::warn!(
            target: crate::LOG, instance = %self.line.instance.id(), ?idle_for, passed_over = before.len(),
            "the write lock is free but was not handed over: waiting again, past those who do not take it"
        );
        self.line.pass_over(before);
        Ok(true)
    }
}

/// How long the lock has been free without anybody taking it.
#[derive(Default)]
struct IdleLock {
    /// What the record said when the lock was first seen free, and when that was.
    since: Option<(Reading, Instant)>,
}

impl IdleLock {
    /// Looks again; zero if the lock is held or was taken since the last look.
    fn look(&mut self, files: &WriteFiles) -> Duration {
        let record = files.slot.read();
        if lock_file::is_barred(&files.write_lock).unwrap_or(true) {
            self.since = None;
            return Duration::ZERO;
        }
        match &self.since {
            Some((known, since)) if known.is_same_acquisition(&record) => since.elapsed(),
            _ => {
                self.since = Some((record, Instant::now()));
                Duration::ZERO
            }
        }
    }
}
