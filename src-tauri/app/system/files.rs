//! Whole files: read, replaced, removed when they are old.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Reads a file; None if there is none.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Puts a new file in the place of the one that may be there, and keeps its permissions: readers and a crash see one of the
/// two.
pub(crate) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    // A link stays a link to the file it names.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let new = path.with_added_extension("new");
    let mut file = File::create(&new)?;
    if let Ok(old) = fs::metadata(&path) {
        fs::set_permissions(&new, old.permissions())?;
    }
    file.write_all(text)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&new, &path)
}

/// Removes what is older than `life` from a directory; a time in the future is that of a clock that was set back.
///
/// # Errors
/// If the directory cannot be read.
pub(crate) fn remove_older(dir: &Path, life: Duration, now: SystemTime) -> io::Result<()> {
    for entry in fs::read_dir(dir)?.flatten() {
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = changed.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > life));
        // Another host may have been first.
        if is_old
            && let Err(error) = fs::remove_file(entry.path())
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(path = %entry.path().display(), %error, "could not remove an old file");
        }
    }
    Ok(())
}
