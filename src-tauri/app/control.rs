//! What the page and the commands may ask of a running host, beside its memories.

use std::sync::Arc;

use commonplace_api::Pause;
use commonplace_api::backups::{BackupRunning, Backups};
use commonplace_api::locks::{LocksReport, MeantHolder, SettleAct, Settled};
use commonplace_engine::{BackupError, BackupTo, Engine, IntegrityCheckError, SettleError};
use commonplace_http::{Control, ControlError, LogPage, LogQuery, SettingsStatus};

use crate::logs;
use crate::paths::DataDir;
use crate::processes::audit_party;
use crate::settings::{Changes, LiveSettings};
use crate::tokens::TokenTexts;

/// The host in this process, as far as it can be controlled from outside.
pub(crate) struct HostControl {
    engine: Engine,
    settings: Arc<LiveSettings>,
    data_dir: DataDir,
}

impl HostControl {
    pub(crate) fn new(engine: Engine, settings: Arc<LiveSettings>, data_dir: DataDir) -> Self {
        Self {
            engine,
            settings,
            data_dir,
        }
    }
}

impl Control for HostControl {
    fn pause(&self, by: &str) -> Result<Pause, ControlError> {
        let paused = self.engine.pause(by);
        paused.map_err(|error| ControlError::Failed(error.to_string()))
    }

    fn resume(&self) -> Result<Option<Pause>, ControlError> {
        let resumed = self.engine.resume();
        resumed.map_err(|error| ControlError::Failed(error.to_string()))
    }

    fn locks(&self) -> Result<LocksReport, ControlError> {
        let report = self.engine.locks();
        report.map_err(|error| ControlError::Failed(error.to_string()))
    }

    fn settle(&self, act: SettleAct, meant: Option<&MeantHolder>) -> Result<Settled, ControlError> {
        let by = audit_party("dashboard");
        let settled = self.engine.settle(act, &by, meant);
        settled.map_err(|error| match error {
            SettleError::Refused { .. } => ControlError::NotSafe(error.to_string()),
            SettleError::Failed(_) => ControlError::Failed(error.to_string()),
        })
    }

    fn start_integrity_check(&self) -> Result<(), ControlError> {
        let started = self.engine.start_integrity_check();
        started.map_err(|error| match error {
            IntegrityCheckError::UnderWay => ControlError::Busy(error.to_string()),
            IntegrityCheckError::Closing | IntegrityCheckError::Thread(_) => {
                ControlError::Failed(error.to_string())
            }
        })
    }

    fn logs(&self, query: &LogQuery) -> Result<LogPage, ControlError> {
        let dir = self.data_dir.logs();
        let tokens = TokenTexts::read(self.data_dir.path()).ok();
        logs::read(&dir, query, tokens.as_ref()).map_err(|error| {
            ControlError::Failed(format!(
                "could not read the log in `{}`: {error}",
                dir.display()
            ))
        })
    }

    fn settings(&self) -> SettingsStatus {
        self.settings.status()
    }

    fn change_settings(&self, changes: &Changes) -> Result<SettingsStatus, ControlError> {
        self.settings.change(changes)
    }

    fn backups(&self) -> Backups {
        self.engine.backups()
    }

    fn start_backup(&self, to: Option<BackupTo>) -> Result<BackupRunning, ControlError> {
        self.engine.start_backup(to).map_err(|error| match error {
            BackupError::UnderWay => ControlError::Busy(error.to_string()),
            _ => ControlError::Failed(error.to_string()),
        })
    }
}
