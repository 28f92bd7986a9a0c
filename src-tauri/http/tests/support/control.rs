//! A host whose settings, pause, locks, log and backups are made up.

use std::sync::atomic::{AtomicBool, Ordering};

use commonplace_api::about::PageAddress;
use commonplace_api::backups::{
    BackupFile, BackupFinished, BackupKind, BackupMade, BackupRequest, BackupRunning, BackupStep,
    Backups, Contents,
};
use commonplace_api::locks::{
    LockName, LockRow, LockState, LocksReport, Settle, SettleAct, Settled,
};
use commonplace_api::logs::{LogLevel, LogLine, LogPage};
use commonplace_api::query::LogQuery;
use commonplace_api::settings::{Setting, SettingStatus, SettingsChange, SettingsReport};
use commonplace_api::statistics::Incidents;
use commonplace_api::status::Status;
use commonplace_api::{Host, Pause, ProcessState, Refusal};
use serde_json::Value;

use super::NOW_MS;
use super::figures::{busy_status, incident};

/// A host that keeps one setting, `workers`, from 1 to 32, and a pause.
#[derive(Default)]
pub(crate) struct MadeUpControl {
    workers: std::sync::Mutex<Option<Value>>,
    pause: std::sync::Mutex<Option<Pause>>,
    backup: std::sync::Mutex<Option<BackupRunning>>,
    is_checking: AtomicBool,
}

fn stuck_lock() -> LockRow {
    LockRow {
        name: LockName::Write,
        path: "/store/locks/write.lock".to_owned(),
        generation: 0,
        state: LockState::Held,
        holder: None,
        age_ms: 12_000,
        process: ProcessState::Stopped,
        pids: vec![7],
        is_in_transaction: Some(false),
        act: Some(SettleAct::TakeOver),
        words: "its holder's process is stopped".to_owned(),
    }
}

impl Host for MadeUpControl {
    type Error = Refusal;

    fn status(&self) -> Result<Status, Refusal> {
        Ok(busy_status())
    }

    fn incidents(&self, limit: u32) -> Result<Incidents, Refusal> {
        let incidents = (0..1000).take(limit as usize).map(incident).collect();
        Ok(Incidents { incidents })
    }

    fn page_address(&self) -> Result<PageAddress, Refusal> {
        unreachable!("the routes make it themselves")
    }

    fn pause(&self, by: &str) -> Result<Pause, Refusal> {
        let pause = Pause {
            since_ms: NOW_MS,
            by: by.to_owned(),
        };
        *self.pause.lock().unwrap() = Some(pause.clone());
        Ok(pause)
    }

    fn resume(&self) -> Result<Option<Pause>, Refusal> {
        Ok(self.pause.lock().unwrap().take())
    }

    fn locks(&self) -> Result<LocksReport, Refusal> {
        Ok(LocksReport {
            now_ms: NOW_MS,
            locks: vec![stuck_lock()],
            waiters: Vec::new(),
            instances: Vec::new(),
            leftovers: Vec::new(),
            audit: Vec::new(),
        })
    }

    fn settle(&self, asked: &Settle) -> Result<Settled, Refusal> {
        let refused = |reason: &str| {
            let (found, reason) = ("it is stopped".to_owned(), reason.to_owned());
            Err(Refusal::NotSafe { found, reason })
        };
        if asked
            .holder
            .as_ref()
            .is_some_and(|meant| meant.instance == "another")
        {
            return refused("the lock has changed hands");
        }
        if asked.act == SettleAct::Terminate {
            return refused("it has no transaction open");
        }
        Ok(Settled {
            found: "it is stopped".to_owned(),
            done: "generation 1".to_owned(),
        })
    }

    fn start_check(&self) -> Result<(), Refusal> {
        if self.is_checking.swap(true, Ordering::Relaxed) {
            let reason = "a check is under way".to_owned();
            return Err(Refusal::Busy { reason });
        }
        Ok(())
    }

    /// Answers with what was asked.
    fn logs(&self, query: &LogQuery) -> Result<LogPage, Refusal> {
        let line = LogLine {
            at: "2026-11-25T04:03:30.123456Z".to_owned(),
            level: query.level.unwrap_or(LogLevel::Trace),
            source: "commonplace".to_owned(),
            text: query.contains.clone().unwrap_or_default(),
        };
        if query.level == Some(LogLevel::Error) {
            return Err(Refusal::failed("the disk is gone"));
        }
        Ok(LogPage {
            folder: "/store/logs".to_owned(),
            lines: vec![line; query.limit.map_or(3, |limit| limit.min(3) as usize)],
            before: query.before.clone(),
        })
    }

    fn settings(&self) -> Result<SettingsReport, Refusal> {
        let set = self.workers.lock().unwrap().clone();
        let setting = Setting::find("workers").unwrap();
        let source = match set {
            Some(_) => "settings.toml",
            None => "default",
        };
        let workers = SettingStatus {
            key: setting.key.to_owned(),
            title: setting.title.to_owned(),
            source: source.to_owned(),
            value: set.unwrap_or_else(|| 4.into()),
            default: 4.into(),
            domain: setting.domain.clone(),
            range: setting.domain.to_string(),
            unit: setting.unit.map(str::to_owned),
            about: setting.about.to_owned(),
            is_fixed: false,
            is_live: true,
            next: None,
        };
        Ok(SettingsReport {
            path: "/store/settings.toml".to_owned(),
            problem: None,
            settings: vec![workers],
        })
    }

    fn change_settings(&self, change: &SettingsChange) -> Result<SettingsReport, Refusal> {
        for (key, value) in &change.0 {
            let setting = Setting::find(key)?;
            match key.as_str() {
                "port" => {
                    let (key, by) = (key.clone(), "--port".to_owned());
                    return Err(Refusal::Overridden { key, by });
                }
                "log" => return Err(Refusal::failed("the disk is full")),
                _ if value.is_null() => *self.workers.lock().unwrap() = None,
                _ => *self.workers.lock().unwrap() = Some(setting.fitting(value)?),
            }
        }
        self.settings()
    }

    fn backups(&self) -> Result<Backups, Refusal> {
        Ok(Backups {
            folder: "/store/backups".into(),
            last_backup_ms: Some(NOW_MS - 5),
            running: self.backup.lock().unwrap().clone(),
            finished: vec![finished_backup()],
            kept: vec![BackupFile {
                path: "/store/backups/commonplace-20270115T080000.000Z.db".into(),
                bytes: 4096,
                made_ms: NOW_MS - 5,
                kind: BackupKind::Made,
            }],
        })
    }

    fn start_backup(&self, asked: &BackupRequest) -> Result<BackupRunning, Refusal> {
        let mut running = self.backup.lock().unwrap();
        if running.is_some() {
            let reason = "a backup is under way".to_owned();
            return Err(Refusal::Busy { reason });
        }
        let begun = BackupRunning {
            number: 2,
            started_ms: NOW_MS,
            step: BackupStep::Copying {
                bytes: u64::from(asked.path.is_some()),
                bytes_expected: 4096,
            },
        };
        Ok(running.insert(begun).clone())
    }
}

fn finished_backup() -> BackupFinished {
    BackupFinished {
        number: 1,
        ended_ms: NOW_MS - 4,
        made: Some(BackupMade {
            path: "/elsewhere.db".into(),
            bytes: 4096,
            made_ms: NOW_MS - 5,
            contents: Contents {
                memories: 9,
                deleted: 1,
                vectors: 12,
                commits: 30,
            },
            removed: vec!["/store/backups/old.db".into()],
        }),
        error: None,
    }
}
