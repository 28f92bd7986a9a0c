//! Why the statistics could not be read or written.

use rusqlite::ErrorCode as Code;

/// What stands in the way. Never reaches a request: statistics are then counted in memory.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Another instance is at it for longer than usual; passes by itself.
    #[error("another instance has them locked")]
    Busy,
    /// The file is damaged, or another program's, or of a form that is no longer read.
    #[error("the file is not usable: {0}")]
    Damaged(String),
    /// The file was written by a newer program, which may be running.
    #[error("the file was written by a newer program (form {0})")]
    Newer(i64),
    /// The disk or the directory does not let us.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
    /// A journal or the directory could not be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Busy,
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Damaged(error.to_string()),
            _ if is_wrong_form(&error) => Self::Damaged(error.to_string()),
            _ => Self::Sqlite(error),
        }
    }
}

/// Says whether tables or values are not what we make.
fn is_wrong_form(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    match error {
        E::InvalidColumnType(..)
        | E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::Utf8Error(..) => true,
        E::SqliteFailure(cause, _) => {
            cause.code == Code::Unknown || cause.code == Code::TypeMismatch
        }
        E::SqlInputError { .. } => true,
        _ => false,
    }
}
