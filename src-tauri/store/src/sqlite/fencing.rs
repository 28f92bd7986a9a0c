//! Putting another generation of the write lock in force, so that a holder that was taken over is refused.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use commonplace_lock::TakeOver;
use rusqlite::{Connection, ErrorCode};

use super::{Writing, connection};
use crate::error::{FenceError, WriteError};
use crate::ops::Epoch;

/// Does what [`crate::Backend::fence_off`] says on the writing connection of this instance.
pub(super) fn fence_off(
    path: &Path,
    writing: &Writing,
    take_over: &TakeOver,
) -> Result<Epoch, FenceError> {
    let begun = writing.connection.execute_batch("BEGIN IMMEDIATE");
    begun.map_err(|error| begin_error(path, error))?;
    let result = raise(path, writing, take_over);
    writing.fence.store(0, Ordering::Relaxed);
    if result.is_err() && !writing.connection.is_autocommit() {
        let undone = writing.connection.execute_batch("ROLLBACK");
        undone.map_err(|error| WriteError::from_sqlite(path, error))?;
    }
    result
}

/// Asks for a transaction on a reading connection and gives it back; true if somebody else has one open.
pub(super) fn is_in_transaction(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "query_only", false)?;
    let begun = connection.execute_batch("BEGIN IMMEDIATE");
    connection.pragma_update(None, "query_only", true)?;
    connection.busy_timeout(connection::BUSY_TIMEOUT)?;
    match begun {
        Ok(()) => connection.execute_batch("ROLLBACK").map(|()| false),
        Err(error) if is_busy(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn begin_error(path: &Path, source: rusqlite::Error) -> FenceError {
    if is_busy(&source) {
        return FenceError::InTransaction {
            path: path.to_owned(),
            source,
        };
    }
    WriteError::from_sqlite(path, source).into()
}

fn raise(path: &Path, writing: &Writing, take_over: &TakeOver) -> Result<Epoch, FenceError> {
    let failed = |error| FenceError::from(WriteError::from_sqlite(path, error));
    let meta = super::meta::read_meta(&writing.connection).map_err(failed)?;
    if meta.generation != take_over.from().0 {
        return Err(FenceError::Outdated {
            current: meta.generation,
        });
    }
    let epoch = meta.epoch + 1;
    writing.fence.store(epoch as i64, Ordering::Relaxed);
    let victim = take_over.victim();
    writing
        .connection
        .execute(
            "UPDATE store_meta
             SET epoch = ?1, generation = ?2, holder = '', taken_from = ?3
             WHERE id = 1",
            (
                epoch as i64,
                take_over.to().0 as i64,
                victim.map_or("", |id| id.as_str()),
            ),
        )
        .map_err(failed)?;
    commonplace_lock::fail_point::reached("take-over");
    writing.connection.execute_batch("COMMIT").map_err(failed)?;
    Ok(Epoch(epoch))
}
