//! The pause of writes: a record that asks every instance of a store to stop writing until somebody resumes.
//!
//! A pause is a request, not a lock: instances of this program look for it before each batch, and again when they have the
//! write lock; a batch under way is finished. It concerns the store and not a process, so it survives the end of the host
//! that was asked, and a restart of the machine: only a resume ends it.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::{OpenError, PathError};
use crate::file::paths::Paths;
use crate::file::{json, platform};
use crate::identity::InstanceId;

/// Longest name of the one who paused that is kept, in characters.
const BY_CHARS_MAX: usize = 128;

/// Says since when writes are paused, and who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseRecord {
    /// Since when, in milliseconds since 1970.
    pub since_ms: i64,
    /// Who asked, in their own words; only for display.
    pub by: String,
}

impl PauseRecord {
    /// Makes a record; control characters in `by` are dropped, and it is cut to 128 characters.
    #[must_use]
    pub fn new(by: &str, since_ms: i64) -> Self {
        let kept: String = by
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .take(BY_CHARS_MAX)
            .collect();
        let by = if kept.is_empty() {
            "somebody".to_owned()
        } else {
            kept
        };
        Self { since_ms, by }
    }
}

/// Pauses the writes of the store whose lock directory is `dir`, and returns the pause in force: an earlier one stays.
///
/// Synced: it holds after a power loss too. May be called without opening the locks.
///
/// # Errors
/// [`OpenError::Io`] if the record cannot be written; then nothing is paused.
pub fn pause_writes(dir: &Path, pause: PauseRecord) -> Result<PauseRecord, OpenError> {
    let paths = Paths::new(dir)?;
    platform::create_dir(dir).map_err(PathError::of("create the directory", dir))?;
    if let Some(earlier) = read(&paths) {
        return Ok(earlier);
    }
    let temporary = paths.pause_temporary(&InstanceId::random());
    json::replace_synced(&temporary, &paths.pause(), &pause)?;
    Ok(pause)
}

/// Ends the pause, and returns the one that ended; None if writes were not paused.
///
/// # Errors
/// [`OpenError::Io`] if the record cannot be removed; then writes stay paused.
pub fn resume_writes(dir: &Path) -> Result<Option<PauseRecord>, OpenError> {
    let paths = Paths::new(dir)?;
    let pause = read(&paths);
    match fs::remove_file(paths.pause()) {
        Ok(()) => Ok(pause),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PathError::of("remove", &paths.pause())(error).into()),
    }
}

/// Reads the pause of the store whose lock directory is `dir`; None while writes go on.
#[must_use]
pub fn paused_writes(dir: &Path) -> Option<PauseRecord> {
    read(&Paths::new(dir).ok()?)
}

/// Reads the pause; None while writes go on. A record that is there and cannot be understood still pauses: somebody wrote it
/// on purpose.
pub(crate) fn read(paths: &Paths) -> Option<PauseRecord> {
    let path = paths.pause();
    let modified = match fs::metadata(&path) {
        Ok(metadata) => metadata.modified().ok(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(_) => None,
    };
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let since_ms = since.map_or(0, |since: Duration| since.as_millis() as i64);
    let unknown = || PauseRecord::new("an unreadable record", since_ms);
    Some(json::read(&path).unwrap_or_else(unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_nobody_understands_still_pauses() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(Paths::new(folder.path()).unwrap().pause(), "{").unwrap();
        let pause = paused_writes(folder.path()).expect("somebody wrote it on purpose");
        assert_eq!(pause.by, "an unreadable record");
        assert!(pause.since_ms > 0);
        resume_writes(folder.path()).unwrap();
        assert_eq!(paused_writes(folder.path()), None);
    }

    #[test]
    fn the_name_of_who_paused_is_cleaned() {
        let pause = PauseRecord::new(&format!(" a\u{1b}b{} ", "x".repeat(200)), 7);
        assert_eq!(pause.by.len(), 128);
        assert!(pause.by.starts_with("abx"));
        assert_eq!(PauseRecord::new("\n", 7).by, "somebody");
    }
}
