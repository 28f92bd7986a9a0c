//! Errands: threads that stand in line for the write lock, so that a waiting call can be given up at any time.
//!
//! The operating system wakes a waiting thread the moment the lock or the ticket before it is free, but it cannot be
//! told to stop waiting. So the waiting is done by a thread of its own: the call watches the clock, and when it gives up
//! it takes its ticket back and leaves the thread where it is. Such a thread is used again by the next call of this
//! instance, so a lock that is never given back costs one thread for each call that waits at once, not one for each
//! call. A thread that gets the lock when nobody wants it any more gives it back at once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::PathError;
use crate::lock_file::LockFile;
use crate::ticket::{self, Names, Ticket};

/// A place in the line of one write lock file.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) write_lock: PathBuf,
    /// Tickets before it that do not take their turn.
    pub(crate) passed_over: Names,
}

/// What a thread of the pool is doing.
#[derive(Debug)]
enum State {
    /// Nothing, or standing at a place that nobody wants any more.
    Idle,
    Standing(Arc<Place>),
    Done(Result<LockFile, PathError>),
    /// The instance has gone.
    Ended,
}

#[derive(Debug)]
struct Desk {
    /// The lock file that its thread waits for, also when nobody wants that any more.
    write_lock: PathBuf,
    state: Mutex<State>,
    /// Signalled at every change of the state.
    changed: Condvar,
}

/// The threads of one instance.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    free: Mutex<Vec<Arc<Desk>>>,
}

/// One thread, on loan to one waiting call.
#[derive(Debug)]
pub(crate) struct Errand<'a> {
    errands: &'a Errands,
    desk: Arc<Desk>,
    is_stuck: bool,
}

impl Errands {
    /// Sends a thread to stand at `place`.
    pub(crate) fn send(&self, place: Place) -> Result<Errand<'_>, PathError> {
        let desk = match self.take_free(&place.write_lock) {
            Some(desk) => desk,
            None => start(&place)?,
        };
        desk.set(State::Standing(Arc::new(place)));
        Ok(Errand {
            errands: self,
            desk,
            is_stuck: false,
        })
    }

    /// Returns a thread that waits for the same lock file, if it waits for any: others may be stuck for good.
    fn take_free(&self, write_lock: &Path) -> Option<Arc<Desk>> {
        let mut free = self.free();
        let at = free.iter().position(|desk| desk.write_lock == write_lock)?;
        Some(free.swap_remove(at))
    }

    fn free(&self) -> MutexGuard<'_, Vec<Arc<Desk>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Errands {
    fn drop(&mut self) {
        // A thread that is stuck behind a holder ends when that holder does; it cannot be joined.
        for desk in self.free().drain(..) {
            desk.set(State::Ended);
        }
    }
}

impl Errand<'_> {
    /// Waits for at most `time`; None if it takes longer. Some is the end of the errand.
    pub(crate) fn wait(&self, time: Duration) -> Option<Result<LockFile, PathError>> {
        let state = self.desk.state();
        let (mut state, _) = self
            .desk
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

    /// Calls the errand off. Some if it had just ended.
    pub(crate) fn call_off(&self) -> Option<Result<LockFile, PathError>> {
        match std::mem::replace(&mut *self.desk.state(), State::Idle) {
            State::Done(result) => Some(result),
            State::Idle | State::Standing(_) | State::Ended => None,
        }
    }

    /// Calls the errand off for good: its thread stands behind somebody who may never move.
    pub(crate) fn abandon(mut self) -> Option<Result<LockFile, PathError>> {
        self.is_stuck = true;
        let result = self.call_off();
        self.desk.set(State::Ended);
        result
    }
}

impl Drop for Errand<'_> {
    fn drop(&mut self) {
        if self.is_stuck {
            return;
        }
        if let Some(Ok(lock)) = self.call_off() {
            give_back(&lock);
        }
        self.errands.free().push(Arc::clone(&self.desk));
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.state() = state;
        self.changed.notify_all();
    }

    /// Blocks until there is a place to stand at; None when the instance has gone.
    fn next_place(&self) -> Option<Arc<Place>> {
        let mut state = self.state();
        loop {
            match &*state {
                State::Standing(place) => return Some(Arc::clone(place)),
                State::Ended => return None,
                State::Idle | State::Done(_) => {}
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Hands a result over if it is still wanted; gives the lock back if not.
    fn deliver(&self, place: &Arc<Place>, result: Result<LockFile, PathError>) {
        let mut state = self.state();
        let is_wanted = matches!(&*state, State::Standing(wanted) if Arc::ptr_eq(wanted, place));
        if is_wanted {
            *state = State::Done(result);
            self.changed.notify_all();
        } else if let Ok(lock) = result {
            give_back(&lock);
        }
    }
}

fn give_back(lock: &LockFile) {
    if let Err(error) = lock.release() {
        tracing::warn!(target: crate::LOG, %error, "could not give a lock back; closing its file must do");
    }
}

fn start(place: &Place) -> Result<Arc<Desk>, PathError> {
    let desk = Arc::new(Desk {
        write_lock: place.write_lock.clone(),
        state: Mutex::new(State::Idle),
        changed: Condvar::new(),
    });
    let own = Arc::clone(&desk);
    thread::Builder::new()
        .name("lock-line".to_owned())
        .spawn(move || run(&own))
        .map_err(PathError::of(
            "start a thread to wait for",
            &place.write_lock,
        ))?;
    Ok(desk)
}

fn run(desk: &Desk) {
    while let Some(place) = desk.next_place() {
        match step_forward(&place) {
            Ok(None) => {}
            Ok(Some(lock)) => desk.deliver(&place, Ok(lock)),
            Err(error) => desk.deliver(&place, Err(error)),
        }
    }
}

/// Waits for the one before in the line, or, at its head, for the lock itself. None: look again.
fn step_forward(place: &Place) -> Result<Option<LockFile>, PathError> {
    match place.ticket.predecessor(&place.passed_over)? {
        Some(before) => ticket::wait_gone(&before).map(|()| None),
        None => LockFile::take_blocking(&place.write_lock).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::InstanceId;
    use crate::lock_file::Mode;

    /// Only ends a hung test.
    const HUNG: Duration = Duration::from_secs(60);

    fn place(dir: &Path, n: u64) -> Place {
        Place {
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
        let errands = Errands::default();
        let first = errands.send(place(folder.path(), 1)).unwrap();
        let second = errands.send(place(folder.path(), 2)).unwrap();
        holder.release().unwrap();
        let lock = first.wait(HUNG).unwrap().unwrap();
        assert!(second.wait(Duration::ZERO).is_none(), "the first has it");
        drop(first);
        lock.release().unwrap();
        second.wait(HUNG).unwrap().unwrap();
    }

    #[test]
    fn an_errand_that_is_called_off_lets_the_next_one_pass_and_its_thread_is_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let holder = held(folder.path());
        let errands = Errands::default();
        let place_of_first = place(folder.path(), 1);
        let ticket = Arc::clone(&place_of_first.ticket);
        let first = errands.send(place_of_first).unwrap();
        let second = errands.send(place(folder.path(), 2)).unwrap();
        assert!(first.call_off().is_none());
        ticket.give_back();
        drop(first);
        assert_eq!(errands.free().len(), 1);
        let third = errands.send(place(folder.path(), 3)).unwrap();
        assert_eq!(errands.free().len(), 0, "no third thread was started");
        holder.release().unwrap();
        let lock = second.wait(HUNG).unwrap().unwrap();
        drop(second);
        lock.release().unwrap();
        third.wait(HUNG).unwrap().unwrap();
    }

    #[test]
    fn a_lock_that_nobody_wants_any_more_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let holder = held(folder.path());
        let errands = Errands::default();
        let unwanted = place(folder.path(), 1);
        let ticket = Arc::clone(&unwanted.ticket);
        drop(errands.send(unwanted).unwrap());
        ticket.give_back();
        drop(errands);
        holder.release().unwrap();
        let other = Errands::default();
        let errand = other.send(place(folder.path(), 2)).unwrap();
        errand.wait(HUNG).unwrap().unwrap();
    }
}
