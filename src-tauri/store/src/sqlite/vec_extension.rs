//! Registers sqlite-vec with one connection: the only unsafe code of the program.

use std::ffi::{c_char, c_int};

use rusqlite::{Connection, ffi};

/// The version in this program; the manifest pins it, a test compares.
pub(super) const VERSION: &str = "0.1.9";

/// The real signature of the extension's entry point; the crate declares it without parameters.
type EntryPoint = unsafe extern "C" fn(
    *mut ffi::sqlite3,
    *mut *mut c_char,
    *const ffi::sqlite3_api_routines,
) -> c_int;

/// Makes the functions and the table type of sqlite-vec known to `connection`.
///
/// Registered for each connection by itself, not as an automatic extension, so that nothing global changes.
#[allow(unsafe_code)]
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // SAFETY: `sqlite3_vec_init` is compiled from C with exactly the signature `EntryPoint` (sqlite-vec.c, built with
    // SQLITE_CORE, so that it ignores its third argument and calls the SQLite linked into this program). The handle is
    // valid for the time of the call, because `connection` is borrowed. A null error pointer is allowed.
    let code = unsafe {
        let init =
            std::mem::transmute::<*const (), EntryPoint>(sqlite_vec::sqlite3_vec_init as *const ());
        init(connection.handle(), std::ptr::null_mut(), std::ptr::null())
    };
    if code == ffi::SQLITE_OK {
        return Ok(());
    }
    Err(rusqlite::Error::SqliteFailure(
        ffi::Error::new(code),
        Some("sqlite-vec could not be registered".to_owned()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_is_told_is_the_one_that_works() {
        let connection = Connection::open_in_memory().unwrap();
        register(&connection).unwrap();
        let version: String = connection
            .query_row("SELECT vec_version()", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, format!("v{VERSION}"));
    }
}
