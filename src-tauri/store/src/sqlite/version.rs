//! Which schema a file has, or why it is none of ours.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::paths::io_error;
use super::schema;
use crate::error::OpenError;

/// Reads the schema version, or refuses the file.
pub(super) fn known_version(path: &Path, connection: &Connection) -> Result<i64, OpenError> {
    let (version, application) = schema::versions(connection).map_err(|e| open_error(path, e))?;
    let is_refused = version > schema::VERSION || application != schema::APPLICATION_ID;
    let wrong_head = is_refused
        .then(|| schema::wrong_head(connection))
        .transpose();
    if let Some(reason) = wrong_head.map_err(|e| open_error(path, e))?.flatten() {
        return Err(OpenError::Damaged {
            path: path.to_owned(),
            reason,
        });
    }
    if version > schema::VERSION && application == schema::APPLICATION_ID {
        return Err(OpenError::NewerSchema {
            path: path.to_owned(),
            found: version,
            known: schema::VERSION,
        });
    }
    let is_new = application == 0 && version == 0 && is_empty(path, connection)?;
    if application != schema::APPLICATION_ID && !is_new {
        return Err(OpenError::Foreign {
            path: path.to_owned(),
            found: application,
        });
    }
    Ok(version)
}

pub(super) fn open_error(path: &Path, source: rusqlite::Error) -> OpenError {
    use std::io::{Error, ErrorKind};
    let kind = match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            return OpenError::Damaged {
                path: path.to_owned(),
                reason: source.to_string(),
            };
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => ErrorKind::PermissionDenied,
        Some(ErrorCode::ReadOnly) => ErrorKind::ReadOnlyFilesystem,
        Some(ErrorCode::DiskFull) => ErrorKind::StorageFull,
        Some(ErrorCode::SystemIoFailure) => ErrorKind::Other,
        _ => return sqlite_error(path, source),
    };
    io_error("open the database", path)(Error::new(kind, source))
}

fn is_empty(path: &Path, connection: &Connection) -> Result<bool, OpenError> {
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|e| open_error(path, e))?;
    Ok(tables == 0)
}

pub(super) fn sqlite_error(path: &Path, source: rusqlite::Error) -> OpenError {
    OpenError::Sqlite {
        path: path.to_owned(),
        source,
    }
}
