//! The file `statistics.db`: opened for each look, recreated if it is not usable.
//!
//! It is not kept open: a person may delete it at any time, and the next look makes another. It has a rollback journal
//! and not a write-ahead log, whose two extra files would not go away with it. Nothing is synced: the death of a process
//! leaves it whole, a power cut may not, and then it is recreated.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::trouble::Trouble;
use super::{figures, history, incidents, shares};

/// `CMST`: tells it from the store's database and from those of other programs.
const APPLICATION_ID: i64 = 0x434d_5354;
/// Form of the tables. Another one is not read: it is set aside, since statistics are not worth a migration.
const FORM: i64 = 2;
/// How long a look waits for that of another instance, which takes a few milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

/// Offsets up to which journals have been read.
const JOURNALS: &str = "
CREATE TABLE journals (
    name TEXT PRIMARY KEY,
    read_up_to INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Opens the file, making it if it is not there. `is_first` looks at all of it for damage.
pub(super) fn open(path: &Path, is_first: bool) -> Result<Connection, Trouble> {
    if path.is_dir() {
        return Err(Trouble::Damaged("it is a directory".to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    let is_ours = check_form(&connection)?;
    if !is_ours {
        make_tables(&mut connection)?;
    } else if is_first {
        check(&connection)?;
    }
    Ok(connection)
}

/// Makes the same in memory, for as long as the file cannot be used.
pub(super) fn in_memory() -> Result<Connection, Trouble> {
    let mut connection = Connection::open_in_memory()?;
    make_tables(&mut connection)?;
    Ok(connection)
}

/// Moves a file that is not usable out of the way, over the one moved before.
pub(super) fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let aside = beside(path, ".unusable");
    if aside.is_file() {
        std::fs::remove_file(&aside)?;
    }
    std::fs::rename(path, &aside)?;
    // What belongs to the old file would be applied to the new one.
    for ending in ["-journal", "-wal", "-shm"] {
        drop(std::fs::remove_file(beside(path, ending)));
    }
    Ok(aside)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

fn configure(connection: &Connection) -> Result<(), Trouble> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    Ok(())
}

/// Says whether the file is ours; false for a new one.
fn check_form(connection: &Connection) -> Result<bool, Trouble> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, form) = (pragma("application_id")?, pragma("user_version")?);
    match (application, form) {
        (APPLICATION_ID, FORM) => Ok(true),
        (APPLICATION_ID, newer) if newer > FORM => Err(Trouble::Newer(newer)),
        (0, 0) if is_empty(connection)? => Ok(false),
        _ => Err(Trouble::Damaged(format!(
            "application id {application:#010x}, form {form}"
        ))),
    }
}

fn is_empty(connection: &Connection) -> Result<bool, Trouble> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0)
}

fn make_tables(connection: &mut Connection) -> Result<(), Trouble> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another instance may have been faster.
    if is_empty(&transaction)? {
        for tables in [
            figures::TABLES,
            history::TABLES,
            shares::TABLES,
            incidents::TABLES,
            JOURNALS,
        ] {
            transaction.execute_batch(tables)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORM)?;
    }
    transaction.commit()?;
    Ok(())
}

fn check(connection: &Connection) -> Result<(), Trouble> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(Trouble::Damaged(found))
    }
}
