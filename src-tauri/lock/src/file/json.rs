//! Small JSON files: replaced as a whole, and never trusted when they are read.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{paths, platform};
use crate::error::PathError;

/// Longest record that is read; a longer file is not one of ours.
const RECORD_BYTES_MAX: u64 = 64 * 1024;

/// Puts `record` in place of what is at `path`: readers see all of it or none of it.
///
/// Not synced: after a power loss the instance that it describes is gone anyway.
pub(crate) fn replace(path: &Path, record: &impl Serialize) -> Result<(), PathError> {
    replace_through(&paths::temporary(path), path, record, |_| Ok(()))
}

/// Does the same for a record that must survive a power loss. `temporary` is a name that no other writer uses.
pub(crate) fn replace_synced(
    temporary: &Path,
    path: &Path,
    record: &impl Serialize,
) -> Result<(), PathError> {
    replace_through(temporary, path, record, File::sync_all)
}

fn replace_through(
    temporary: &Path,
    path: &Path,
    record: &impl Serialize,
    finish: impl FnOnce(&File) -> io::Result<()>,
) -> Result<(), PathError> {
    let json = serde_json::to_vec(record).expect("texts and numbers always have a JSON form");
    let written = platform::open_record_file(temporary).and_then(|mut file| {
        file.set_len(0)?;
        file.write_all(&json)?;
        finish(&file)
    });
    written
        .map_err(PathError::of("write", temporary))
        .and_then(|()| fs::rename(temporary, path).map_err(PathError::of("rename", temporary)))
        .inspect_err(|_| remove(temporary))
}

/// Reads a record; None if it is gone, damaged, or says what we do not understand.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let len = fs::metadata(path).ok()?.len();
    if len > RECORD_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?)
        .inspect_err(|error| {
            tracing::debug!(
                target: crate::LOG, path = %path.display(), %error, "not a record; skipped"
            );
        })
        .ok()
}

/// Removes a file of a dead instance or of our own; one that is gone already is fine.
pub(crate) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(target: crate::LOG, path = %path.display(), %error, "could not remove");
    }
}
