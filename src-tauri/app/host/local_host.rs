//! The host in this process, as the page, the tray and the commands ask it.

use std::sync::Arc;

use commonplace_api::about::PageAddress;
use commonplace_api::backups::{BackupRequest, BackupRunning, Backups};
use commonplace_api::locks::{LocksReport, Settle, Settled};
use commonplace_api::logs::LogPage;
use commonplace_api::query::LogQuery;
use commonplace_api::settings::{SettingsChange, SettingsReport};
use commonplace_api::statistics::Incidents;
use commonplace_api::status::Status;
use commonplace_api::{Host, Pause, Refusal};
use commonplace_engine::{BackupError, BackupTo, Engine, IntegrityCheckError};
use commonplace_http::Access;

use crate::logs;
use crate::paths::DataDir;
use crate::settings::LiveSettings;
use crate::system::processes::audit_party;
use crate::tokens::TokenTexts;

/// The host in this process.
#[derive(Clone)]
pub(crate) struct LocalHost {
    pub(crate) engine: Engine,
    pub(crate) settings: Arc<LiveSettings>,
    pub(crate) data_dir: DataDir,
    pub(crate) access: Access,
    pub(crate) port: u16,
    /// What it calls itself in the audit log.
    pub(crate) role: &'static str,
}

impl Host for LocalHost {
    type Error = Refusal;

    fn status(&self) -> Result<Status, Refusal> {
        Ok(self.engine.status())
    }

    fn incidents(&self, limit: u32) -> Result<Incidents, Refusal> {
        let incidents = self.engine.incidents(limit as usize);
        Ok(Incidents { incidents })
    }

    fn locks(&self) -> Result<LocksReport, Refusal> {
        Ok(self.engine.locks()?)
    }

    fn settle(&self, asked: &Settle) -> Result<Settled, Refusal> {
        let by = audit_party(self.role);
        let settled = self.engine.settle(asked.act, &by, asked.holder.as_ref());
        Ok(settled?)
    }

    fn settings(&self) -> Result<SettingsReport, Refusal> {
        Ok(self.settings.status())
    }

    fn change_settings(&self, change: &SettingsChange) -> Result<SettingsReport, Refusal> {
        self.settings.change(change)
    }

    fn backups(&self) -> Result<Backups, Refusal> {
        Ok(self.engine.backups())
    }

    fn start_backup(&self, asked: &BackupRequest) -> Result<BackupRunning, Refusal> {
        let started = self.engine.start_backup(backup_to(asked));
        started.map_err(|error| match error {
            BackupError::UnderWay => busy(&error),
            _ => Refusal::failed(error),
        })
    }

    fn start_check(&self) -> Result<(), Refusal> {
        let started = self.engine.start_integrity_check();
        started.map_err(|error| match error {
            IntegrityCheckError::UnderWay => busy(&error),
            IntegrityCheckError::Closing | IntegrityCheckError::Thread(_) => Refusal::failed(error),
        })
    }

    fn pause(&self, by: &str) -> Result<Pause, Refusal> {
        self.engine.pause(by).map_err(Refusal::failed)
    }

    fn resume(&self) -> Result<Option<Pause>, Refusal> {
        self.engine.resume().map_err(Refusal::failed)
    }

    fn logs(&self, query: &LogQuery) -> Result<LogPage, Refusal> {
        let dir = self.data_dir.logs();
        let tokens = TokenTexts::read(self.data_dir.path()).ok();
        logs::read(&dir, query, tokens.as_ref()).map_err(|error| {
            let dir = dir.display();
            Refusal::failed(format!("could not read the log in `{dir}`: {error}"))
        })
    }

    fn page_address(&self) -> Result<PageAddress, Refusal> {
        Ok(self.access.page_address(self.port))
    }
}

/// Where a backup goes that somebody asks for; None for the directory of backups.
pub(crate) fn backup_to(asked: &BackupRequest) -> Option<BackupTo> {
    let path = asked.path.clone()?;
    let replace = asked.replace;
    Some(BackupTo::File { path, replace })
}

fn busy(error: &impl ToString) -> Refusal {
    Refusal::Busy {
        reason: error.to_string(),
    }
}
