//! Entries of a zip.

use std::fs::File;
use std::io::{self, BufReader, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::{Entry, IsWanted, Refusal, Visit};

/// Says whether a file that begins like this is a zip.
pub(super) fn begins(start: &[u8]) -> bool {
    // The second is one without entries.
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

/// Visits the wanted entries in the order of the archive's list, until `visit` stops.
pub(super) fn each(file: File, is_wanted: &IsWanted<'_>, visit: &mut Visit<'_>) -> io::Result<()> {
    let mut archive = ZipArchive::new(BufReader::new(file))?;
    for place in 0..archive.len() {
        let name = match archive.name_for_index(place) {
            Some(name) => name?.into_owned(),
            None => continue,
        };
        if !is_wanted(place, &name) {
            continue;
        }
        let listed = archive.by_index_data(place)?;
        let (bytes, is_file) = (listed.size(), listed.is_file());
        if !is_file {
            continue;
        }
        let mut opened = archive.by_index(place);
        let content = match &mut opened {
            Ok(content) => Ok(content as &mut dyn Read),
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                Err(Refusal::Encrypted)
            }
            Err(error) => Err(Refusal::Because(error.to_string())),
        };
        let entry = Entry {
            place,
            name: &name,
            bytes,
            content,
        };
        if visit(entry).is_break() {
            break;
        }
    }
    Ok(())
}
