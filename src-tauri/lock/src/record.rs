//! Small JSON files that tell about a living instance: written whole, read with doubt.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::PathError;
use crate::platform;

/// Longest record that is read; a longer file is not one of ours.
const RECORD_BYTES_MAX: u64 = 64 * 1024;

/// Writes `record` under `new` and renames it to `path`: readers see all of it or none.
///
/// Not synced: after a power loss the instance that it tells of is gone anyway.
pub(crate) fn write(new: &Path, path: &Path, record: &impl Serialize) -> Result<(), PathError> {
    let json = serde_json::to_vec(record).expect("texts and numbers always have a JSON form");
    let written = platform::open_record_file(new).and_then(|mut file| {
        file.set_len(0)?;
        file.write_all(&json)
    });
    written.map_err(PathError::of("write", new))?;
    fs::rename(new, path).map_err(PathError::of("rename", new))
}

/// Reads a record; None if it is gone, damaged, or says what we do not understand.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let len = fs::metadata(path).ok()?.len();
    if len > RECORD_BYTES_MAX {
        return None;
    }
    parse(&fs::read(path).ok()?)
        .inspect_err(|error| {
            tracing::debug!(
                target: crate::LOG, path = %path.display(), %error, "not a record; skipped"
            );
        })
        .ok()
}

/// Reads a record from the bytes of its file.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(bytes)
}

/// Removes a file of a dead instance or of our own; one that is gone already is fine.
pub(crate) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(target: crate::LOG, path = %path.display(), %error, "could not remove");
    }
}
