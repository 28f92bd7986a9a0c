//! Backups of a store.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The backups of one store, as one host knows them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Backups {
    /// Where backups go unless it is said otherwise.
    pub folder: PathBuf,
    /// When the last backup was made, by any instance and to any place where it still is; milliseconds since 1970.
    pub last_backup_ms: Option<i64>,
    /// The backup under way in this host.
    pub running: Option<BackupRunning>,
    /// How the latest backups of this host ended, the newest first; at most 8.
    pub finished: Vec<BackupFinished>,
    /// What is in the folder, the newest first.
    pub kept: Vec<BackupFile>,
}

/// Asks for a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupRequest {
    /// Absolute path of the file; only for who has the admin token, not for the session of a page. None: the directory of
    /// backups, where the newest stay, as many as the setting `backups_kept` says.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// Whether an earlier backup at `path` is replaced. Other files never are.
    #[serde(default)]
    pub replace: bool,
}

/// A backup under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackupRunning {
    /// Counts the backups of this host from 1.
    pub number: u64,
    /// When it was begun, in milliseconds since 1970.
    pub started_ms: i64,
    /// Where it stands.
    #[serde(flatten)]
    pub step: BackupStep,
}

/// Where a backup under way stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum BackupStep {
    /// The store is being copied.
    Copying {
        /// Bytes of the copy so far.
        bytes: u64,
        /// Bytes of the database; the copy may become smaller.
        bytes_expected: u64,
    },
    /// The copy is being checked for damage and compared with the store.
    Checking {
        /// Bytes of the copy.
        bytes: u64,
    },
    /// The copy is whole and gets its name.
    Finishing,
    /// A step of a newer host.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// A backup that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackupFinished {
    /// The number it was begun with.
    pub number: u64,
    /// When it ended, in milliseconds since 1970.
    pub ended_ms: i64,
    /// The backup, if it was made.
    pub made: Option<BackupMade>,
    /// Why it was not made, if it was not.
    pub error: Option<String>,
}

/// A finished backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupMade {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: i64,
    /// What it holds: every write up to number `commits`, and nothing of a later one.
    pub contents: Contents,
    /// Older backups that were removed for it.
    pub removed: Vec<PathBuf>,
}

/// What a store holds, counted in one transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contents {
    /// Living memories.
    pub memories: u64,
    /// Deleted ones that can be restored.
    pub deleted: u64,
    /// Vectors.
    pub vectors: u64,
    /// Acknowledged writes since the store was made; the number of the last one.
    pub commits: u64,
}

/// A backup in the directory of backups, told by its name only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupFile {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: i64,
    /// Why it was made.
    pub kind: BackupKind,
}

/// Why a backup was made. A newer backup removes only those that were [`BackupKind::Made`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupKind {
    /// Somebody asked for it.
    Made,
    /// It holds what a restore has replaced.
    BeforeRestore,
    /// It holds the store as it was before its schema changed.
    BeforeMigration,
    /// A database that was set aside: because it was damaged, or because it had gone back in time. Whether it is whole is
    /// checked when it is restored.
    SetAside,
    /// Files that no name led to any more, written out when the last program ended that had them open.
    Rescued,
    /// A word of a newer host.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}
