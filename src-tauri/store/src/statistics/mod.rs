//! Statistics over all instances that ever had the store open.
//!
//! ```text
//! statistics/<instance>-<n>.journal   what an instance did, appended as it happens
//! statistics/statistics.db            the sums, the last days, the last incidents
//! ```
//!
//! Each instance appends events to a journal of its own: one `write` call for a whole batch, no lock between processes,
//! no sync. Anybody may fold at any time: that adds up what is new in all journals, exactly once. So what is on the way
//! of a write costs microseconds, and what costs more is done by who looks.
//!
//! # What it promises
//!
//! - An event that was recorded counts once, also after the death of its instance at any moment.
//! - Recording never fails and never waits for another process. What cannot be written waits in memory, and beyond
//!   1 MiB is dropped, with a line in the log.
//! - The directory may be deleted at any time, also while instances work: they go on, and start counting again. A database that is
//!   damaged or another program's is set aside with a line in the log. If none can be made, sums are kept in memory.
//!
//! # What it does not promise
//!
//! - Anything after a power cut: nothing here is synced.
//! - That two instances ask at the same moment: figures are those of the last fold.

mod codec;
mod database;
mod event;
mod figures;
mod fold;
mod history;
mod incidents;
mod journal;
mod platform;
mod shares;
mod tally;
mod times;
mod trouble;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use commonplace_lock::InstanceId;
use rusqlite::{Connection, TransactionBehavior};

pub use event::{Acquired, Event, NotAcquired, Read, RequestEnd, TurnEnd, WhyNot, Written};
pub use figures::{Counter, Figures, Measure, Share};
pub use history::{HISTORY_DAYS, HISTORY_MS_MAX, HistoryPoint, Moment, Span};
pub use incidents::{Incident, IncidentKind};
pub use shares::{WAIT_SHARES_MAX, WaitShares};
pub use times::Times;

use journal::Journal;
use trouble::Trouble;

/// Name of the directory inside the store directory.
const DIR: &str = "statistics";
const DATABASE: &str = "statistics.db";

/// Steps of the history that are too many are removed at most this often.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// A database that is locked for long, by an instance that was stopped in the middle, is tried again after this time.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The statistics of one store, as one instance records and reads them.
pub struct Statistics {
    dir: PathBuf,
    journal: Journal,
    /// How many days of the past stay.
    days_kept: AtomicU32,
    state: Mutex<State>,
}

/// What belongs to looking, and not to recording.
#[derive(Default)]
struct State {
    /// The sums while the file cannot be used.
    memory: Option<Connection>,
    /// Whether the file has been looked at for damage.
    is_checked: bool,
    /// What was read last, for the time in which the file is locked.
    last: Figures,
    forgotten: Option<Instant>,
    busy_since: Option<Instant>,
}

impl Statistics {
    /// Makes the door of `instance` to the statistics of the store in `store_dir`. Makes no file yet, and cannot fail.
    #[must_use]
    pub fn new(store_dir: &Path, instance: &InstanceId) -> Self {
        let dir = Self::dir_of(store_dir);
        Self {
            journal: Journal::new(&dir, instance),
            dir,
            days_kept: AtomicU32::new(*HISTORY_DAYS.end()),
            state: Mutex::default(),
        }
    }

    /// Keeps this many days of the past from the next fold on, and forgets what is older; within [`HISTORY_DAYS`]. Who
    /// does not say it forgets only what nobody keeps.
    pub fn keep_days(&self, days: u32) {
        let days = days.clamp(*HISTORY_DAYS.start(), *HISTORY_DAYS.end());
        if self.days_kept.swap(days, Ordering::Relaxed) != days {
            self.state().forgotten = None;
        }
    }

    /// Returns where the statistics of the store in `store_dir` lie, if there are any.
    #[must_use]
    pub fn dir_of(store_dir: &Path) -> PathBuf {
        store_dir.join(DIR)
    }

    /// Records what happened, in this order. Takes some microseconds and never waits for a reader.
    pub fn record(&self, events: &[Event]) {
        self.journal.append(events);
    }

    /// Tries again to write what could not be written, such as on a full disk. Costs nothing if there is nothing.
    pub fn flush(&self) {
        self.journal.flush();
    }

    /// Adds up what is new, in all journals.
    ///
    /// `is_alive` must say yes for every instance that may still record; saying yes for all is safe. Blocks for some
    /// milliseconds: not for the way of a write. Returns false if another instance has the database locked for longer
    /// than usual, so that nothing was added.
    pub fn fold(&self, now_ms: i64, is_alive: &dyn Fn(&InstanceId) -> bool) -> bool {
        self.folded(now_ms, is_alive, |_| Ok(())).is_some()
    }

    /// Does the same and returns the sums. If another instance has the database locked for longer than usual, those
    /// that were read last.
    pub fn figures(&self, now_ms: i64, is_alive: &dyn Fn(&InstanceId) -> bool) -> Figures {
        let figures = self.folded(now_ms, is_alive, Figures::load);
        let mut state = self.state();
        if let Some(figures) = figures {
            state.last = figures;
        }
        state.last.clone()
    }

    /// Returns what happened in `span`, up to the last fold: points without gaps, the oldest first. Seven days are kept:
    /// the last hour by the second, the last day by ten seconds, all by the minute, by ten minutes and by the hour.
    pub fn history(&self, span: Span, now_ms: i64) -> Vec<HistoryPoint> {
        self.look(|connection| history::read(connection, span, now_ms))
            .unwrap_or_default()
    }

    /// Returns the queue waits between two moments, milliseconds since 1970, by client and by kind. Seven days are kept:
    /// the last hour by ten seconds, the last six by the minute, all by ten minutes and by the hour; a step that is only
    /// partly between the two counts as a whole.
    pub fn wait_shares(&self, from_ms: i64, to_ms: i64, now_ms: i64) -> WaitShares {
        self.look(|connection| shares::read(connection, from_ms, to_ms, now_ms))
            .unwrap_or_default()
    }

    /// Returns slow holds, slow waits and failures up to the last fold, the newest first. The last 1,000 are kept.
    pub fn incidents(&self, limit: usize) -> Vec<Incident> {
        self.look(|connection| incidents::last(connection, limit))
            .unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic can leave nothing behind but a transaction, which its connection undoes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folds and looks in the same transaction, then removes the journals that are used up.
    fn folded<T>(
        &self,
        now_ms: i64,
        is_alive: &dyn Fn(&InstanceId) -> bool,
        then: impl Fn(&Connection) -> Result<T, Trouble>,
    ) -> Option<T> {
        self.journal.flush();
        let mut state = self.state();
        let forgets = state.forgotten.is_none_or(|at| at.elapsed() > FORGET_EVERY);
        let (answer, used_up) = self.attempt(&mut state, |connection| {
            let used_up = fold::fold(connection, &self.dir, now_ms, is_alive)?;
            if forgets {
                let days = self.days_kept.load(Ordering::Relaxed);
                history::forget(connection, now_ms, days)?;
                shares::forget(connection, now_ms, days)?;
            }
            Ok((then(connection)?, used_up))
        })?;
        if forgets {
            state.forgotten = Some(Instant::now());
        }
        // What was only counted in memory is kept for the file.
        if state.memory.is_none() {
            for name in used_up {
                drop(std::fs::remove_file(self.dir.join(name.file_name())));
            }
            self.journal.turn_page();
        }
        Some(answer)
    }

    fn look<T>(&self, work: impl Fn(&Connection) -> Result<T, Trouble>) -> Option<T> {
        self.attempt(&mut self.state(), work)
    }

    /// Does `work` in one transaction, on the file or, while that is not possible, in memory. None if it has to wait
    /// for another instance.
    fn attempt<T>(
        &self,
        state: &mut State,
        work: impl Fn(&Connection) -> Result<T, Trouble>,
    ) -> Option<T> {
        if state
            .busy_since
            .is_some_and(|since| since.elapsed() < TRY_AGAIN_AFTER)
        {
            return None;
        }
        let mut result = self.on_file(state, &work);
        if let Err(Trouble::Damaged(reason)) = &result {
            self.set_aside(reason);
            result = self.on_file(state, &work);
        }
        let was_busy = state.busy_since.take().is_some();
        match result {
            Ok(answer) => {
                state.memory = None;
                Some(answer)
            }
            Err(Trouble::Busy) => {
                if !was_busy {
                    tracing::warn!(dir = %self.dir.display(), "another instance has the statistics locked for long");
                }
                state.busy_since = Some(Instant::now());
                None
            }
            Err(error) => self.in_memory(state, &error, &work),
        }
    }

    fn on_file<T>(
        &self,
        state: &mut State,
        work: &impl Fn(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        platform::make_private_dir(&self.dir)?;
        let mut connection = database::open(&self.dir.join(DATABASE), !state.is_checked)?;
        state.is_checked = true;
        in_transaction(&mut connection, work)
    }

    fn set_aside(&self, reason: &str) {
        let path = self.dir.join(DATABASE);
        match database::set_aside(&path) {
            Ok(aside) => tracing::warn!(
                %reason, moved_to = %aside.display(),
                "the statistics were not usable and start again from zero; memories are not affected"
            ),
            Err(error) => {
                tracing::warn!(%reason, %error, path = %path.display(), "could not move the unusable statistics away");
            }
        }
    }

    fn in_memory<T>(
        &self,
        state: &mut State,
        error: &Trouble,
        work: &impl Fn(&Connection) -> Result<T, Trouble>,
    ) -> Option<T> {
        if state.memory.is_none() {
            tracing::warn!(
                %error, dir = %self.dir.display(),
                "the statistics cannot be kept in their file; they are counted in memory until they can"
            );
            state.memory = database::in_memory().ok();
        }
        in_transaction(state.memory.as_mut()?, work).ok()
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: &impl Fn(&Connection) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let answer = work(&transaction)?;
    transaction.commit()?;
    Ok(answer)
}
