//! Which memories a session was shown, so that each is shown once.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::paths::DataDir;
use crate::system::{files, platform};

/// Age after which the list of a session goes that was killed and never ended.
const LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Longest name of a session.
const NAME_CHARS_MAX: usize = 64;

/// The memories that one session was shown, by their hashes.
///
/// A file for each session, with a hash on each line. It only grows, by one write for each prompt: two prompts at once
/// lose nothing. It is not synced: after a power cut a note may be shown twice.
#[derive(Debug, Default)]
pub(super) struct Seen {
    path: PathBuf,
    hashes: BTreeSet<String>,
}

impl Seen {
    /// Reads what a session was shown.
    ///
    /// # Errors
    /// In words, if the session has no name that a file can have, or the file cannot be read.
    pub(super) fn read(data_dir: &DataDir, session: &str) -> Result<Self, String> {
        let path = path(data_dir, session)?;
        let text = files::read(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        let hashes = text
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect();
        Ok(Self { path, hashes })
    }

    #[cfg(test)]
    pub(super) fn of(hashes: impl IntoIterator<Item = String>) -> Self {
        Self {
            path: PathBuf::new(),
            hashes: hashes.into_iter().collect(),
        }
    }

    pub(super) fn has(&self, hash: &str) -> bool {
        self.hashes.contains(hash)
    }

    /// Adds what it was shown now, and removes the lists of sessions that never ended.
    pub(super) fn note<'a>(&self, hashes: impl Iterator<Item = &'a str>) -> Result<(), String> {
        let lines: String = hashes.map(|hash| format!("{hash}\n")).collect();
        self.append(&lines)
            .map_err(|error| format!("`{}`: {error}", self.path.display()))
    }

    fn append(&self, lines: &str) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        if let Some(dir) = self.path.parent() {
            platform::make_private_dir(dir)?;
            files::remove_older(dir, LIFE, SystemTime::now())?;
        }
        options.open(&self.path)?.write_all(lines.as_bytes())
    }

    /// Forgets a session that has ended.
    pub(super) fn forget(data_dir: &DataDir, session: &str) -> Result<(), String> {
        let path = path(data_dir, session)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(format!("`{}`: {error}", path.display()))
            }
            _ => Ok(()),
        }
    }
}

/// The file of a session. The name comes from outside, and must not lead elsewhere.
fn path(data_dir: &DataDir, session: &str) -> Result<PathBuf, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if session.is_empty() || session.len() > NAME_CHARS_MAX || !session.chars().all(is_plain) {
        return Err("the name of the session is none that a file can have".to_owned());
    }
    Ok(data_dir.hook_sessions().join(session))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data_dir(dir: &tempfile::TempDir) -> DataDir {
        DataDir::find(Some(dir.path().to_owned())).unwrap()
    }

    #[test]
    fn a_session_remembers_what_it_was_shown_until_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let store = data_dir(&dir);
        let read = |session| Seen::read(&store, session).unwrap();
        read("one").note(["aa", "bb"].into_iter()).unwrap();
        read("one").note(["cc"].into_iter()).unwrap();
        assert!(["aa", "bb", "cc"].iter().all(|hash| read("one").has(hash)));
        assert!(!read("other").has("aa"));
        Seen::forget(&store, "one").unwrap();
        assert!(!read("one").has("aa"));
        Seen::forget(&store, "one").unwrap();
        assert_eq!(fs::read_dir(store.hook_sessions()).unwrap().count(), 0);
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for session in ["", "../admin.token", "a/b", "a\0b", ".", &"x".repeat(65)] {
            assert!(Seen::read(&data_dir(&dir), session).is_err(), "{session:?}");
            assert!(
                Seen::forget(&data_dir(&dir), session).is_err(),
                "{session:?}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_list_is_for_this_user_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let store = data_dir(&dir);
        Seen::read(&store, "one")
            .unwrap()
            .note(["aa"].into_iter())
            .unwrap();
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(store.hook_sessions()), 0o700);
        assert_eq!(mode(store.hook_sessions().join("one")), 0o600);
    }

    #[test]
    fn the_list_of_a_session_that_never_ended_goes_after_a_week() {
        let dir = tempfile::tempdir().unwrap();
        let store = data_dir(&dir);
        Seen::read(&store, "killed")
            .unwrap()
            .note(["aa"].into_iter())
            .unwrap();
        let old = fs::File::options()
            .append(true)
            .open(store.hook_sessions().join("killed"));
        old.unwrap()
            .set_modified(SystemTime::now() - LIFE - Duration::from_secs(60))
            .unwrap();
        Seen::read(&store, "other")
            .unwrap()
            .note(["bb"].into_iter())
            .unwrap();
        assert!(!Seen::read(&store, "killed").unwrap().has("aa"));
        assert!(Seen::read(&store, "other").unwrap().has("bb"));
    }
}
