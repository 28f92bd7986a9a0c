//! The first 100 bytes of a database file that nobody has open (sqlite.org/fileformat2.html, section 1.3).
//!
//! Never of a live one: closing a file drops SQLite's locks on it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::schema;
use super::temporary::log_beside;
use crate::maintenance::UnfitBackup;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// What the head of a file says of itself.
struct Header {
    bytes_expected: u64,
    schema_version: i64,
    application_id: i32,
}

impl Header {
    fn parse(bytes: &[u8; 100]) -> Option<Self> {
        let number = |at: usize| {
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        // 1 stands for 65,536, which does not fit.
        let page_size = match u16::from_be_bytes([bytes[16], bytes[17]]) {
            1 => 65_536,
            size => u64::from(size),
        };
        bytes.starts_with(MAGIC).then(|| Self {
            bytes_expected: page_size * u64::from(number(28)),
            schema_version: i64::from(number(60)),
            application_id: number(68) as i32,
        })
    }
}

/// Refuses a file that cannot be a backup of a store of ours, without reading more than its head.
pub(super) fn refuse_unfit(path: &Path) -> Result<(), UnfitBackup> {
    let metadata = path.metadata().map_err(UnfitBackup::Unreadable)?;
    if !metadata.is_file() {
        return Err(UnfitBackup::NotAFile);
    }
    if let Some(log) = log_beside(path) {
        return Err(UnfitBackup::HasLog(log));
    }
    let header = read(path)?;
    if header.application_id != schema::APPLICATION_ID {
        return Err(UnfitBackup::Foreign(header.application_id));
    }
    if header.schema_version > schema::VERSION {
        return Err(UnfitBackup::NewerSchema {
            found: header.schema_version,
            known: schema::VERSION,
        });
    }
    if metadata.len() < header.bytes_expected {
        return Err(UnfitBackup::Truncated {
            found: metadata.len(),
            expected: header.bytes_expected,
        });
    }
    Ok(())
}

fn read(path: &Path) -> Result<Header, UnfitBackup> {
    let mut bytes = [0; 100];
    let mut file = File::open(path).map_err(UnfitBackup::Unreadable)?;
    match file.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(UnfitBackup::NotADatabase)
        }
        Err(error) => Err(UnfitBackup::Unreadable(error)),
        Ok(()) => Header::parse(&bytes).ok_or(UnfitBackup::NotADatabase),
    }
}
