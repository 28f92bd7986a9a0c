//! Clearing what dead instances have left: records and tickets, never a lock that is held.

use std::time::Duration;

use commonplace_api::locks::{Leftover, Settled};
use commonplace_lock::{AuditAct, AuditStage, Locks, Look, Wait, look};

use super::{SettleError, Settling, failed};
use crate::report::locks_report::leftovers;

/// How long clearing waits for the write lock.
const CLEAR_PATIENCE: Duration = Duration::from_secs(2);

impl Settling<'_> {
    /// Removes what dead instances have left. `before` is a look from before this instance opened the locks, which
    /// clears as well.
    pub(crate) fn clear_leftovers(
        &self,
        locks: &Locks,
        before: Option<Look>,
    ) -> Result<Settled, SettleError> {
        let seen = match before {
            Some(before) => before,
            None => look(self.dir).map_err(failed)?,
        };
        let left = leftovers(&seen);
        let found = leftover_words(&left);
        if left.is_empty() {
            return self.refuse_clearing(&seen);
        }
        self.audit(AuditAct::ClearLeftovers, AuditStage::Begun, &found, "")?;
        match locks.clear_leftovers(Wait::up_to(CLEAR_PATIENCE)) {
            Ok(_) => self.done(
                AuditAct::ClearLeftovers,
                found,
                "removed; neither a lock file nor a lock that is held was touched".to_owned(),
            ),
            Err(error) => {
                let reason = format!(
                    "another instance has meanwhile taken the lock and is clearing it: {error}"
                );
                self.refused(AuditAct::ClearLeftovers, found, reason)
            }
        }
    }

    fn refuse_clearing(&self, seen: &Look) -> Result<Settled, SettleError> {
        let held = seen.write.as_ref().filter(|lock| lock.is_held());
        let (found, reason) = match held {
            Some(lock) => (
                self.holder_words(lock),
                "a lock that is held is never cleared: see `commonplace locks`, and --take-over if its holder is stuck",
            ),
            None => (
                "no dead instance has left anything".to_owned(),
                "there is nothing to clear",
            ),
        };
        let reason = match self.stopped_words(&seen.instances) {
            Some(stopped) => format!("{reason}; {stopped}"),
            None => reason.to_owned(),
        };
        self.refused(AuditAct::ClearLeftovers, found, reason)
    }
}

fn leftover_words(left: &[Leftover]) -> String {
    let words: Vec<_> = left
        .iter()
        .map(|leftover| match (leftover.pid, &leftover.role) {
            (Some(pid), Some(role)) => format!("{} pid {pid} ({role})", leftover.what),
            _ => format!("{} {}", leftover.what, leftover.instance),
        })
        .collect();
    format!("records of dead instances: {}", words.join(", "))
}
