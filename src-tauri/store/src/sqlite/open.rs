//! Opening a store: directory, file, version, migration.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use commonplace_lock::{Locks, Wait};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::schema::{self, FirstRow};
use super::{Fusion, SqliteStore, Writing, connection};
use crate::error::OpenError;

/// Name of the database in the store directory.
const DATABASE: &str = "commonplace.db";

/// First SQLite without the WAL-reset bug (sqlite.org/wal.html#walresetbug).
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// How long opening waits for a migration, restore or compaction of another instance.
const STORE_LOCK_WAIT: Duration = Duration::from_secs(10);

impl SqliteStore {
    /// Opens the store in `dir`, making or migrating it if needed. Blocks; waits at most 10 s for another instance's
    /// maintenance.
    ///
    /// `locks` are those of `dir`; the shared store lock is held until the store is dropped. May be called by many
    /// instances at once: one of them migrates, the others wait.
    pub fn open(dir: &Path, locks: &Locks, now_ms: i64) -> Result<Self, OpenError> {
        if rusqlite::version_number() < SQLITE_VERSION_MIN {
            return Err(OpenError::OldSqlite {
                found: rusqlite::version(),
            });
        }
        let path = database_path(dir)?;
        let mut shared = locks.share_store(Wait::up_to(STORE_LOCK_WAIT))?;
        if !is_current(&path)? {
            drop(shared);
            let exclusive = locks.take_store(Wait::up_to(STORE_LOCK_WAIT))?;
            bring_up_to_date(&path, now_ms)?;
            drop(exclusive);
            shared = locks.share_store(Wait::up_to(STORE_LOCK_WAIT))?;
            is_current(&path)?;
        }
        let fence = Arc::new(AtomicI64::new(0));
        let connection =
            connection::open_writing(&path, &fence).map_err(|e| open_error(&path, e))?;
        Ok(Self {
            path,
            writing: Mutex::new(Writing { connection, fence }),
            idle: Mutex::new(Vec::new()),
            fusion: Fusion::default(),
            _open: shared,
        })
    }
}

/// Makes the directory if needed and returns the database's real path: SQLite names its log after the name it opens.
fn database_path(dir: &Path) -> Result<PathBuf, OpenError> {
    if dir.exists() && !dir.is_dir() {
        return Err(OpenError::NotADirectory {
            path: dir.to_owned(),
        });
    }
    let io = |operation, path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Io {
            operation,
            path,
            source,
        }
    };
    make_private_dir(dir).map_err(io("make the store directory", dir))?;
    let path = dir.join(DATABASE);
    make_private_file(&path).map_err(io("make the database", &path))?;
    let path = path
        .canonicalize()
        .map_err(io("find the real path of", &path))?;
    refuse_hard_links(&path)?;
    Ok(path)
}

fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Makes the database file readable by this user only; SQLite gives its log files the same mode.
///
/// Only ever opens a file that did not exist: closing any other handle of a live database would drop SQLite's locks
/// (sqlite.org/howtocorrupt.html, 2.2).
fn make_private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn refuse_hard_links(path: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::MetadataExt;
    let links = std::fs::metadata(path).map_or(1, |metadata| metadata.nlink());
    if links > 1 {
        return Err(OpenError::HardLinked {
            path: path.to_owned(),
            links,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_hard_links(_path: &Path) -> Result<(), OpenError> {
    Ok(())
}

/// Says whether the database has the newest schema; refuses foreign, newer and damaged ones.
fn is_current(path: &Path) -> Result<bool, OpenError> {
    let fence = Arc::new(AtomicI64::new(0));
    let connection = connection::open_writing(path, &fence).map_err(|e| open_error(path, e))?;
    let version = known_version(path, &connection)?;
    Ok(version == schema::VERSION)
}

/// Reads the schema version, or refuses the file.
fn known_version(path: &Path, connection: &Connection) -> Result<i64, OpenError> {
    let (version, application) = schema::versions(connection).map_err(|e| open_error(path, e))?;
    if version > schema::VERSION && application == schema::APPLICATION_ID {
        return Err(OpenError::NewerSchema {
            path: path.to_owned(),
            found: version,
            known: schema::VERSION,
        });
    }
    if application != schema::APPLICATION_ID && !is_empty(path, connection)? {
        return Err(OpenError::Foreign {
            path: path.to_owned(),
            found: application,
        });
    }
    Ok(version)
}

fn is_empty(path: &Path, connection: &Connection) -> Result<bool, OpenError> {
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|e| open_error(path, e))?;
    Ok(tables == 0)
}

/// Migrates; the caller holds the store exclusively.
fn bring_up_to_date(path: &Path, now_ms: i64) -> Result<(), OpenError> {
    let fence = Arc::new(AtomicI64::new(0));
    let mut connection = connection::open_writing(path, &fence).map_err(|e| open_error(path, e))?;
    let from = known_version(path, &connection)?;
    if from == schema::VERSION {
        return Ok(());
    }
    switch_to_wal(path, &connection)?;
    fence.store(i64::MAX, Ordering::Relaxed);
    let first = FirstRow {
        store_uuid: random_hex(),
        incarnation: random_hex(),
        now_ms,
    };
    let migrate = |connection: &mut Connection| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        schema::migrate(&transaction, from, &first)?;
        transaction.commit()
    };
    migrate(&mut connection).map_err(|e| open_error(path, e))?;
    tracing::info!(from, to = schema::VERSION, database = %path.display(), "the store has a new schema");
    Ok(())
}

fn switch_to_wal(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(|e| open_error(path, e))?;
    if mode != "wal" {
        return Err(OpenError::NoWal {
            path: path.to_owned(),
            found: mode,
        });
    }
    Ok(())
}

fn open_error(path: &Path, source: rusqlite::Error) -> OpenError {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OpenError::Damaged {
            path: path.to_owned(),
            reason: source.to_string(),
        },
        _ => OpenError::Sqlite {
            path: path.to_owned(),
            source,
        },
    }
}

/// Returns 32 random hexadecimal digits.
fn random_hex() -> String {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).expect("the system has a random source");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
