//! Restore, compaction and rebuild: a command takes the store for itself, works, and writes down what it did.
//!
//! No engine is open meanwhile, not even one of this process: an open store holds a share of the lock that this work needs
//! exclusively.

use std::path::{Path, PathBuf};
use std::time::Duration;

use commonplace_lock::{
    AcquireError, AuditAct, AuditEntry, AuditParty, AuditStage, Clock, Identity, Locks,
    SystemClock, write_audit,
};
use commonplace_store::{
    Compacted, Kept, LostWrites, MaintenanceError, Rebuilt, RepairStep, Repaired, RestoreError,
    RestoreStep, Restored, accept_lost_writes, lost_writes,
};

use crate::config::LOCKS_DIR;

/// Tells why the work was not done.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The lock directory or the audit log could not be used; nothing was begun.
    #[error(transparent)]
    Lock(#[from] commonplace_lock::OpenError),
    /// The backup was not restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The record of missing writes could not be read or removed.
    #[error("the record of missing writes could not be read or removed: {0}")]
    Record(#[from] std::io::Error),
    /// The store was not compacted or rebuilt.
    #[error(transparent)]
    Maintenance(#[from] MaintenanceError),
}

impl UpkeepError {
    /// Says whether other instances were in the way, so that it may be tried again when they are gone.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::Restore(RestoreError::Locked(
                AcquireError::StoreInUse { .. } | AcquireError::TimedOut { .. }
            )) | Self::Maintenance(MaintenanceError::Locked(
                AcquireError::StoreInUse { .. } | AcquireError::TimedOut { .. }
            ))
        )
    }
}

/// A command that works on a whole store.
#[derive(Debug)]
pub struct Upkeep {
    data_dir: PathBuf,
    locks: Locks,
    /// Longest time to wait for other instances to close the store.
    wait: Duration,
    by: AuditParty,
}

impl Upkeep {
    /// Opens the locks of the store in `data_dir` as the instance `identity`. Takes none of them yet.
    ///
    /// # Errors
    /// If the lock directory cannot be used.
    pub fn open(
        data_dir: &Path,
        identity: Identity,
        by: AuditParty,
        wait: Duration,
    ) -> Result<Self, UpkeepError> {
        Ok(Self {
            data_dir: data_dir.to_owned(),
            locks: Locks::open(&data_dir.join(LOCKS_DIR), identity)?,
            wait,
            by,
        })
    }

    /// Replaces the store by a backup, once every other instance has closed it. `done` is called after each step. Blocks.
    ///
    /// # Errors
    /// See [`RestoreError`]; the audit log must be writable.
    pub fn restore(
        &self,
        backup: &Path,
        done: &mut dyn FnMut(RestoreStep),
    ) -> Result<Restored, UpkeepError> {
        self.audited(
            AuditAct::Restore,
            &format!("the backup `{}`", backup.display()),
            || {
                let now_ms = SystemClock.now_ms();
                let dir = &self.data_dir;
                let result =
                    commonplace_store::restore(dir, &self.locks, backup, self.wait, now_ms, done);
                Ok(result?)
            },
            |restored| {
                let before = match &restored.before {
                    Kept::Nothing => "there was no store before".to_owned(),
                    Kept::Backup(path) => format!("what was there is in `{}`", path.display()),
                    Kept::SetAside(path) => {
                        format!("what was there is damaged and is in `{}`", path.display())
                    }
                };
                format!(
                    "restored {} memories at epoch {}; {before}",
                    restored.contents.memories, restored.epoch
                )
            },
        )
    }

    /// Gives unused room back to the disk, once every other instance has closed the store. Blocks.
    ///
    /// # Errors
    /// See [`MaintenanceError`]; the audit log must be writable.
    pub fn compact(&self) -> Result<Compacted, UpkeepError> {
        self.audited(
            AuditAct::Compact,
            "",
            || {
                let (dir, now_ms) = (&self.data_dir, SystemClock.now_ms());
                let result = commonplace_store::compact(dir, &self.locks, self.wait, now_ms);
                Ok(result?)
            },
            |done| format!("{} bytes became {}", done.bytes_before, done.bytes_after),
        )
    }

    /// Rebuilds what is derived, once every other instance has closed the store. Blocks.
    ///
    /// # Errors
    /// See [`MaintenanceError`]; the audit log must be writable.
    pub fn rebuild(&self) -> Result<Rebuilt, UpkeepError> {
        self.audited(
            AuditAct::Rebuild,
            "",
            || {
                let (dir, now_ms) = (&self.data_dir, SystemClock.now_ms());
                let result = commonplace_store::rebuild(dir, &self.locks, self.wait, now_ms);
                Ok(result?)
            },
            |found| {
                let before = if found.was_right() { "right" } else { "wrong" };
                format!(
                    "rebuilt the word index of {} memories and the bits of {} vectors; they were {before} before",
                    found.memories, found.vectors
                )
            },
        )
    }

    /// Mends a damaged store with all that is whole and what the backups have, or only `from`, once every other instance
    /// has closed it. `report` is called with how far it is. Blocks.
    ///
    /// # Errors
    /// See [`RestoreError`]; the audit log must be writable.
    pub fn repair(
        &self,
        from: Option<&Path>,
        report: &mut dyn FnMut(RepairStep),
    ) -> Result<Repaired, UpkeepError> {
        self.audited(
            AuditAct::Repair,
            "",
            || {
                let now_ms = SystemClock.now_ms();
                let dir = &self.data_dir;
                let wait = self.wait;
                let result =
                    commonplace_store::repair(dir, &self.locks, from, wait, now_ms, report);
                Ok(result?)
            },
            |repaired| match (&repaired.found, &repaired.damaged) {
                (Some(found), Some(damaged)) => format!(
                    "{}; the store was rebuilt with {} memories; what was there is in `{}`",
                    found.what(),
                    repaired.contents.memories,
                    damaged.display()
                ),
                _ => "nothing was damaged".to_owned(),
            },
        )
    }

    /// Ends the notice of acknowledged writes that are missing: a person knows of them. Returns what was known; None if
    /// there was nothing to accept. Others may have the store open.
    ///
    /// # Errors
    /// The record must be removable and the audit log writable.
    pub fn accept_loss(&self) -> Result<Option<LostWrites>, UpkeepError> {
        let Some(lost) = lost_writes(&self.data_dir)? else {
            return Ok(None);
        };
        self.audited(
            AuditAct::AcceptLoss,
            &lost.to_string(),
            || Ok(accept_lost_writes(&self.data_dir)?),
            |_| "it was accepted that they are missing".to_owned(),
        )
    }

    /// Does `work` between two entries of the audit log. Without the first one, nothing is begun.
    fn audited<T>(
        &self,
        act: AuditAct,
        found: &str,
        work: impl FnOnce() -> Result<T, UpkeepError>,
        tell: impl FnOnce(&T) -> String,
    ) -> Result<T, UpkeepError> {
        self.write(act, AuditStage::Begun, found, String::new())?;
        let result = work();
        let (stage, done) = match &result {
            Ok(done) => (AuditStage::Done, tell(done)),
            Err(error) => (AuditStage::Refused, error.to_string()),
        };
        // What was done is done, with or without its entry.
        if let Err(error) = self.write(act, stage, found, done) {
            tracing::error!(%error, ?act, "the end of this act is missing in the audit log");
        }
        result
    }

    fn write(
        &self,
        act: AuditAct,
        stage: AuditStage,
        found: &str,
        done: String,
    ) -> Result<(), UpkeepError> {
        let entry = AuditEntry {
            at_ms: SystemClock.now_ms(),
            act,
            stage,
            by: self.by.clone(),
            found: found.to_owned(),
            done,
        };
        Ok(write_audit(&self.data_dir.join(LOCKS_DIR), &entry)?)
    }
}
