//! Opening a store: directory, file, version, migration.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use commonplace_lock::{AcquireError, Generation, Locks, SharedStoreLock, Wait};
use rusqlite::{Connection, TransactionBehavior};

use super::contents::Snapshot;
use super::files::{self, Files};
use super::lost::{self, Noticed};
use super::paths::{database_path, io_error, size_of};
use super::schema::{self, FirstRow};
use super::version::{known_version, open_error};
use super::{Fusion, SqliteStore, Writing, before_migration, connection, last_commit};
use crate::error::OpenError;
use crate::platform;

/// First SQLite without the WAL-reset bug (sqlite.org/wal.html#walresetbug).
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// How long opening waits for a migration, restore or compaction of another instance.
const STORE_LOCK_WAIT: Duration = Duration::from_secs(10);

/// How often, and how long each time, opening tries to have the store for itself; together [`STORE_LOCK_WAIT`].
const MIGRATION_TRIES: u32 = 40;
const MIGRATION_WAIT: Duration = Duration::from_millis(250);

impl SqliteStore {
    /// Opens the store in `dir`, making or migrating it if needed. Blocks; waits at most 10 s for another instance's
    /// maintenance. A store is backed up before it is migrated, which takes some seconds for each gigabyte.
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
        files::refuse_other(&path, locks)?;
        let (shared, noticed) = share_noticed(dir, &path, locks, now_ms)?;
        let fence = Arc::new(AtomicI64::new(0));
        let connection =
            connection::open_writing(&path, &fence).map_err(|e| open_error(&path, e))?;
        // Another program may have switched it off.
        switch_to_wal(&path, &connection)?;
        // The store decides which write lock is in force; its file may still be missing.
        let meta = super::meta::read_meta(&connection).map_err(|e| open_error(&path, e))?;
        locks.adopt(Generation(meta.generation))?;
        let files = Files::note(&path).map_err(io_error("find the open files of", &path))?;
        shared.note_file(files.id())?;
        let note = open_note(&path, &connection, noticed)?;
        Ok(Self {
            path,
            note,
            files,
            is_settled: AtomicBool::new(false),
            writing: Mutex::new(Writing::new(connection, fence)),
            idle: Mutex::new(Vec::new()),
            fusion: Fusion::default(),
            backing_up: Mutex::new(()),
            open: shared,
        })
    }
}

/// Takes a share of the store, and notices if it went back in time.
fn share_noticed(
    dir: &Path,
    path: &Path,
    locks: &Locks,
    now_ms: i64,
) -> Result<(SharedStoreLock, Noticed), OpenError> {
    let failed = |e| open_error(path, e);
    let shared = share_newest(dir, path, locks, now_ms)?;
    let look = lost::Look::at(path, locks, now_ms);
    if !look.is_behind().map_err(failed)? {
        return Ok((shared, Noticed::Settled));
    }
    drop(shared);
    let noticed = look.notice().map_err(failed)?;
    Ok((share_newest(dir, path, locks, now_ms)?, noticed))
}

fn open_note(
    path: &Path,
    connection: &Connection,
    noticed: Noticed,
) -> Result<last_commit::Note, OpenError> {
    let own = Snapshot::read(connection).map_err(|e| open_error(path, e))?;
    let (uuid, incarnation) = (own.store_uuid, own.incarnation);
    Ok(match noticed {
        Noticed::Settled => last_commit::Note::open(path, uuid, incarnation),
        Noticed::NotWrittenDown(why) => last_commit::Note::kept_as_it_is(uuid, incarnation, why),
    })
}

/// Takes a share of the store once it has the newest schema, and brings it there if nobody else does.
///
/// Who migrates has the store alone for that time only and then keeps a share. So who waits to migrate looks again
/// after a short while, whether there is still anything to do.
fn share_newest(
    dir: &Path,
    path: &Path,
    locks: &Locks,
    now_ms: i64,
) -> Result<SharedStoreLock, OpenError> {
    let mut tries = 0;
    loop {
        let shared = locks.share_store(Wait::up_to(STORE_LOCK_WAIT))?;
        if is_newest(path)? {
            return Ok(shared);
        }
        drop(shared);
        tries += 1;
        match locks.take_store("migration", Wait::up_to(MIGRATION_WAIT)) {
            Ok(alone) => {
                before_migration::keep(dir, path, locks, now_ms, &alone)?;
                let gone =
                    last_commit::read(path).filter(|noted| size_of(path) <= 1 && noted.seq > 0);
                bring_up_to_date(path, now_ms)?;
                if let Some(noted) = gone {
                    let look = lost::Look::at(path, locks, now_ms);
                    look.notice_vanished(&noted)
                        .map_err(|e| open_error(path, e))?;
                }
            }
            // Others have the store open, or one of them migrates right now, which may take long.
            Err(AcquireError::StoreInUse { .. } | AcquireError::TimedOut { .. })
                if tries < MIGRATION_TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Makes the database file readable by this user only; SQLite gives its log files the same mode.
///
/// The caller has the store alone, and only a file that did not exist is ever opened: closing any other handle of a live
/// database would drop SQLite's locks (sqlite.org/howtocorrupt.html, 2.2).
fn make_private_file(path: &Path) -> std::io::Result<()> {
    match platform::create_private_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

/// Says whether the database has the newest schema; refuses foreign, newer and damaged ones and leaves them untouched.
fn is_newest(path: &Path) -> Result<bool, OpenError> {
    // SQLite takes a single byte for nothing, too (os_unix.c, unixFileSize).
    if size_of(path) <= 1 {
        return refuse_orphaned_log(path).map(|()| false);
    }
    let connection = connection::open_looking(path).map_err(|e| open_error(path, e))?;
    let version = known_version(path, &connection)?;
    let (_, application) = schema::versions(&connection).map_err(|e| open_error(path, e))?;
    let is_new = (version, application) == (0, 0);
    let noted = last_commit::read(path).filter(|noted| is_new && noted.seq > 0);
    if let Some(noted) = noted {
        // Its log has them, and whoever makes a new store here overwrites that.
        return Err(OpenError::Damaged {
            path: path.to_owned(),
            reason: format!(
                "it holds nothing, although {} writes were acknowledged",
                noted.seq
            ),
        });
    }
    Ok(version == schema::VERSION)
}

/// A database that has been emptied while its log is still there: SQLite would delete the log with what is in it.
pub(super) fn refuse_orphaned_log(path: &Path) -> Result<(), OpenError> {
    let mut log = path.to_owned().into_os_string();
    log.push("-wal");
    if size_of(Path::new(&log)) == 0 {
        return Ok(());
    }
    Err(OpenError::Damaged {
        path: path.to_owned(),
        reason: "it is empty, but its -wal file is not".to_owned(),
    })
}

/// Makes or migrates the database; the caller holds the store exclusively, and has a backup of it.
pub(super) fn bring_up_to_date(path: &Path, now_ms: i64) -> Result<(), OpenError> {
    make_private_file(path).map_err(io_error("make the database", path))?;
    let fence = Arc::new(AtomicI64::new(0));
    let mut connection = connection::open_writing(path, &fence).map_err(|e| open_error(path, e))?;
    let from = known_version(path, &connection)?;
    if from == schema::VERSION {
        return Ok(());
    }
    switch_to_wal(path, &connection)?;
    let current = epoch(&connection, from).map_err(|e| open_error(path, e))?;
    fence.store(current, Ordering::Relaxed);
    let first = FirstRow {
        store_uuid: random_hex(),
        incarnation: random_hex(),
        now_ms,
    };
    let migrate = |connection: &mut Connection| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        schema::migrate(&transaction, from, &first)?;
        commonplace_lock::fail_point::reached("migration");
        transaction.commit()
    };
    migrate(&mut connection).map_err(|e| open_error(path, e))?;
    tracing::info!(from, to = schema::VERSION, database = %path.display(), "the store has a new schema");
    Ok(())
}

/// Reads the epoch that a migration changes rows under; 0 before there is a store.
fn epoch(connection: &Connection, version: i64) -> rusqlite::Result<i64> {
    if version == 0 {
        return Ok(0);
    }
    connection.query_row("SELECT epoch FROM store_meta WHERE id = 1", [], |row| {
        row.get(0)
    })
}

pub(super) fn switch_to_wal(path: &Path, connection: &Connection) -> Result<(), OpenError> {
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

/// Returns 32 random hexadecimal digits.
pub(super) fn random_hex() -> String {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).expect("the system has a random source");
    hex::encode(bytes)
}
