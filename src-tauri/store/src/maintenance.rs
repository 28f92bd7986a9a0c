//! Backup, restore, compaction, rebuild: what is asked, what is told on the way, and what came of it.

mod backup_error;
mod damage;
mod error;
mod lost;
mod repaired;

use std::path::PathBuf;

use serde::Serialize;

pub use backup_error::{BackupError, UnfitBackup};
pub use damage::{CheckStep, Cure, Damage, DamagedMemory, DamagedRows};
pub use error::{MaintenanceError, RestoreError};
pub use lost::{LostWrites, Reaching};
pub use repaired::{Mended, MendedMemory, RepairStep, Repaired};

/// Name of the directory inside the store directory in which backups are kept unless it is said otherwise.
pub const BACKUPS_DIR: &str = "backups";

/// How many backups are kept there unless it is said otherwise.
pub const BACKUPS_KEPT: usize = 10;

/// Where a backup goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupTo {
    /// Into this directory, which is made if needed, under a name with the time in UTC. Of the backups with such names
    /// the newest `keep` stay; nothing else is ever deleted.
    Folder {
        /// The directory.
        folder: PathBuf,
        /// How many stay, the new one included; at least 1.
        keep: usize,
    },
    /// To this file, in a directory that exists. Nothing is deleted.
    File {
        /// The file.
        path: PathBuf,
        /// Whether an earlier backup there is replaced. Any other file is never replaced.
        replace: bool,
    },
}

/// Where a backup under way stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum BackupStep {
    /// The store is being copied.
    Copying {
        /// Bytes of the copy so far.
        bytes: u64,
        /// Bytes of the database; the copy may become smaller.
        bytes_expected: u64,
    },
    /// The copy is being looked at for damage and compared with the store.
    Checking {
        /// Bytes of the copy.
        bytes: u64,
    },
    /// The copy is whole and gets its name.
    Finishing,
}

/// What a store holds, counted in one transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
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

/// A finished backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// A backup in the directory of backups, told by its name only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupKind {
    /// Somebody asked for it.
    Made,
    /// It holds what a restore has replaced.
    BeforeRestore,
    /// It holds the store as it was before it got a newer schema.
    BeforeMigration,
    /// Of a database that was set aside: because it was damaged, or because it had gone back in time. Whether it is whole is
    /// looked at when it is restored.
    SetAside,
    /// Of files that no name led to any more, when the last program ended that had them open.
    Rescued,
}

/// What a restore has done so far. A crash after any of these leaves a whole store: the old one before
/// [`RestoreStep::Switched`], the new one from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreStep {
    /// The backup was copied into the store directory, under a name of its own.
    Copied,
    /// The copy is whole, is ours, and has the newest schema.
    Checked,
    /// No other instance has the store open.
    Alone,
    /// What was there is safe.
    Kept(Kept),
    /// The copy has its epoch and its incarnation, and is synced.
    Renewed,
    /// The old database is closed, and its log is gone.
    Closed,
    /// The copy has the name of the database.
    Switched,
    /// And keeps it after a crash of the machine.
    Synced,
}

/// What became of the database that a restore replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kept", content = "path", rename_all = "snake_case")]
pub enum Kept {
    /// There was none.
    Nothing,
    /// A backup of it was made; it can be restored like any other.
    Backup(PathBuf),
    /// It was damaged beyond a backup, and was set aside as it was, with its log beside it.
    SetAside(PathBuf),
}

/// A finished restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The backup.
    pub from: PathBuf,
    /// What was there before.
    #[serde(flatten)]
    pub before: Kept,
    /// What is there now.
    pub contents: Contents,
    /// Fencing number of the restored store: higher than that of the store before and of the backup.
    pub epoch: u64,
    /// Schema version of the backup, if it was older than the newest.
    pub migrated_from: Option<i64>,
}

/// A finished compaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// Bytes of database and log before.
    pub bytes_before: u64,
    /// Bytes of database and log after.
    pub bytes_after: u64,
}

/// What a rebuild of the derived tables found and did. All of it is right afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Living memories whose words are indexed now.
    pub memories: u64,
    /// Vectors whose bits are kept now.
    pub vectors: u64,
    /// Living memories that had no words in the index.
    pub words_missing: u64,
    /// Memories that had words there and should not.
    pub words_surplus: u64,
    /// What SQLite said about the index of words, if it was wrong.
    pub words_wrong: Option<String>,
    /// Vectors that had no bits, or other bits than their own.
    pub bits_wrong: u64,
    /// Bits that belonged to no vector of a living memory.
    pub bits_surplus: u64,
}

impl Rebuilt {
    /// Returns what was wrong, each in words.
    #[must_use]
    pub fn wrong_words(&self) -> Vec<String> {
        let counts = [
            (
                self.words_missing,
                "memories could not be found by their words",
            ),
            (self.words_surplus, "memories were found that are not there"),
            (
                self.bits_wrong,
                "vectors could not be found, or were mistaken for others",
            ),
            (self.bits_surplus, "vectors were found that are not there"),
        ];
        let wrong = counts.iter().filter(|(count, _)| *count > 0);
        let mut words: Vec<String> = wrong
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        words.extend(
            self.words_wrong
                .iter()
                .map(|said| format!("the index of words was wrong: {said}")),
        );
        words
    }

    /// Says whether the derived tables were right before.
    #[must_use]
    pub fn was_right(&self) -> bool {
        self.words_wrong.is_none()
            && [
                self.words_missing,
                self.words_surplus,
                self.bits_wrong,
                self.bits_surplus,
            ] == [0; 4]
    }
}
