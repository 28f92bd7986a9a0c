//! Settling a lock: clearing what the dead left, taking over from who is stuck, ending who cannot be taken over.
//!
//! Every act is refused where it is not safe, says why, and stands in the audit list: before it begins, and after it was
//! done or refused.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use commonplace_lock::{
    AuditAct, AuditEntry, AuditParty, AuditStage, HolderState, Identity, LockLook, Locks, Look,
    TakeOverError, Wait, look, write_audit,
};
use commonplace_store::{Backend, FenceError};
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, LOCKS_DIR};
use crate::locks_report::{
    HOLD_BUDGET_MS, Leftover, LocksReport, SettleAct, holder_party, leftovers, locks_report,
};
use crate::processes::{ProcessState, Processes};

/// Shortest time for which a holder is watched before it is taken over.
const WATCH_MIN: Duration = Duration::from_secs(2);
/// How long a program that was asked to end may take before it is ended by force.
const END_PATIENCE: Duration = Duration::from_secs(3);
/// How long it may take until the lock of a program that was ended is free.
const FREE_PATIENCE: Duration = Duration::from_secs(10);
/// How long clearing waits for the write lock.
const CLEAR_PATIENCE: Duration = Duration::from_secs(2);
/// How often is looked whether a lock is free.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Why an act is refused whose holder gave the lock back meanwhile.
const MOVED_ON: &str = "the lock has moved on since it was looked at: look at the table again";

/// What was found and done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// What was found, in words.
    pub found: String,
    /// What was done, in words.
    pub done: String,
}

/// The holder that a person was shown when they chose to settle a lock. Another one, and the same one in a later turn, is
/// left alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MeantHolder {
    /// Its instance, as the table of locks shows it.
    pub instance: String,
    /// Since when it has the lock, as the table shows it.
    pub since_ms: i64,
}

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

impl Engine {
    /// Reads the table of the locks: holders, waiters, leftovers, evidence, advice. Looks at files; waits for nobody.
    ///
    /// # Errors
    /// [`SettleError::Failed`] if the lock directory cannot be read.
    pub fn locks(&self) -> Result<LocksReport, SettleError> {
        let shared = &self.shared;
        let is_in_transaction = self.is_in_transaction();
        let dir = shared.config.data_dir.join(LOCKS_DIR);
        let report = locks_report(
            &dir,
            &*shared.config.processes,
            is_in_transaction,
            shared.now_ms(),
        );
        report.map_err(|error| SettleError::Failed(error.to_string()))
    }

    /// Says whether somebody has a transaction open that changes the store; None if the store does not tell.
    pub fn is_in_transaction(&self) -> Option<bool> {
        self.shared.store.is_in_transaction().ok()
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
            settling.clear_leftovers(&self.shared.locks, before)
        })
    }

    /// Takes the write lock over from a holder that is alive and stuck outside a transaction. Blocks for 2 to 5 s.
    ///
    /// `meant` is the holder that was chosen; None for whoever holds it.
    ///
    /// # Errors
    /// [`SettleError::Refused`] with what was found, if that would not be safe, is not needed, or another one holds it.
    pub fn take_over(
        &self,
        by: &AuditParty,
        meant: Option<&MeantHolder>,
    ) -> Result<Settled, SettleError> {
        self.settling(by, meant, |settling| {
            settling.take_over(&self.shared.locks, &*self.shared.store)
        })
    }

    /// Ends a holder that is stuck inside a transaction. Blocks for up to some seconds.
    ///
    /// # Errors
    /// [`SettleError::Refused`] with what was found, if it is at work, can be taken over, cannot be identified, or is not
    /// the one that is `meant`.
    pub fn terminate(
        &self,
        by: &AuditParty,
        meant: Option<&MeantHolder>,
    ) -> Result<Settled, SettleError> {
        let is_in_transaction = self.is_in_transaction();
        self.settling(by, meant, |settling| settling.terminate(is_in_transaction))
    }

    /// Settles a lock as [`Engine::clear_leftovers`], [`Engine::take_over`] or [`Engine::terminate`] does.
    ///
    /// # Errors
    /// As these.
    pub fn settle(
        &self,
        act: SettleAct,
        by: &AuditParty,
        meant: Option<&MeantHolder>,
    ) -> Result<Settled, SettleError> {
        match act {
            SettleAct::ClearLeftovers => self.clear_leftovers(by, None),
            SettleAct::TakeOver => self.take_over(by, meant),
            SettleAct::Terminate => self.terminate(by, meant),
        }
    }

    fn settling<T>(
        &self,
        by: &AuditParty,
        meant: Option<&MeantHolder>,
        act: impl FnOnce(&Settling<'_>) -> T,
    ) -> T {
        let shared = &self.shared;
        let result = act(&Settling {
            dir: &shared.config.data_dir.join(LOCKS_DIR),
            processes: &*shared.config.processes,
            by,
            meant,
            now_ms: &|| shared.now_ms(),
        });
        shared.counters().changes.fetch_add(1, Ordering::Relaxed);
        result
    }
}

/// Ends a holder that is stuck, without opening the store: for when the store cannot be opened because of it.
///
/// As [`crate::Engine::terminate`], on the lock directory `dir`; whether a transaction is open is not known then. Ends
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
                "removed; no lock file and no lock that is held was touched".to_owned(),
            ),
            Err(error) => {
                let reason =
                    format!("another instance has taken the lock meanwhile and clears it: {error}");
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
        self.refused(AuditAct::ClearLeftovers, found, reason.to_owned())
    }

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
            let reason = "that is this very program: it is at work".to_owned();
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
            return self.refused(act, found, MOVED_ON.to_owned());
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

    /// Ends a holder that is stuck where nothing else helps: inside a transaction, or alone with the store.
    ///
    /// `is_in_transaction` is what the store says, None if it could not be asked. Blocks for some seconds.
    pub(crate) fn terminate(
        &self,
        is_in_transaction: Option<bool>,
    ) -> Result<Settled, SettleError> {
        let act = AuditAct::Terminate;
        let seen = look(self.dir).map_err(failed)?;
        let lock = match (seen.write, seen.store) {
            (_, Some(store)) if store.is_held() => store,
            (Some(write), _) if write.is_held() => {
                if is_in_transaction == Some(false) {
                    let reason = "it has no transaction open, so the lock can be taken over: use --take-over".to_owned();
                    return self.refused(act, self.holder_words(&write), reason);
                }
                write
            }
            _ => {
                let found = "no lock is held".to_owned();
                return self.refused(act, found, "there is nobody to end".to_owned());
            }
        };
        let found = self.holder_words(&lock);
        if !self.is_meant(&lock) {
            return self.refuse_other(act, found);
        }
        let Some(holder) = lock.holder.clone() else {
            let reason = format!(
                "nobody is ended without proof of who it is; the system lists {:?} as holders",
                lock.pids
            );
            return self.refused(act, found, reason);
        };
        if let Some(reason) = self.reason_to_spare(&holder, &lock) {
            return self.refused(act, found, reason);
        }
        self.audit(act, AuditStage::Begun, &found, "")?;
        match self.end(&holder, &lock) {
            Ok(done) => self.done(act, found, done),
            Err(reason) => self.refused(act, found, reason),
        }
    }

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
            "that is not the holder you chose: the lock has moved on. Look at the table again";
        self.refused(act, found, reason.to_owned())
    }

    /// Says why a holder must not be ended; None if it may.
    fn reason_to_spare(&self, holder: &Identity, lock: &LockLook) -> Option<String> {
        let age_ms = holder_age(lock, (self.now_ms)());
        match self.processes.look(holder) {
            ProcessState::Stopped => None,
            ProcessState::Running if age_ms > HOLD_BUDGET_MS => None,
            ProcessState::Running => Some(format!(
                "its process is running and has had the lock for {:.1} s only: it is at work. Ask again when it is stopped, or after {} s",
                age_ms as f64 / 1e3,
                HOLD_BUDGET_MS / 1000
            )),
            other => Some(format!(
                "its process {}: nobody is ended without proof of who it is",
                other.words()
            )),
        }
    }

    /// Asks the process to end, ends it by force if it does not, and waits until the lock is free.
    fn end(&self, holder: &Identity, lock: &LockLook) -> Result<String, String> {
        if !self.is_still_held(lock) {
            return Err(MOVED_ON.to_owned());
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
            "process {} was ended by force, and the lock is still held after {} s; look again with `commonplace locks`",
            holder.pid,
            FREE_PATIENCE.as_secs()
        ))
    }

    /// Says whether the lock is still held by the same turn.
    fn is_still_held(&self, lock: &LockLook) -> bool {
        let Ok(seen) = look(self.dir) else {
            return true;
        };
        let mut all = seen.write.into_iter().chain(seen.older).chain(seen.store);
        all.any(|now| now.path == lock.path && now.state == lock.state)
    }

    fn write_lock(&self) -> Result<LockLook, SettleError> {
        let seen = look(self.dir).map_err(failed)?;
        seen.write.ok_or_else(|| SettleError::Refused {
            found: "no instance ever opened this store".to_owned(),
            reason: "there is nothing to settle".to_owned(),
        })
    }

    /// Says who holds a lock, for how long, and what the system says of its process.
    fn holder_words(&self, lock: &LockLook) -> String {
        let path = lock.path.display();
        if lock.state == HolderState::Free {
            return format!("`{path}` is free");
        }
        let Some(Identity {
            pid,
            program,
            version,
            role,
            host_name,
            ..
        }) = &lock.holder
        else {
            return format!(
                "`{path}` is held by a program that left no readable record (the system lists {:?})",
                lock.pids
            );
        };
        let work = match &lock.state {
            HolderState::Held(record) | HolderState::Leftover(record) => format!(
                " for {:.1} s, to {} for `{}`",
                (((self.now_ms)() - record.since_ms).max(0)) as f64 / 1e3,
                record.purpose.kind.escape_debug(),
                record.purpose.client.escape_debug()
            ),
            HolderState::Free | HolderState::HeldByUnknown => String::new(),
        };
        let process = lock
            .holder
            .as_ref()
            .map_or(ProcessState::Unknown, |holder| self.processes.look(holder));
        format!(
            "`{path}` is held by pid {pid} ({program} {version} {role}, on host {host_name}){work}; its process {}",
            process.words()
        )
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

/// Words an error with its causes.
fn failed(error: impl std::error::Error) -> SettleError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    SettleError::Failed(text)
}

fn holder_age(lock: &LockLook, now_ms: i64) -> i64 {
    match &lock.state {
        HolderState::Held(record) | HolderState::Leftover(record) => {
            (now_ms - record.since_ms).max(0)
        }
        HolderState::Free | HolderState::HeldByUnknown => 0,
    }
}

/// How long a holder is watched: until its budget is used up as far as the wall clock tells, and never less than
/// [`WATCH_MIN`], because the wall clock may have jumped.
fn watch_time(age_ms: i64) -> Duration {
    let left = u64::try_from(HOLD_BUDGET_MS - age_ms.max(0)).unwrap_or(0);
    Duration::from_millis(left).max(WATCH_MIN)
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

#[cfg(test)]
mod tests;
