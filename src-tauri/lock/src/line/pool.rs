//! Threads that wait for the write lock, so that a waiting call can be given up at any time.
//!
//! The operating system wakes a waiting thread the moment the lock or the ticket before it is free, but it cannot be told to
//! stop waiting. So a thread of its own does the waiting: the call watches the clock, and when it gives up it leaves the
//! line and the thread where it is. The next call of this instance reuses such a thread, so a lock that is never
//! released costs one thread for each call that waits at the same time, not one for each call. A thread that gets the lock
//! when nobody wants it any more releases it at once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::ticket::{self, Names, Ticket};
use crate::error::PathError;
use crate::file::lock_file::LockFile;

/// A position in the line for one write lock file.
#[derive(Debug)]
pub(super) struct Position {
    pub(super) ticket: Arc<Ticket>,
    pub(super) write_lock: PathBuf,
    /// Tickets before it whose owners do not take the lock.
    pub(super) passed_over: Names,
}

/// What a thread of the pool is doing.
#[derive(Debug)]
enum State {
    /// Nothing, or waiting at a position that nobody wants any more.
    Idle,
    Waiting(Arc<Position>),
    Done(Result<LockFile, PathError>),
    /// The instance has gone.
    Ended,
}

/// A thread of the pool, as the calls see it.
#[derive(Debug)]
struct PoolThread {
    /// The lock file that it waits for, even when nobody wants that any more.
    write_lock: PathBuf,
    state: Mutex<State>,
    /// Signalled at every change of the state.
    changed: Condvar,
}

/// The threads of one instance.
#[derive(Debug, Default)]
pub(super) struct WaitPool {
    free: Mutex<Vec<Arc<PoolThread>>>,
}

/// One attempt to acquire the lock, made by a thread of the pool for a waiting call.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pool: &'a WaitPool,
    thread: Arc<PoolThread>,
    is_stuck: bool,
}

impl WaitPool {
    /// Has a thread wait at `position`.
    pub(super) fn start(&self, position: Position) -> Result<Attempt<'_>, PathError> {
        let thread = match self.take_free(&position.write_lock) {
            Some(thread) => thread,
            None => PoolThread::start(&position.write_lock)?,
        };
        thread.set(State::Waiting(Arc::new(position)));
        Ok(Attempt {
            pool: self,
            thread,
            is_stuck: false,
        })
    }

    /// Returns a thread that waits for the same lock file, if it waits for any: others may be stuck permanently.
    fn take_free(&self, write_lock: &Path) -> Option<Arc<PoolThread>> {
        let mut free = self.free();
        let at = free
            .iter()
            .position(|thread| thread.write_lock == write_lock)?;
        Some(free.swap_remove(at))
    }

    fn free(&self) -> MutexGuard<'_, Vec<Arc<PoolThread>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WaitPool {
    fn drop(&mut self) {
        // A thread that is stuck behind a holder ends when that holder does; it cannot be joined.
        for thread in self.free().drain(..) {
            thread.set(State::Ended);
        }
    }
}

impl Attempt<'_> {
    /// Waits for at most `time`; None if the attempt takes longer. Some is its end.
    pub(super) fn wait(&self, time: Duration) -> Option<Result<LockFile, PathError>> {
        let state = self.thread.state();
        let (mut state, _) = self
            .thread
            .changed
            .wait_timeout_while(state, time, |state| !matches!(state, State::Done(_)))
            .unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Idle) {
            State::Done(result) => Some(result),
            other => {
                *state = other;
                None
            }
        }
    }

    /// Cancels the attempt. Some if it had just ended.
    pub(super) fn cancel(&self) -> Option<Result<LockFile, PathError>> {
        match std::mem::replace(&mut *self.thread.state(), State::Idle) {
            State::Done(result) => Some(result),
            State::Idle | State::Waiting(_) | State::Ended => None,
        }
    }

    /// Cancels the attempt and gives its thread up: it waits behind somebody who may never move.
    pub(super) fn abandon(mut self) -> Option<Result<LockFile, PathError>> {
        self.is_stuck = true;
        let result = self.cancel();
        self.thread.set(State::Ended);
        result
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.is_stuck {
            return;
        }
        if let Some(Ok(lock)) = self.cancel() {
            lock.release_or_log();
        }
        self.pool.free().push(Arc::clone(&self.thread));
    }
}

impl PoolThread {
    fn start(write_lock: &Path) -> Result<Arc<Self>, PathError> {
        let started = Arc::new(Self {
            write_lock: write_lock.to_owned(),
            state: Mutex::new(State::Idle),
            changed: Condvar::new(),
        });
        let own = Arc::clone(&started);
        thread::Builder::new()
            .name("lock-line".to_owned())
            .spawn(move || own.run())
            .map_err(PathError::of("start a thread to wait for", write_lock))?;
        Ok(started)
    }

    fn run(&self) {
        while let Some(position) = self.next_position() {
            match step_forward(&position) {
                Ok(None) => {}
                Ok(Some(lock)) => self.deliver(&position, Ok(lock)),
                Err(error) => self.deliver(&position, Err(error)),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.state() = state;
        self.changed.notify_all();
    }

    /// Blocks until there is a position to wait at; None when the instance has gone.
    fn next_position(&self) -> Option<Arc<Position>> {
        let mut state = self.state();
        loop {
            match &*state {
                State::Waiting(position) => return Some(Arc::clone(position)),
                State::Ended => return None,
                State::Idle | State::Done(_) => {}
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Delivers a result if it is still wanted; releases the lock if not.
    fn deliver(&self, position: &Arc<Position>, result: Result<LockFile, PathError>) {
        let mut state = self.state();
        let is_wanted = matches!(&*state, State::Waiting(wanted) if Arc::ptr_eq(wanted, position));
        if is_wanted {
            *state = State::Done(result);
            self.changed.notify_all();
        } else if let Ok(lock) = result {
            lock.release_or_log();
        }
    }
}

/// Waits for the next one before in the line, or, at its head, for the lock itself. None: look again.
fn step_forward(position: &Position) -> Result<Option<LockFile>, PathError> {
    match position.ticket.predecessor(&position.passed_over)? {
        Some(before) => ticket::wait_gone(&before).map(|()| None),
        None => LockFile::take_blocking(&position.write_lock).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::lock_file::Mode;
    use crate::identity::InstanceId;

    /// Only ends a hung test.
    const HUNG: Duration = Duration::from_secs(60);

    fn position(dir: &Path, n: u64) -> Position {
        Position {
            ticket: Arc::new(Ticket::draw(dir, &InstanceId::random(), n).unwrap()),
            write_lock: dir.join("write.lock"),
            passed_over: Names::new(),
        }
    }

    fn held(dir: &Path) -> LockFile {
        let mut lock = LockFile::open(&dir.join("write.lock")).unwrap();
        assert!(lock.try_take(Mode::Exclusive).unwrap());
        lock
    }

    #[test]
    fn the_lock_goes_along_the_line_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let holder = held(folder.path());
        let pool = WaitPool::default();
        let first = pool.start(position(folder.path(), 1)).unwrap();
        let second = pool.start(position(folder.path(), 2)).unwrap();
        holder.release().unwrap();
        let lock = first.wait(HUNG).unwrap().unwrap();
        assert!(second.wait(Duration::ZERO).is_none(), "the first has it");
        drop(first);
        lock.release().unwrap();
        second.wait(HUNG).unwrap().unwrap();
    }

    #[test]
    fn an_attempt_that_is_cancelled_lets_the_next_one_pass_and_its_thread_is_reused() {
        let folder = tempfile::tempdir().unwrap();
        let holder = held(folder.path());
        let pool = WaitPool::default();
        let position_of_first = position(folder.path(), 1);
        let ticket = Arc::clone(&position_of_first.ticket);
        let first = pool.start(position_of_first).unwrap();
        let second = pool.start(position(folder.path(), 2)).unwrap();
        assert!(first.cancel().is_none());
        ticket.leave();
        drop(first);
        assert_eq!(pool.free().len(), 1);
        let third = pool.start(position(folder.path(), 3)).unwrap();
        assert_eq!(pool.free().len(), 0, "no third thread was started");
        holder.release().unwrap();
        let lock = second.wait(HUNG).unwrap().unwrap();
        drop(second);
        lock.release().unwrap();
        third.wait(HUNG).unwrap().unwrap();
    }

    #[test]
    fn a_lock_that_nobody_wants_any_more_is_released() {
        let folder = tempfile::tempdir().unwrap();
        let holder = held(folder.path());
        let pool = WaitPool::default();
        let unwanted = position(folder.path(), 1);
        let ticket = Arc::clone(&unwanted.ticket);
        drop(pool.start(unwanted).unwrap());
        ticket.leave();
        drop(pool);
        holder.release().unwrap();
        let other = WaitPool::default();
        let attempt = other.start(position(folder.path(), 2)).unwrap();
        attempt.wait(HUNG).unwrap().unwrap();
    }
}
