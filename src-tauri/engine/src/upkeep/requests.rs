//! What a person asks of a running engine: to pause, to make a backup, to look for damage.

use commonplace_api::Pause;
use commonplace_api::backups::{self as api, BackupRunning};
use commonplace_api::status::IntegrityStatus;
use commonplace_store::{BackupError, BackupTo, CheckStep};

use crate::context::pause_of;
use crate::engine::{Engine, OpenError};
use crate::upkeep::backups::{back_up, backups_folder, made_of, run_backup, step_of};
use crate::upkeep::integrity::{IntegrityCheckError, check};

impl Engine {
    /// Pauses the writes of this store, in all its instances, and returns the pause in force: an earlier one stays.
    ///
    /// A batch under way is finished; what was accepted and what comes later waits in the queue, each within its
    /// deadline. Searches go on. The pause lasts until somebody resumes, also over the end of this process.
    pub fn pause(&self, by: &str) -> Result<Pause, OpenError> {
        let context = &self.shared.context;
        let pause = pause_of(context.locks.pause(by)?);
        tracing::warn!(%pause, "writes are paused");
        context.note_change();
        Ok(pause)
    }

    /// Resumes writes, and returns the pause that ended; None if writes were not paused.
    pub fn resume(&self) -> Result<Option<Pause>, OpenError> {
        let context = &self.shared.context;
        let ended = context.locks.resume()?.map(pause_of);
        if let Some(pause) = &ended {
            tracing::warn!(%pause, "the pause has ended; writes go on");
        }
        context.note_change();
        Ok(ended)
    }

    /// Returns since when the writes of this store are paused, and by whom; None while they go on.
    pub fn paused(&self) -> Option<Pause> {
        self.shared.context.paused()
    }

    /// Begins a backup on a thread of its own and returns at once; writes go on meanwhile. None puts it into the
    /// directory of backups and keeps the newest [`commonplace_api::settings::Limits::backups_kept`] there.
    ///
    /// [`Engine::backups`] says how far it is and how it ended. A shutdown of the engine gives it up.
    ///
    /// # Errors
    /// [`BackupError::UnderWay`] if this engine makes one already; [`BackupError::Thread`].
    pub fn start_backup(&self, to: Option<BackupTo>) -> Result<BackupRunning, BackupError> {
        let shared = &self.shared;
        if shared.context.is_closing() {
            return Err(BackupError::GaveUp);
        }
        let running = shared.backups.begin(shared.context.now_ms())?;
        let begun = running.clone();
        let thread = self.spawn("backup", move |shared| {
            run_backup(&shared.context, &shared.backups, &begun, to.as_ref());
        });
        if let Err(error) = thread {
            let failed = Err(BackupError::Thread(error));
            let ended_ms = shared.context.now_ms();
            shared.backups.end(running.number, ended_ms, &failed);
            return failed.map(|_| running);
        }
        Ok(running)
    }

    /// Makes a backup on this thread, for a command that waits for it. `report` is called with how far it is.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub fn make_backup(
        &self,
        to: Option<BackupTo>,
        report: &mut dyn FnMut(api::BackupStep),
    ) -> Result<api::BackupMade, BackupError> {
        let report = &mut |step| report(step_of(step));
        back_up(&self.shared.context, to.as_ref(), report).map(made_of)
    }

    /// Says what is known of the backups. Lists one directory; a directory that cannot be read counts as empty, and the
    /// log says so.
    #[must_use]
    pub fn backups(&self) -> api::Backups {
        let folder = backups_folder(&self.shared.context);
        self.shared.backups.list(folder)
    }

    /// Returns why this engine could not write out what was in files that no name leads to any more, which is the last
    /// thing it does; None if it could or had nothing to write out. Known after [`Engine::shutdown`].
    pub fn not_rescued(&self) -> Option<String> {
        self.shared.backups.not_rescued()
    }

    /// Looks for damage now. Reads the whole store: blocks for seconds if it is large. `report` is called with how far it is.
    pub fn check_integrity(&self, report: &mut dyn FnMut(CheckStep)) -> IntegrityStatus {
        check(&self.shared.context, &self.shared.integrity, report);
        self.shared.integrity.known().status
    }

    /// Begins to look for damage on a thread of its own and returns at once; reads and writes go on meanwhile. The status
    /// says what it found.
    ///
    /// # Errors
    /// [`IntegrityCheckError`]; nothing was begun.
    pub fn start_integrity_check(&self) -> Result<(), IntegrityCheckError> {
        let shared = &self.shared;
        if shared.context.is_closing() {
            return Err(IntegrityCheckError::Closing);
        }
        let before = shared
            .integrity
            .begin()
            .ok_or(IntegrityCheckError::UnderWay)?;
        self.spawn("check", |shared| {
            check(&shared.context, &shared.integrity, &mut |_| ());
        })
        .inspect_err(|_| shared.integrity.end(before))?;
        shared.context.note_change();
        Ok(())
    }
}
