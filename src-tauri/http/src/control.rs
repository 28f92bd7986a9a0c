//! What a person can change on this surface.

use commonplace_engine::{
    BackupRunning, BackupTo, BackupsStatus, LocksReport, MeantHolder, PauseStatus, SettleAct,
    Settled,
};
use serde::Serialize;
use serde_json::Value;

use crate::logs::{LogPage, LogQuery};

/// What this layer can ask of the host beyond its figures. All calls may block on the disk for a short time.
pub trait Control: Send + Sync + 'static {
    /// Pauses the writes of the store for `by`, and returns the pause in force: an earlier one stays.
    ///
    /// # Errors
    /// [`ControlError::Failed`].
    fn pause(&self, by: &str) -> Result<PauseStatus, ControlError>;

    /// Lets writes go on, and returns the pause that ended; None if writes were not paused.
    ///
    /// # Errors
    /// [`ControlError::Failed`].
    fn resume(&self) -> Result<Option<PauseStatus>, ControlError>;

    /// Reads the table of the locks: holders, waiters, leftovers, evidence, advice, and the latest of the audit list.
    ///
    /// # Errors
    /// [`ControlError::Failed`] if the lock directory cannot be read.
    fn locks(&self) -> Result<LocksReport, ControlError>;

    /// Settles a lock, and writes it into the audit list. May block for some seconds: a holder is watched before it is
    /// taken over. `meant` is the holder that was chosen; None for whoever holds the lock.
    ///
    /// # Errors
    /// [`ControlError::NotSafe`] with what was found; nothing was changed.
    fn settle(&self, act: SettleAct, meant: Option<&MeantHolder>) -> Result<Settled, ControlError>;

    /// Begins to look for damage in the store and returns at once; the status tells what was found.
    ///
    /// # Errors
    /// [`ControlError::Busy`] if that is under way.
    fn start_integrity_check(&self) -> Result<(), ControlError>;

    /// Reads the log from its end. Reads some megabytes at most, however large the files are.
    ///
    /// # Errors
    /// [`ControlError::Failed`] if the files cannot be read.
    fn logs(&self, query: &LogQuery) -> Result<LogPage, ControlError>;

    /// Returns every setting with its value in force.
    fn settings(&self) -> SettingsStatus;

    /// Changes settings, all or none, and keeps them: each key with its new value, or with None for the default.
    ///
    /// # Errors
    /// [`ControlError`]; nothing was changed.
    fn change_settings(
        &self,
        changes: &[(String, Option<Value>)],
    ) -> Result<SettingsStatus, ControlError>;

    /// Tells what is known of the backups of the store.
    fn backups(&self) -> BackupsStatus;

    /// Begins a backup and returns at once; None puts it into the directory of backups.
    ///
    /// # Errors
    /// [`ControlError::Busy`] if one is under way.
    fn start_backup(&self, to: Option<BackupTo>) -> Result<BackupRunning, ControlError>;
}

/// Tells why something was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is no such setting, or the value is outside its range.
    #[error("{0}")]
    BadSetting(String),
    /// A flag or an environment variable of this host wins over the file.
    #[error("{0}")]
    Overridden(String),
    /// The same is being done already.
    #[error("{0}")]
    Busy(String),
    /// What was asked would not be safe, or there is nothing to settle.
    #[error("{0}")]
    NotSafe(String),
    /// The disk or the system refused.
    #[error("{0}")]
    Failed(String),
}

/// Every setting of a store.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingsStatus {
    /// The file that keeps them.
    pub path: String,
    /// Why the file is not in use as it stands, if it is not; the values from before stay in force.
    pub problem: Option<String>,
    /// The settings, in the order of the file's template.
    pub settings: Vec<SettingStatus>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingStatus {
    /// Its name in the file.
    pub key: String,
    /// The value in force.
    pub value: Value,
    /// The value without file, environment and flags.
    pub default: Value,
    /// What it may be, in words.
    pub range: String,
    /// What a number counts, such as `s`; None for words.
    pub unit: Option<String>,
    /// What it does, in one sentence.
    pub about: String,
    /// Where the value in force comes from: `default`, `settings.toml`, or the flag or variable that wins over the file.
    pub source: String,
    /// Whether a flag or a variable wins over the file, so that it cannot be changed here.
    pub is_fixed: bool,
    /// Whether a change takes effect at once, or when the host starts the next time.
    pub is_live: bool,
    /// The value after the next start, if it is another than the one in force.
    pub next: Option<Value>,
}
