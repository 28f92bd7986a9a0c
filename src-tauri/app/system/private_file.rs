//! Small files that only this user may read: tokens, and the sessions of open pages.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::files;
use super::platform::make_private_dir;

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
        "`{path}` can be read by other users (mode {mode:03o}): make it private with `chmod 600`; if that changes nothing, \
         its file system keeps no modes, and the store must lie on another one"
    )]
    NotPrivate { path: PathBuf, mode: u32 },
    #[cfg(unix)]
    #[error(
        "`{path}` cannot be made private: the file system there keeps no modes, and what is made in it has mode \
         {mode:03o} whatever is asked for (exFAT and FAT do so). Other users could read the tokens and every memory. Put \
         the store on a file system of this system, such as the one of your home directory (`--data-dir DIR`), or mount \
         that one for you alone (`uid=` and `umask=077`)"
    )]
    KeepsNoModes { path: PathBuf, mode: u32 },
}

impl PrivateFileError {
    fn of(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            operation,
            path: path.clone(),
            source,
        }
    }

    /// Tells whether it is about a file that is not there, or one that is there already.
    pub(crate) fn is(&self, kind: io::ErrorKind) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == kind)
    }
}

/// Makes a directory, and those above it, for this user only. One that is there stays as it is.
pub(crate) fn make_dir(dir: &Path) -> Result<(), PrivateFileError> {
    make_private_dir(dir).map_err(PrivateFileError::of("make", dir))
}

/// Reads a file, of which nobody else may have read anything.
pub(crate) fn read(path: &Path) -> Result<String, PrivateFileError> {
    let file = File::open(path).map_err(PrivateFileError::of("open", path))?;
    #[cfg(unix)]
    if let Some(mode) = shared_mode(&file, path)? {
        let path = path.to_owned();
        return Err(PrivateFileError::NotPrivate { path, mode });
    }
    let mut text = String::new();
    let read = file.take(BYTES_MAX).read_to_string(&mut text);
    read.map_err(PrivateFileError::of("read", path))?;
    Ok(text)
}

/// Returns the mode of a file that others may do something with.
#[cfg(unix)]
fn shared_mode(file: &File, path: &Path) -> Result<Option<u32>, PrivateFileError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata();
    let metadata = metadata.map_err(PrivateFileError::of("look at", path))?;
    let mode = metadata.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Makes a file that must not exist yet. Written under another name first, so that nobody reads half of it.
///
/// Where files have no second names (exFAT, FAT), of two who make it at once the later one wins: read it afterwards.
pub(crate) fn create(path: &Path, text: &str) -> Result<(), PrivateFileError> {
    let temporary = write_temporary(path, text)?;
    let made = match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return move_into_place(&temporary, path);
        }
        made => made,
    };
    let removed = fs::remove_file(&temporary);
    made.map_err(PrivateFileError::of("make", path))?;
    removed.map_err(PrivateFileError::of("tidy up beside", path))
}

fn move_into_place(temporary: &Path, path: &Path) -> Result<(), PrivateFileError> {
    let made = match path.symlink_metadata() {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(temporary, path),
    };
    made.map_err(|source| {
        // What it was for did not come about; the error tells of that.
        let _ = fs::remove_file(temporary);
        PrivateFileError::of("make", path)(source)
    })
}

/// Says whether files in `dir` can be kept from other users. Makes one and removes it.
pub(crate) fn check_dir(dir: &Path) -> Result<(), PrivateFileError> {
    let probe = write_temporary(&dir.join("probe"), "")?;
    fs::remove_file(&probe).map_err(PrivateFileError::of("remove", &probe))
}

/// Puts a new file in the place of the one that may be there: readers and a crash see one of the two.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), PrivateFileError> {
    let temporary = write_temporary(path, text)?;
    files::move_over(&temporary, path).map_err(PrivateFileError::of("replace", path))
}

fn write_temporary(path: &Path, text: &str) -> Result<PathBuf, PrivateFileError> {
    #[cfg(unix)]
    let check = |file: &File, temporary: &Path| match shared_mode(file, temporary)? {
        Some(mode) => {
            let path = path.to_owned();
            Err(PrivateFileError::KeepsNoModes { path, mode })
        }
        None => Ok(()),
    };
    #[cfg(not(unix))]
    let check = |_: &File, _: &Path| Ok(());
    files::write_temporary(path, text.as_bytes(), check, |temporary, error| {
        PrivateFileError::of("write", temporary)(error)
    })
}
