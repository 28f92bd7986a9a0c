//! Settling a lock: clearing what the dead left, taking over from who is stuck, ending who cannot be taken over.
//!
//! Every act is refused where it is not safe, says why, and is in the audit log: before it begins, and after it was
//! done or refused. What all acts share is here; each act has a file of its own.

mod leftovers;
mod take_over;
mod termination;
mod words;

use std::path::Path;

use commonplace_api::Refusal;
use commonplace_api::locks::{LocksReport, MeantHolder, SettleAct, Settled};
use commonplace_lock::{
    AuditAct, AuditEntry, AuditParty, AuditStage, LockLook, Look, look, write_audit,
};

use crate::config::LOCKS_DIR;
use crate::engine::Engine;
use crate::processes::Processes;
use crate::report::locks_report::{holder_party, locks_report};
use crate::request::with_causes;

/// Why an act is refused whose holder gave the lock back meanwhile.
const CHANGED_HANDS: &str = "the lock has changed hands since you looked: look at the table again";

/// Says why nothing was settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// It would not be safe, or there is nothing to settle.
    #[error("{found}; {reason}")]
    Refused {
        /// What was found.
        found: String,
        /// Why it was refused, and what to do instead.
        reason: String,
    },
    /// A step failed.
    #[error("{0}")]
    Failed(String),
}

impl From<SettleError> for Refusal {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Refused { found, reason } => Self::NotSafe { found, reason },
            SettleError::Failed(reason) => Self::Failed { reason },
        }
    }
}

impl Engine {
    /// Reads the table of the locks: holders, waiters, leftovers, evidence, advice. Looks at files; waits for nobody.
    ///
    /// # Errors
    /// [`SettleError::Failed`] if the lock directory cannot be read.
    pub fn locks(&self) -> Result<LocksReport, SettleError> {
        let context = &self.shared.context;
        let is_in_transaction = self.is_in_transaction();
        let dir = context.config.data_dir.join(LOCKS_DIR);
        let report = locks_report(
            &dir,
            &*context.config.processes,
            is_in_transaction,
            context.now_ms(),
        );
        report.map_err(|error| SettleError::Failed(error.to_string()))
    }

    /// Says whether somebody has a transaction open that changes the store; None if the store does not tell.
    pub fn is_in_transaction(&self) -> Option<bool> {
        self.shared.context.store.is_in_transaction().ok()
    }

    /// Removes what dead instances have left. `before` is a look from before this engine was opened, which clears too.
    ///
    /// # Errors
    /// [`SettleError::Refused`] if there is nothing to clear, or the lock is held.
    pub fn clear_leftovers(
        &self,
        by: &AuditParty,
        before: Option<Look>,
    ) -> Result<Settled, SettleError> {
        self.settling(by, None, |settling| {
            settling.clear_leftovers(&self.shared.context.locks, before)
        })
    }

    /// Settles a lock: clears what dead instances have left, takes the write lock over from a holder that is stuck outside
    /// a transaction, or ends one that is stuck inside. Blocks for up to some seconds.
    ///
    /// `meant` is the holder that was chosen; None for whoever holds the lock.
    ///
    /// # Errors
    /// [`SettleError::Refused`] with what was found, if the act would not be safe, is not needed, or another one holds it.
    pub fn settle(
        &self,
        act: SettleAct,
        by: &AuditParty,
        meant: Option<&MeantHolder>,
    ) -> Result<Settled, SettleError> {
        let context = &self.shared.context;
        match act {
            SettleAct::ClearLeftovers => self.clear_leftovers(by, None),
            SettleAct::TakeOver => self.settling(by, meant, |settling| {
                settling.take_over(&context.locks, &*context.store)
            }),
            SettleAct::Terminate => {
                let is_in_transaction = self.is_in_transaction();
                self.settling(by, meant, |settling| settling.terminate(is_in_transaction))
            }
        }
    }

    fn settling<T>(
        &self,
        by: &AuditParty,
        meant: Option<&MeantHolder>,
        act: impl FnOnce(&Settling<'_>) -> T,
    ) -> T {
        let context = &self.shared.context;
        let result = act(&Settling {
            dir: &context.config.data_dir.join(LOCKS_DIR),
            processes: &*context.config.processes,
            by,
            meant,
            now_ms: &|| context.now_ms(),
        });
        context.note_change();
        result
    }
}

/// Ends a holder that is stuck, without opening the store: for when the store cannot be opened because of it.
///
/// As [`crate::Engine::settle`], on the lock directory `dir`; whether a transaction is open is not known then. Ends
/// whoever holds the lock if nobody is `meant`.
///
/// # Errors
/// See [`SettleError`].
pub fn terminate(
    dir: &Path,
    processes: &dyn Processes,
    by: &AuditParty,
    meant: Option<&MeantHolder>,
    now_ms: &dyn Fn() -> i64,
) -> Result<Settled, SettleError> {
    let settling = Settling {
        dir,
        processes,
        by,
        meant,
        now_ms,
    };
    settling.terminate(None)
}

/// One attempt to settle a lock.
pub(crate) struct Settling<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) processes: &'a dyn Processes,
    pub(crate) by: &'a AuditParty,
    /// The holder that was chosen; None for whoever holds the lock.
    pub(crate) meant: Option<&'a MeantHolder>,
    pub(crate) now_ms: &'a dyn Fn() -> i64,
}

impl Settling<'_> {
    /// Says whether a lock is held by who was chosen, in the turn that was shown.
    fn is_meant(&self, lock: &LockLook) -> bool {
        let Some(meant) = self.meant else {
            return true;
        };
        holder_party(lock)
            .is_some_and(|now| now.instance == meant.instance && now.since_ms == meant.since_ms)
    }

    fn refuse_other(&self, act: AuditAct, found: String) -> Result<Settled, SettleError> {
        let reason =
            "that is not the holder you chose: the lock has changed hands. Look at the table again";
        self.refused(act, found, reason.to_owned())
    }

    /// Says whether the lock is still held by the same turn.
    fn is_still_held(&self, lock: &LockLook) -> bool {
        let Ok(seen) = look(self.dir) else {
            return true;
        };
        let writes = seen.write.into_iter().chain(seen.older);
        let mut all = writes
            .chain(seen.store)
            .chain(seen.gate)
            .chain(seen.take_over);
        all.any(|now| now.path == lock.path && now.state == lock.state)
    }

    fn audit(
        &self,
        act: AuditAct,
        stage: AuditStage,
        found: &str,
        done: &str,
    ) -> Result<(), SettleError> {
        let entry = AuditEntry {
            at_ms: (self.now_ms)(),
            act,
            stage,
            by: self.by.clone(),
            found: found.to_owned(),
            done: done.to_owned(),
        };
        tracing::warn!(?act, ?stage, found, done, by = self.by.role, "audit");
        write_audit(self.dir, &entry).map_err(failed)
    }

    fn done(&self, act: AuditAct, found: String, done: String) -> Result<Settled, SettleError> {
        self.audit(act, AuditStage::Done, &found, &done)?;
        Ok(Settled { found, done })
    }

    fn refused(
        &self,
        act: AuditAct,
        found: String,
        reason: String,
    ) -> Result<Settled, SettleError> {
        self.audit(act, AuditStage::Refused, &found, &reason)?;
        Err(SettleError::Refused { found, reason })
    }
}

fn failed(error: impl std::error::Error) -> SettleError {
    SettleError::Failed(with_causes(&error))
}

#[cfg(test)]
mod tests;
