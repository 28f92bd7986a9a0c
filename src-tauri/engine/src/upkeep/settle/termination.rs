//! Ending a holder that is stuck where nothing else helps: inside a transaction, or alone with the store.

use std::time::{Duration, Instant};

use commonplace_api::ProcessState;
use commonplace_api::locks::{LockName, Settled};
use commonplace_lock::{AuditAct, AuditStage, Identity, LockLook, Look, look};

use super::words::holder_age;
use super::{CHANGED_HANDS, SettleError, Settling, failed};
use crate::report::locks_report::{HOLD_BUDGET_MS, is_stuck};

/// How long a program that was asked to end may take before it is ended by force.
const END_PATIENCE: Duration = Duration::from_secs(3);
/// How long it may take until the lock of a program that was ended is free.
const FREE_PATIENCE: Duration = Duration::from_secs(10);
/// How often is looked whether a lock is free.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Settling<'_> {
    /// Ends a holder that is stuck where nothing else helps: inside a transaction, or alone with the store.
    ///
    /// `is_in_transaction` is what the store says, None if it could not be asked. Blocks for some seconds.
    pub(crate) fn terminate(
        &self,
        is_in_transaction: Option<bool>,
    ) -> Result<Settled, SettleError> {
        let act = AuditAct::Terminate;
        let seen = look(self.dir).map_err(failed)?;
        let stopped = self.stopped_words(&seen.instances);
        let Some((name, lock)) = self.to_end(seen) else {
            let found = "no lock is held".to_owned();
            let reason = stopped.unwrap_or_else(|| "there is nobody to end".to_owned());
            return self.refused(act, found, reason);
        };
        let found = self.holder_words(&lock);
        if name == LockName::Write && is_in_transaction == Some(false) {
            let reason =
                "it has no transaction open, so the lock can be taken over: use --take-over"
                    .to_owned();
            return self.refused(act, found, reason);
        }
        if !self.is_meant(&lock) {
            return self.refuse_other(act, found);
        }
        let Some(holder) = lock.holder.clone() else {
            let reason = format!(
                "no process is ended without proof of its identity; the system lists {:?} as holders",
                lock.pids
            );
            return self.refused(act, found, reason);
        };
        if let Some(reason) = self.reason_to_spare(name, &holder, &lock) {
            return self.refused(act, found, reason);
        }
        self.audit(act, AuditStage::Begun, &found, "")?;
        match self.end(&holder, &lock) {
            Ok(done) => self.done(act, found, done),
            Err(reason) => self.refused(act, found, reason),
        }
    }

    /// Chooses the lock whose holder is to be ended, with its name: the one that was meant, or else the first whose holder
    /// is stuck, or else the first that is held.
    fn to_end(&self, seen: Look) -> Option<(LockName, LockLook)> {
        let all = [
            (LockName::Store, seen.store),
            (LockName::Gate, seen.gate),
            (LockName::TakeOver, seen.take_over),
            (LockName::Write, seen.write),
        ];
        let held = all
            .into_iter()
            .filter_map(|(name, lock)| Some((name, lock?)));
        let mut held: Vec<_> = held.filter(|(_, lock)| lock.is_held()).collect();
        let is_wanted = |(name, lock): &(LockName, LockLook)| match (self.meant, &lock.holder) {
            (Some(_), _) => self.is_meant(lock),
            (None, Some(holder)) => self.reason_to_spare(*name, holder, lock).is_none(),
            (None, None) => false,
        };
        let place = held.iter().position(is_wanted).unwrap_or(0);
        (place < held.len()).then(|| held.swap_remove(place))
    }

    /// Says why a holder must not be ended; None if it may.
    fn reason_to_spare(
        &self,
        name: LockName,
        holder: &Identity,
        lock: &LockLook,
    ) -> Option<String> {
        let age_ms = holder_age(lock, (self.now_ms)());
        match self.processes.look(holder) {
            process @ (ProcessState::Stopped | ProcessState::Running)
                if is_stuck(name, process, age_ms) =>
            {
                None
            }
            ProcessState::Running if name != LockName::Write => Some(
                "its process is running: it is at work, which can take minutes in a large store. Try again when it is stopped"
                    .to_owned(),
            ),
            ProcessState::Running => Some(format!(
                "its process is running and has held the lock for only {:.1} s: it is at work. Try again when it is stopped, or after {} s",
                age_ms as f64 / 1e3,
                HOLD_BUDGET_MS / 1000
            )),
            other => Some(format!(
                "its process {}: no process is ended without proof of its identity",
                other.words()
            )),
        }
    }

    /// Asks the process to end, ends it by force if it does not, and waits until the lock is free.
    fn end(&self, holder: &Identity, lock: &LockLook) -> Result<String, String> {
        if !self.is_still_held(lock) {
            return Err(CHANGED_HANDS.to_owned());
        }
        self.processes.end(holder, false)?;
        let started = Instant::now();
        let mut by_force = false;
        while started.elapsed() < FREE_PATIENCE {
            if !self.is_still_held(lock) {
                let how = if by_force {
                    "ended by force"
                } else {
                    "asked to end"
                };
                return Ok(format!(
                    "process {} was {how}; the lock was free {:.1} s later, and SQLite undoes what was not committed",
                    holder.pid,
                    started.elapsed().as_secs_f64()
                ));
            }
            if !by_force && started.elapsed() >= END_PATIENCE {
                self.processes.end(holder, true)?;
                by_force = true;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(format!(
            "process {} was ended by force, and the lock is still held after {} s; check again with `commonplace locks`",
            holder.pid,
            FREE_PATIENCE.as_secs()
        ))
    }
}
