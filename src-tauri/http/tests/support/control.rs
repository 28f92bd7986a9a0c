//! A host whose settings, pause, locks, log and backups are made up.

use std::sync::atomic::{AtomicBool, Ordering};

use commonplace_engine::{
    BackupFile, BackupFinished, BackupKind, BackupMade, BackupRunning, BackupStep, BackupTo,
    BackupsStatus, Contents, LockRow, LockState, LocksReport, MeantHolder, PauseStatus,
    ProcessState, SettleAct, Settled,
};
use commonplace_http::{
    Control, ControlError, LogLevel, LogLine, LogPage, LogQuery, SettingStatus, SettingsStatus,
};
use serde_json::Value;

use super::NOW_MS;

/// A host that keeps one setting, `workers`, from 1 to 32, and a pause.
#[derive(Default)]
pub(crate) struct MadeUpControl {
    workers: std::sync::Mutex<Option<Value>>,
    pause: std::sync::Mutex<Option<PauseStatus>>,
    backup: std::sync::Mutex<Option<BackupRunning>>,
    is_checking: AtomicBool,
}

fn stuck_lock() -> LockRow {
    LockRow {
        name: "write",
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

impl Control for MadeUpControl {
    fn pause(&self, by: &str) -> Result<PauseStatus, ControlError> {
        let pause = PauseStatus {
            since_ms: NOW_MS,
            by: by.to_owned(),
        };
        *self.pause.lock().unwrap() = Some(pause.clone());
        Ok(pause)
    }

    fn resume(&self) -> Result<Option<PauseStatus>, ControlError> {
        Ok(self.pause.lock().unwrap().take())
    }

    fn locks(&self) -> Result<LocksReport, ControlError> {
        Ok(LocksReport {
            now_ms: NOW_MS,
            locks: vec![stuck_lock()],
            waiters: Vec::new(),
            instances: Vec::new(),
            leftovers: Vec::new(),
            audit: Vec::new(),
        })
    }

    fn settle(&self, act: SettleAct, meant: Option<&MeantHolder>) -> Result<Settled, ControlError> {
        if meant.is_some_and(|meant| meant.instance == "another") {
            return Err(ControlError::NotSafe("the lock has moved on".to_owned()));
        }
        if act == SettleAct::Terminate {
            return Err(ControlError::NotSafe(
                "it has no transaction open".to_owned(),
            ));
        }
        Ok(Settled {
            found: "it is stopped".to_owned(),
            done: "generation 1".to_owned(),
        })
    }

    fn start_integrity_check(&self) -> Result<(), ControlError> {
        if self.is_checking.swap(true, Ordering::Relaxed) {
            return Err(ControlError::Busy("a check is under way".to_owned()));
        }
        Ok(())
    }

    /// Answers with what was asked.
    fn logs(&self, query: &LogQuery) -> Result<LogPage, ControlError> {
        let line = LogLine {
            at: "2026-11-25T04:03:30.123456Z".to_owned(),
            level: query.level,
            source: "commonplace".to_owned(),
            text: query.contains.clone().unwrap_or_default(),
        };
        if query.level == LogLevel::Error {
            return Err(ControlError::Failed("the disk is gone".to_owned()));
        }
        Ok(LogPage {
            folder: "/store/logs".to_owned(),
            lines: vec![line; query.limit.min(3)],
            before: query.before.as_ref().map(ToString::to_string),
        })
    }

    fn settings(&self) -> SettingsStatus {
        let set = self.workers.lock().unwrap().clone();
        let workers = SettingStatus {
            key: "workers".to_owned(),
            source: if set.is_some() {
                "settings.toml"
            } else {
                "default"
            }
            .to_owned(),
            value: set.unwrap_or_else(|| 4.into()),
            default: 4.into(),
            range: "1 to 32, or \"auto\"".to_owned(),
            unit: Some("threads".to_owned()),
            about: "Threads that run searches.".to_owned(),
            is_fixed: false,
            is_live: true,
            next: None,
        };
        SettingsStatus {
            path: "/store/settings.toml".to_owned(),
            problem: None,
            settings: vec![workers],
        }
    }

    fn change_settings(
        &self,
        changes: &[(String, Option<Value>)],
    ) -> Result<SettingsStatus, ControlError> {
        for (key, value) in changes {
            let number = value.as_ref().map_or(Some(4), Value::as_u64);
            match (key.as_str(), number) {
                ("workers", Some(1..=32)) => *self.workers.lock().unwrap() = value.clone(),
                ("port", _) => return Err(ControlError::Overridden("--port wins".to_owned())),
                ("log", _) => return Err(ControlError::Failed("the disk is full".to_owned())),
                _ => return Err(ControlError::BadSetting("1 to 32".to_owned())),
            }
        }
        Ok(self.settings())
    }

    fn backups(&self) -> BackupsStatus {
        BackupsStatus {
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
        }
    }

    fn start_backup(&self, to: Option<BackupTo>) -> Result<BackupRunning, ControlError> {
        let mut running = self.backup.lock().unwrap();
        if running.is_some() {
            return Err(ControlError::Busy("a backup is under way".to_owned()));
        }
        let begun = BackupRunning {
            number: 2,
            started_ms: NOW_MS,
            step: BackupStep::Copying {
                bytes: u64::from(to.is_some()),
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
