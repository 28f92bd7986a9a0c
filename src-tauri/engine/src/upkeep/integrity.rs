//! The check for damage: at the start of a host, and whenever a person asks for one.

use std::sync::Mutex;

use commonplace_api::status::IntegrityStatus;
use commonplace_store::{CheckStep, Damage, ReadError};

use crate::context::Context;
use crate::mutex::lock;

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

    pub(crate) fn known(&self) -> Known {
        lock(&self.state).clone()
    }

    /// Claims the check and returns what was known before; None if one is under way.
    pub(crate) fn begin(&self) -> Option<Known> {
        let mut state = lock(&self.state);
        let before = state.clone();
        state.status = IntegrityStatus::Checking;
        (before.status != IntegrityStatus::Checking).then_some(before)
    }

    pub(crate) fn end(&self, known: Known) {
        *lock(&self.state) = known;
    }
}

/// Looks for damage on this thread and keeps what it found. `report` is called with how far it is.
pub(crate) fn check(context: &Context, integrity: &Integrity, report: &mut dyn FnMut(CheckStep)) {
    let status = match context.store.check(report) {
        Ok(None) => IntegrityStatus::Ok,
        Ok(Some(damage)) => damaged(context, &damage),
        Err(ReadError::Damaged { reason, .. }) => damaged(context, &Damage::of_structure(reason)),
        Err(error) => {
            tracing::warn!(%error, "the integrity check could not be made");
            IntegrityStatus::NotMade(error.to_string())
        }
    };
    let checked_ms = Some(context.now_ms());
    integrity.end(Known { status, checked_ms });
    context.note_change();
}

/// Damage of pages ends writing permanently: more could be lost. A row that does not match its checksum harms no other, so
/// the agents go on.
fn damaged(context: &Context, damage: &Damage) -> IntegrityStatus {
    tracing::error!(%damage, "the check of the store found damage");
    if damage.is_of_structure() {
        let reason = format!("the database is damaged: {damage}");
        context.health.stop_writing(reason);
    }
    IntegrityStatus::Damaged(damage.to_string())
}
