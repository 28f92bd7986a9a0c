//! What a repair is doing and has done.

use std::path::PathBuf;

use serde::Serialize;

use super::{CheckStep, Contents, Damage};
use crate::memory::MemoryId;

/// Where a repair stands. A crash after any of these but the last leaves the damaged store as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairStep {
    /// No other instance has the store open.
    Alone,
    /// The store is looked through.
    Looking(CheckStep),
    /// Every page is read by itself, because a table does not lead to all of its pages any more.
    Pages {
        /// Pages so far; each is read twice.
        pages: u64,
        /// Pages there are.
        pages_expected: u64,
    },
    /// Rows are put into a fresh store.
    Rows {
        /// The table.
        table: &'static str,
        /// Rows so far.
        rows: u64,
        /// Rows there are.
        rows_expected: u64,
    },
    /// Indexes are made.
    Indexes,
    /// The fresh store is whole.
    Checked,
    /// It has taken the place of the damaged one.
    Switched,
}

/// What became of a memory that was damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "how", content = "backup", rename_all = "snake_case")]
pub enum Mended {
    /// It is as it was, out of this backup.
    FromBackup(PathBuf),
    /// It is as it was when this backup was made; what was changed since is put aside.
    OlderFromBackup(PathBuf),
    /// A backup has it just so: not it was damaged, but its checksum.
    ChecksumWasWrong,
    /// It stays as it is: its text has its hash, but upper and lower case, tags, times and the rest cannot be vouched for.
    KeptByHash,
    /// No backup has it whole: it was written into the file beside the backups.
    PutAside,
    /// It was not there, and no backup has it.
    Gone,
}

/// A memory that was damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MendedMemory {
    /// Its name inside the store.
    pub id: MemoryId,
    /// The beginning of its text; None if it is gone.
    pub start: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub how: Mended,
}

/// A finished repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// What was wrong; None if nothing was, and nothing was done.
    pub found: Option<Damage>,
    /// Every memory that was damaged.
    pub memories: Vec<MendedMemory>,
    /// Rows of history, log and vectors that were damaged, and mended, made again or put aside.
    pub other_rows: u64,
    /// Rows to which no table led any more, and which are whole: they were found on their pages.
    pub salvaged_rows: u64,
    /// Tables that could be read neither wholly nor by their checksums: what was written there after the newest backup may
    /// be missing, and nobody can say what.
    pub cut_tables: Vec<&'static str>,
    /// The file with what no backup has; None if there was nothing to put aside.
    pub aside: Option<PathBuf>,
    /// Where the damaged database is kept, with its log beside it.
    pub damaged: Option<PathBuf>,
    /// What is in the store now.
    pub contents: Contents,
}

impl Repaired {
    pub(crate) fn of(found: Option<Damage>) -> Self {
        Self {
            found,
            memories: Vec::new(),
            other_rows: 0,
            salvaged_rows: 0,
            cut_tables: Vec::new(),
            aside: None,
            damaged: None,
            contents: Contents::default(),
        }
    }
}
