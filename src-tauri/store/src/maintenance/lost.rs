//! Writes that were acknowledged and are not in the store any more.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is known of writes that are missing. Told until a person accepts it or restores a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostWrites {
    /// The incarnation of the store that they were written to.
    pub incarnation: String,
    /// Number of the last write that is there.
    pub last_there: u64,
    /// When that was, in milliseconds since 1970; None if nothing is there.
    pub last_there_ms: Option<i64>,
    /// Number of the last write that was acknowledged.
    pub last_acknowledged: u64,
    /// When that was, in milliseconds since 1970.
    pub last_acknowledged_ms: i64,
    /// When it was noticed, in milliseconds since 1970.
    pub noticed_ms: i64,
    /// Where database and log are kept as they were found, if they could be.
    pub kept: Option<PathBuf>,
    /// The backup that has most of what is missing.
    pub backup: Option<Reaching>,
}

/// A backup that reaches further than the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaching {
    /// The file.
    pub path: PathBuf,
    /// Number of the last write it has.
    pub last_seq: u64,
}

impl LostWrites {
    /// Returns how many writes are missing.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.last_acknowledged - self.last_there
    }
}

impl fmt::Display for LostWrites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.last_there + 1;
        match self.count() {
            1 => write!(f, "an acknowledged write is missing (number {first})")?,
            count => write!(
                f,
                "{count} acknowledged writes are missing (numbers {first} to {})",
                self.last_acknowledged
            )?,
        }
        match self.last_there_ms {
            Some(ms) => write!(f, ": the store ends with a write of {}", time(ms))?,
            None => f.write_str(": the store holds no write")?,
        }
        write!(
            f,
            ", and the last one was acknowledged {}. The database or its log was removed, cut, damaged or replaced by \
             an older copy; or this directory is a copy that was made while the store was in use",
            time(self.last_acknowledged_ms)
        )?;
        if let Some(kept) = &self.kept {
            write!(
                f,
                ". Both are kept as they were found as `{}` (and -wal)",
                kept.display()
            )?;
        }
        match &self.backup {
            Some(Reaching { path, last_seq }) => write!(
                f,
                ". The backup `{}` reaches to number {last_seq}: `commonplace restore` brings it back",
                path.display()
            )?,
            None => f.write_str(". No backup reaches further")?,
        }
        f.write_str("; `commonplace doctor --accept-loss` ends this notice")
    }
}

fn time(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
