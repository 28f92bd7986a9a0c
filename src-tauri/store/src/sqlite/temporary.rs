//! A database that is being made under a name of its own, and what a dead instance left of one.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use commonplace_lock::{InstanceId, Locks};

use crate::platform;

const PREFIX: &str = ".commonplace-";
const ENDING: &str = ".tmp";

/// What SQLite may put beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A file that is removed when it is dropped, together with what SQLite has put beside it.
///
/// Its name says which instance made it and what for, so that it can be removed by another one if its maker has died.
pub(super) struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// Makes an empty file in `dir`, for this user only. `purpose` keeps files apart that must not be swept together.
    pub(super) fn create(
        dir: &Path,
        purpose: &str,
        instance: &InstanceId,
    ) -> io::Result<(Self, File)> {
        let path = dir.join(format!("{PREFIX}{purpose}-{instance}{ENDING}"));
        let file = platform::create_private_file(&path)?;
        Ok((Self { path }, file))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its final name, in place of what has it. The caller has synced the file.
    pub(super) fn rename(self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes what dead instances left in `dir` for the same purpose. Best effort: the next one tries again.
pub(super) fn sweep(dir: &Path, purpose: &str, locks: &Locks) {
    let prefix = format!("{PREFIX}{purpose}-");
    let names = fs::read_dir(dir).into_iter().flatten().flatten();
    let left: Vec<(PathBuf, InstanceId)> = names
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let maker = name.strip_prefix(&prefix)?.strip_suffix(ENDING)?;
            Some((entry.path(), InstanceId::parse(maker).ok()?))
        })
        .collect();
    if left.is_empty() {
        return;
    }
    let living = locks.instances();
    for (path, maker) in left {
        if !living.iter().any(|other| other.identity.instance == maker) {
            tracing::info!(path = %path.display(), "removing what a dead instance left");
            remove(&path);
        }
    }
}

fn remove(path: &Path) {
    let beside = BESIDE.iter().map(|suffix| with_suffix(path, suffix));
    for path in std::iter::once(path.to_owned()).chain(beside) {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %path.display(), "a temporary file stays");
            }
            _ => {}
        }
    }
}

/// Returns the name of a file that SQLite puts beside `path`.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Returns the first file beside `path` that SQLite would read changes from, if there is one.
pub(super) fn log_beside(path: &Path) -> Option<PathBuf> {
    ["-wal", "-journal"]
        .iter()
        .map(|suffix| with_suffix(path, suffix))
        .find(|log| super::paths::size_of(log) > 0)
}
