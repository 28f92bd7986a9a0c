//! The audit log: who settled a lock, when, what was found and what was done.
//!
//! A file beside the locks and not a table, because it must be writable when the database is not: while a stopped program
//! holds a transaction open, and while a backup replaces the database. One line of JSON for each entry, appended in one piece
//! and synced. Entries are never changed or removed; when the file is large, it is renamed to `audit.old.jsonl` and a new one
//! begun, so that the latest thousands can always be read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{OpenError, PathError};
use crate::file::paths::Paths;
use crate::file::platform;

/// Size at which the file is rotated: some ten thousand entries.
const AUDIT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Says what was done to a lock or with the store as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAct {
    /// Records of dead instances were removed.
    ClearLeftovers,
    /// The write lock was taken over from a living holder that was stuck.
    TakeOver,
    /// A holder that was stuck inside a transaction was ended.
    Terminate,
    /// A backup replaced the database.
    Restore,
    /// The database was compacted.
    Compact,
    /// Derived tables and indexes were rebuilt.
    Rebuild,
    /// A damaged store was rebuilt from its intact rows and from backups.
    Repair,
    /// A person accepted that acknowledged writes are missing.
    AcceptLoss,
}

/// Says whether an entry was written before the act or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditStage {
    /// The act was about to begin. Without a later entry, it was cut short.
    Begun,
    /// It was done.
    Done,
    /// It was refused, or it failed; nothing was changed.
    Refused,
}

/// Names who asked for an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditParty {
    /// Name or number of the user, as the system knows it; empty if it does not.
    pub user: String,
    /// The process that acted.
    pub pid: u32,
    /// What it was started as, such as `cli unlock` or `serve`.
    pub role: String,
    /// Name of its machine.
    pub host_name: String,
}

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When, in unix milliseconds by the clock of the process that acted.
    pub at_ms: i64,
    /// What.
    pub act: AuditAct,
    /// Before or after.
    pub stage: AuditStage,
    /// Who.
    pub by: AuditParty,
    /// What was found, in words: holder, since when, evidence.
    pub found: String,
    /// What was done, or why it was refused, in words.
    pub done: String,
}

/// Appends an entry to the audit log of the lock directory `dir` and syncs it. Blocks for one write to the disk.
///
/// # Errors
/// [`OpenError::Io`] if it could not be written; the act should then not be begun.
pub fn write_audit(dir: &Path, entry: &AuditEntry) -> Result<(), OpenError> {
    let paths = Paths::new(dir)?;
    let path = paths.audit();
    rotate_if_large(&paths);
    let mut line = serde_json::to_vec(entry).expect("texts and numbers always have a JSON form");
    line.push(b'\n');
    append(&path, &line).map_err(PathError::of("write the audit log", &path))?;
    Ok(())
}

/// Reads the latest `limit` entries of the audit log, the newest first. Lines that cannot be read are left out.
///
/// # Errors
/// [`OpenError::Io`] if a file that is there cannot be read.
pub fn read_audit(dir: &Path, limit: usize) -> Result<Vec<AuditEntry>, OpenError> {
    let paths = Paths::new(dir)?;
    let mut entries = Vec::new();
    for path in [paths.audit_old(), paths.audit()] {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(PathError::of("read the audit log", &path)(error).into()),
        };
        let lines = bytes.split(|byte| *byte == b'\n');
        entries.extend(lines.filter_map(|line| serde_json::from_slice::<AuditEntry>(line).ok()));
    }
    entries.reverse();
    entries.truncate(limit);
    Ok(entries)
}

fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    // Made with the mode of the other files; appending needs another way of opening.
    drop(platform::open_record_file(path)?);
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(line)?;
    file.sync_data()
}

fn rotate_if_large(paths: &Paths) {
    let is_large = fs::metadata(paths.audit()).is_ok_and(|audit| audit.len() > AUDIT_BYTES_MAX);
    if !is_large {
        return;
    }
    if let Err(error) = fs::rename(paths.audit(), paths.audit_old()) {
        tracing::warn!(target: crate::LOG, %error, "the audit log is large and could not be rotated");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn entry(at_ms: i64) -> AuditEntry {
        AuditEntry {
            at_ms,
            ..testing::audit_entry()
        }
    }

    #[test]
    fn entries_read_back_the_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_audit(folder.path(), 10).unwrap(), []);
        for at_ms in 1..=3 {
            write_audit(folder.path(), &entry(at_ms)).unwrap();
        }
        let times: Vec<_> = read_audit(folder.path(), 2)
            .unwrap()
            .iter()
            .map(|entry| entry.at_ms)
            .collect();
        assert_eq!(times, [3, 2]);
        assert_eq!(read_audit(folder.path(), 10).unwrap()[2], entry(1));
    }

    #[test]
    fn damaged_lines_hide_only_themselves() {
        let folder = tempfile::tempdir().unwrap();
        write_audit(folder.path(), &entry(1)).unwrap();
        append(&folder.path().join("audit.jsonl"), b"{\"at_ms\":2,\xff\n").unwrap();
        write_audit(folder.path(), &entry(3)).unwrap();
        assert_eq!(read_audit(folder.path(), 10).unwrap(), [entry(3), entry(1)]);
    }

    #[test]
    fn a_large_list_is_rotated_and_still_read() {
        let folder = tempfile::tempdir().unwrap();
        write_audit(folder.path(), &entry(1)).unwrap();
        let filler = vec![b'\n'; AUDIT_BYTES_MAX as usize];
        append(&folder.path().join("audit.jsonl"), &filler).unwrap();
        write_audit(folder.path(), &entry(2)).unwrap();
        assert_eq!(read_audit(folder.path(), 10).unwrap(), [entry(2), entry(1)]);
        assert!(
            fs::metadata(folder.path().join("audit.jsonl"))
                .unwrap()
                .len()
                < 1000
        );
    }
}
