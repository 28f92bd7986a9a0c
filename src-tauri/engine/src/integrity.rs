//! The check for damage: at the start of a host, and whenever a person asks for one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use commonplace_api::status::IntegrityStatus;
use commonplace_store::{CheckStep, Damage, ReadError};

use crate::engine::{Engine, Shared};

/// Tells why no check was begun.
#[derive(Debug, thiserror::Error)]
pub enum IntegrityCheckError {
    /// One check at a time.
    #[error("a check of the store is under way; its result comes in the status")]
    UnderWay,
    /// The engine is closing.
    #[error("the host is stopping; the next start checks the store")]
    Closing,
    /// A thread could not be started.
    #[error("could not start a thread: {0}; the system is out of memory or threads")]
    Thread(#[from] std::io::Error),
}

/// What is known of damage.
pub(crate) struct Integrity {
    /// Short sections; never held while a check reads.
    state: Mutex<Known>,
}

#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) status: IntegrityStatus,
    /// When the last check ended.
    pub(crate) checked_ms: Option<i64>,
}

impl Integrity {
    /// Begins with a check under way, or with trust where none is made.
    pub(crate) fn new(is_checked: bool) -> Self {
        let status = if is_checked {
            IntegrityStatus::Checking
        } else {
            IntegrityStatus::Ok
        };
        let state = Mutex::new(Known {
            status,
            checked_ms: None,
        });
        Self { state }
    }

    fn state(&self) -> MutexGuard<'_, Known> {
        // Every change of it is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn known(&self) -> Known {
        self.state().clone()
    }

    /// Claims the check and returns what was known before; None if one is under way.
    fn begin(&self) -> Option<Known> {
        let mut state = self.state();
        let before = state.clone();
        state.status = IntegrityStatus::Checking;
        (before.status != IntegrityStatus::Checking).then_some(before)
    }

    fn end(&self, known: Known) {
        *self.state() = known;
    }
}

impl Shared {
    /// Looks for damage on this thread and keeps what it found.
    pub(crate) fn check_integrity(&self) {
        self.check_and_report(&mut |_| ());
    }

    fn check_and_report(&self, report: &mut dyn FnMut(CheckStep)) {
        let status = match self.store.check(report) {
            Ok(None) => IntegrityStatus::Ok,
            Ok(Some(damage)) => self.found(&damage),
            Err(ReadError::Damaged { reason, .. }) => self.found(&Damage::of_structure(reason)),
            Err(error) => {
                tracing::warn!(%error, "the integrity check could not be made");
                IntegrityStatus::NotMade(error.to_string())
            }
        };
        let checked_ms = Some(self.now_ms());
        self.integrity.end(Known { status, checked_ms });
        self.note_change();
    }

    /// Damage of pages ends writing for good: more could be lost. A row that does not match its checksum harms no other,
    /// so the agents go on.
    fn found(&self, damage: &Damage) -> IntegrityStatus {
        tracing::error!(%damage, "the check of the store found damage");
        if damage.is_of_structure() {
            self.stop_writing(format!("the database is damaged: {damage}"));
        }
        IntegrityStatus::Damaged(damage.to_string())
    }
}

impl Engine {
    /// Looks for damage now. Reads the whole store: blocks for seconds if it is large. `report` is told where it stands.
    pub fn check_integrity(&self, report: &mut dyn FnMut(CheckStep)) -> IntegrityStatus {
        self.shared.check_and_report(report);
        self.shared.integrity.known().status
    }

    /// Begins to look for damage on a thread of its own and returns at once; reads and writes go on meanwhile. The status
    /// tells what it found.
    ///
    /// # Errors
    /// [`IntegrityCheckError`]; nothing was begun.
    pub fn start_integrity_check(&self) -> Result<(), IntegrityCheckError> {
        let shared = &self.shared;
        if shared.is_closing() {
            return Err(IntegrityCheckError::Closing);
        }
        let before = shared
            .integrity
            .begin()
            .ok_or(IntegrityCheckError::UnderWay)?;
        let worker = Arc::clone(shared);
        let thread = std::thread::Builder::new()
            .name("check".to_owned())
            .spawn(move || worker.check_integrity());
        match thread {
            Ok(thread) => {
                self.join_at_shutdown(thread);
                shared.note_change();
                Ok(())
            }
            Err(error) => {
                shared.integrity.end(before);
                Err(error.into())
            }
        }
    }
}
