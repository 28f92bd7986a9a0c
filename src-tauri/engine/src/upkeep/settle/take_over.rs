//! Taking the write lock over from a holder that is alive and stuck outside a transaction.

use std::time::Duration;

use commonplace_api::ProcessState;
use commonplace_api::locks::Settled;
use commonplace_lock::{AuditAct, AuditStage, LockLook, Locks, TakeOverError, look};
use commonplace_store::{Backend, FenceError};

use super::words::holder_age;
use super::{CHANGED_HANDS, SettleError, Settling, failed};
use crate::report::locks_report::HOLD_BUDGET_MS;

/// Shortest time for which a holder is watched before it is taken over.
const WATCH_MIN: Duration = Duration::from_secs(2);

impl Settling<'_> {
    /// Takes the write lock over from a holder that is alive and stuck outside a transaction. Blocks for 2 to 5 s: that
    /// long the holder is watched.
    pub(crate) fn take_over(
        &self,
        locks: &Locks,
        store: &dyn Backend,
    ) -> Result<Settled, SettleError> {
        let act = AuditAct::TakeOver;
        let lock = self.write_lock()?;
        let found = self.holder_words(&lock);
        if !self.is_meant(&lock) {
            return self.refuse_other(act, found);
        }
        let age_ms = holder_age(&lock, (self.now_ms)());
        let is_own = lock
            .holder
            .as_ref()
            .is_some_and(|holder| holder.instance == locks.identity().instance);
        if is_own {
            let reason = "this program holds it itself and is at work".to_owned();
            return self.refused(act, found, reason);
        }
        let is_elsewhere = lock
            .holder
            .as_ref()
            .is_some_and(|holder| self.processes.look(holder) == ProcessState::OtherMachine);
        if is_elsewhere {
            let reason =
                "settle it on that machine, or remove the copy of its records there".to_owned();
            return self.refused(act, found, reason);
        }
        let watch = watch_time(age_ms);
        let take_over = match locks.watch_stuck_holder(watch) {
            Ok(take_over) => take_over,
            Err(error @ TakeOverError::Io(_)) => return Err(failed(error)),
            Err(error) => return self.refused(act, found, error.to_string()),
        };
        // The watch began after the look: who was watched must be who was found.
        if !self.is_still_held(&lock) {
            return self.refused(act, found, CHANGED_HANDS.to_owned());
        }
        self.audit(act, AuditStage::Begun, &found, "")?;
        let epoch = match store.fence_off(&take_over) {
            Ok(epoch) => epoch,
            Err(error @ FenceError::InTransaction { .. }) => {
                let reason =
                    format!("{error}; `commonplace unlock --terminate` ends it if it is stuck");
                return self.refused(act, found, reason);
            }
            Err(error) => return self.refused(act, found, error.to_string()),
        };
        let generation = take_over.to();
        take_over.finish().map_err(failed)?;
        self.done(
            act,
            found,
            format!("the write lock moved to generation {generation} with epoch {}; the old holder's late writes are refused", epoch.0),
        )
    }

    fn write_lock(&self) -> Result<LockLook, SettleError> {
        let seen = look(self.dir).map_err(failed)?;
        seen.write.ok_or_else(|| SettleError::Refused {
            found: "no instance ever opened this store".to_owned(),
            reason: "there is nothing to settle".to_owned(),
        })
    }
}

/// How long a holder is watched: until its budget is used up as far as the wall clock tells, and never less than
/// [`WATCH_MIN`], because the wall clock may have jumped.
fn watch_time(age_ms: i64) -> Duration {
    let left = u64::try_from(HOLD_BUDGET_MS - age_ms.max(0)).unwrap_or(0);
    Duration::from_millis(left).max(WATCH_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_watched_for_the_rest_of_its_budget_and_never_for_less_than_two_seconds() {
        assert_eq!(watch_time(0), Duration::from_secs(5));
        assert_eq!(watch_time(4_000), WATCH_MIN);
        assert_eq!(
            watch_time(1_000_000),
            WATCH_MIN,
            "the clock may have jumped"
        );
        assert_eq!(
            watch_time(-1_000_000),
            Duration::from_secs(5),
            "also backwards"
        );
    }
}
