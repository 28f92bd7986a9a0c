//! Reading of columns whose row may be damaged: whatever is there is read as far as it can be.
//!
//! A flipped bit can make a text that is not UTF-8, JSON that is none, or a number out of a text. One such row must not
//! hide the others of its list; its checksum tells that it is damaged.

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::de::DeserializeOwned;

/// Reads a text; what is no UTF-8 becomes U+FFFD.
pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(name(row, column)?.unwrap_or_default())
}

/// Reads a text that may be missing.
pub(super) fn name(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
    })
}

/// Reads a number; anything else is 0.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    Ok(time(row, column)?.unwrap_or_default())
}

/// Reads a time that may be missing; what is no number counts as missing.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<i64>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Integer(number) => Some(number),
        _ => None,
    })
}

/// Reads JSON; what is none is empty.
pub(super) fn json<T: DeserializeOwned + Default>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_bytes().unwrap_or_default();
    Ok(serde_json::from_slice(text).unwrap_or_default())
}
