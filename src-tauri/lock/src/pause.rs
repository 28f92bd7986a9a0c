//! The pause of writes: a record that asks every instance of a store to stop writing until somebody resumes.
//!
//! A pause is a wish, not a lock: instances of this program look for it before each batch, and again when they have the
//! write lock; a batch under way is finished. It concerns the store and not a process, so it survives the end of the
//! host that was asked and of the machine: only a resume ends it.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::{OpenError, PathError};
use crate::identity::InstanceId;
use crate::locks::Locks;
use crate::paths::Paths;
use crate::platform;
use crate::record;

/// Longest name of who paused that is kept, in characters.
const BY_CHARS_MAX: usize = 128;

/// Says since when writes are paused, and who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseRecord {
    /// Since when, in milliseconds since 1970.
    pub since_ms: i64,
    /// Who asked, as it told; for the eyes of people.
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
    let paths = Paths::new(dir).map_err(PathError::of("find", dir))?;
    platform::create_dir(dir).map_err(PathError::of("create the directory", dir))?;
    if let Some(earlier) = read(&paths) {
        return Ok(earlier);
    }
    let (path, new) = (paths.pause(), paths.pause_new(&InstanceId::random()));
    let json = serde_json::to_vec(&pause).expect("texts and numbers always have a JSON form");
    let written = platform::open_record_file(&new).and_then(|mut file| {
        file.write_all(&json)?;
        file.sync_all()
    });
    written.map_err(PathError::of("write", &new))?;
    fs::rename(&new, &path).map_err(PathError::of("rename", &new))?;
    Ok(pause)
}

/// Ends the pause, and returns the one that ended; None if writes were not paused.
///
/// # Errors
/// [`OpenError::Io`] if the record cannot be removed; then writes stay paused.
pub fn resume_writes(dir: &Path) -> Result<Option<PauseRecord>, OpenError> {
    let paths = Paths::new(dir).map_err(PathError::of("find", dir))?;
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

impl Locks {
    /// Reads the pause of this store; None while writes go on. One look at one file: cheap enough for every batch.
    #[must_use]
    pub fn paused(&self) -> Option<PauseRecord> {
        read(&self.shared.paths)
    }

    /// Does what [`pause_writes`] does, at the time of these locks' clock.
    ///
    /// # Errors
    /// As [`pause_writes`].
    pub fn pause(&self, by: &str) -> Result<PauseRecord, OpenError> {
        let pause = PauseRecord::new(by, self.shared.clock.now_ms());
        pause_writes(self.shared.paths.dir(), pause)
    }

    /// Does what [`resume_writes`] does.
    ///
    /// # Errors
    /// As [`resume_writes`].
    pub fn resume(&self) -> Result<Option<PauseRecord>, OpenError> {
        resume_writes(self.shared.paths.dir())
    }
}

/// A record that is there and cannot be understood still pauses: who wrote it meant something by it.
fn read(paths: &Paths) -> Option<PauseRecord> {
    let path = paths.pause();
    let modified = match fs::metadata(&path) {
        Ok(metadata) => metadata.modified().ok(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(_) => None,
    };
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let since_ms = since.map_or(0, |since: Duration| since.as_millis() as i64);
    let unknown = || PauseRecord::new("an unreadable record", since_ms);
    Some(record::read(&path).unwrap_or_else(unknown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_pause_holds_for_every_instance_until_somebody_resumes() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (testing::open(folder.path()), testing::open(folder.path()));
        assert_eq!(one.paused(), None);
        let pause = one.pause("ada").unwrap();
        assert_eq!(other.paused(), Some(pause.clone()));
        assert_eq!(
            other.pause("bob").unwrap(),
            pause,
            "the first to pause is named, not the last"
        );
        drop((one, other));
        assert_eq!(
            paused_writes(folder.path()),
            Some(pause.clone()),
            "it survives those who asked for it"
        );
        assert_eq!(resume_writes(folder.path()).unwrap(), Some(pause));
        assert_eq!(resume_writes(folder.path()).unwrap(), None);
        assert_eq!(testing::open(folder.path()).paused(), None);
    }

    #[test]
    fn a_record_that_nobody_understands_still_pauses() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        fs::write(locks.shared.paths.pause(), "{").unwrap();
        let pause = locks.paused().expect("somebody meant something by it");
        assert_eq!(pause.by, "an unreadable record");
        assert!(pause.since_ms > 0);
        locks.resume().unwrap();
        assert_eq!(locks.paused(), None);
    }

    #[test]
    fn the_name_of_who_paused_is_cleaned() {
        let pause = PauseRecord::new(&format!(" a\u{1b}b{} ", "x".repeat(200)), 7);
        assert_eq!(pause.by.len(), 128);
        assert!(pause.by.starts_with("abx"));
        assert_eq!(PauseRecord::new("\n", 7).by, "somebody");
    }
}
