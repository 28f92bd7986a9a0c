//! Small files that only this user may read: tokens, and the sessions of open pages.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::tokens::random_token;

/// Longest text that is read, in bytes: what is longer is none of ours.
const BYTES_MAX: u64 = 64 * 1024;

/// Tells why such a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivateFileError {
    #[error("could not {operation} `{path}`: {source}; check that this user may write there")]
    Io {
        operation: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[cfg(unix)]
    #[error(
        "`{path}` can be read by other users (mode {mode:03o}): make it private with `chmod 600`"
    )]
    NotPrivate { path: PathBuf, mode: u32 },
}

impl PrivateFileError {
    fn of(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            operation,
            path,
            source,
        }
    }

    /// Tells whether it is about a file that is not there, or one that is there already.
    pub(crate) fn is(&self, kind: io::ErrorKind) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == kind)
    }
}

/// Reads a file, of which nobody else may have read anything.
pub(crate) fn read(path: &Path) -> Result<String, PrivateFileError> {
    let file = File::open(path).map_err(PrivateFileError::of("open", path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = file.metadata();
        let metadata = metadata.map_err(PrivateFileError::of("look at", path))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = path.to_owned();
            return Err(PrivateFileError::NotPrivate { path, mode });
        }
    }
    let mut text = String::new();
    let read = file.take(BYTES_MAX).read_to_string(&mut text);
    read.map_err(PrivateFileError::of("read", path))?;
    Ok(text)
}

/// Makes a file that must not exist yet. Written under another name first, so that nobody reads half of it.
pub(crate) fn create(path: &Path, text: &str) -> Result<(), PrivateFileError> {
    let temporary = write_temporary(path, text)?;
    let linked = fs::hard_link(&temporary, path);
    let removed = fs::remove_file(&temporary);
    linked.map_err(PrivateFileError::of("make", path))?;
    removed.map_err(PrivateFileError::of("tidy up beside", path))
}

/// Puts a new file in the place of the one that may be there: readers and a crash see one of the two.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), PrivateFileError> {
    let temporary = write_temporary(path, text)?;
    fs::rename(&temporary, path).map_err(|source| {
        // What it was for did not come about; the error tells of that.
        let _ = fs::remove_file(&temporary);
        PrivateFileError::of("replace", path)(source)
    })
}

fn write_temporary(path: &Path, text: &str) -> Result<PathBuf, PrivateFileError> {
    let temporary = path.with_extension(format!("{}.new", &random_token()[..16]));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || {
        let mut file = options.open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    match write() {
        Ok(()) => Ok(temporary),
        Err(source) => {
            // On a full disk, what was written of it is in the way.
            let _ = fs::remove_file(&temporary);
            Err(PrivateFileError::of("write", &temporary)(source))
        }
    }
}
