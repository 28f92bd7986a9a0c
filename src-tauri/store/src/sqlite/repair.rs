//! Repair of a damaged store: a fresh database out of every row that matches its checksum.
//!
//! A row that does not is taken from the newest backup that has it as it was. So one way mends whatever is damaged: rows,
//! pages, indexes, the schema. The damaged database stays as it is until the fresh one is whole, synced and checked, and
//! is then kept beside the backups. What no backup has is not thrown away either: it is written into a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::paths;
use super::version;
use commonplace_lock::{ExclusiveStoreLock, Locks, Wait};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

use super::aside::Aside;
use super::contents::{self, Snapshot};
use super::donors::Donors;
use super::filling::Filling;
use super::last_commit::{self, LastCommit};
use super::pages::Frames;
use super::salvage::Salvage;
use super::temporary::{self, Temporary};
use super::{before_migration, connection, damage, header, lost, open, restore, schema, sums};
use crate::error::OpenError;
use crate::maintenance::{BACKUPS_DIR, BackupKind, Damage, RepairStep, Repaired, RestoreError};
use crate::platform;

/// What the store is taken for; also keeps these files apart from others in the same directory.
const PURPOSE: &str = "repair";

/// What the file is for that keeps what lies on the pages.
const PAGES: &str = "pages";

/// Mends the store in `dir`. Blocks; waits at most `wait` for others to close the store.
///
/// `locks` are those of `dir`, and the caller does not have the store open. `from` is the backup to take rows from; None
/// takes them from those in [`BACKUPS_DIR`], the newest first. The damaged database is kept there, and so is a file with
/// the rows that no backup has. A crash on the way leaves the store as it was. Needs as much room as the store again.
///
/// # Errors
/// See [`RestoreError`]; after any but `NotSynced` the store is as it was.
pub fn repair(
    dir: &Path,
    locks: &Locks,
    from: Option<&Path>,
    wait: Duration,
    now_ms: i64,
    report: &mut dyn FnMut(RepairStep),
) -> Result<Repaired, RestoreError> {
    let database = paths::database_path(dir).map_err(RestoreError::Store)?;
    if let Some(from) = from {
        header::refuse_unfit(from).map_err(|reason| RestoreError::Unfit {
            path: from.to_owned(),
            reason,
        })?;
    }
    let alone = locks
        .take_store(PURPOSE, Wait::up_to(wait))
        .map_err(RestoreError::Locked)?;
    report(RepairStep::Alone);
    let job = Job {
        dir,
        database: &database,
        locks,
        now_ms,
        noted: last_commit::read(&database),
        has_only_log: open::refuse_orphaned_log(&database).is_err()
            && paths::size_of(&database) <= 1,
    };
    if job.has_only_log {
        // What takes its place puts it aside with its log.
        platform::open_private_file(&database)
            .map_err(RestoreError::io("make the missing", &database))?;
        return job.run(from, &alone, false, report);
    }
    let was_behind = job.notice_lost_writes(&alone);
    job.migrate(&alone)?;
    job.run(from, &alone, was_behind, report)
}

struct Job<'a> {
    /// Of the store; the database may be a link to a file elsewhere.
    dir: &'a Path,
    database: &'a Path,
    locks: &'a Locks,
    now_ms: i64,
    /// The last write that was acknowledged.
    noted: Option<LastCommit>,
    /// The database is gone or empty, and its log is there. SQLite would remove that if it opened them.
    has_only_log: bool,
}

impl Job<'_> {
    /// Notices writes that are missing; says whether there are any that were not known.
    fn notice_lost_writes(&self, alone: &ExclusiveStoreLock) -> bool {
        let look = lost::Look::at(self.database, self.locks, self.now_ms);
        let is_behind = look.is_behind().unwrap_or(false);
        if let Err(error) = look.notice_alone(alone) {
            tracing::warn!(%error, "whether writes are missing is not known");
        }
        is_behind
    }

    /// Brings an older store to the newest schema, which gives its rows their checksums.
    fn migrate(&self, alone: &ExclusiveStoreLock) -> Result<(), RestoreError> {
        // A file of which SQLite reads nothing is told by the look.
        let read = connection::open_salvaging(self.database)
            .and_then(|opened| Ok((schema::versions(&opened)?, schema::is_newest(&opened)?)));
        match read {
            Ok(((version, schema::APPLICATION_ID), false))
                if (1..schema::VERSION).contains(&version) => {}
            _ => return Ok(()),
        }
        before_migration::keep_unless_damaged(
            self.dir,
            self.database,
            self.locks,
            self.now_ms,
            alone,
        )
        .and_then(|()| open::bring_up_to_date(self.database, self.now_ms))
        .map_err(RestoreError::Store)
    }

    fn run(
        &self,
        from: Option<&Path>,
        alone: &ExclusiveStoreLock,
        was_behind: bool,
        report: &mut dyn FnMut(RepairStep),
    ) -> Result<Repaired, RestoreError> {
        let mut found = self.look(report)?;
        if found.is_empty() && !was_behind {
            return Ok(Repaired::of(None));
        }
        let taken_from = self.source(&mut found, was_behind, report)?;
        if found.is_empty() {
            return Ok(Repaired::of(None));
        }
        let (source, pages) = taken_from.connections();
        let own = own_identity(source);
        let donors = self.donors(from, own.as_ref())?;
        let fresh = self.fresh()?;
        let mut filling = Filling {
            source,
            pages,
            donors: &donors,
            aside: Aside::new(&self.folder(), self.now_ms),
            repaired: Repaired::of(Some(found)),
            report,
        };
        if let Source::Pages(salvage) = &taken_from {
            filling.repaired.salvaged_rows = salvage.whole_rows;
        }
        let uuid = own.as_ref().map(|own| own.store_uuid.clone());
        let uuid = uuid.or(donors.store_uuid());
        fill(fresh.path(), uuid.as_deref(), &mut filling)
            .map_err(|e| RestoreError::from_sqlite(fresh.path(), e))?;
        let Filling {
            aside,
            mut repaired,
            report,
            ..
        } = filling;
        repaired.aside = aside
            .finish()
            .map_err(RestoreError::io("write into", &self.folder()))?;
        self.refuse_unfit(&fresh)?;
        report(RepairStep::Checked);
        let renewed = restore::renew(fresh.path(), own.as_ref(), self.locks)?;
        drop(taken_from);
        let kept = restore::put_in_place(
            fresh,
            self.dir,
            self.database,
            self.locks,
            self.now_ms,
            alone,
        )?;
        report(RepairStep::Switched);
        if let Some(own) = own {
            let look = lost::Look::at(self.database, self.locks, self.now_ms);
            // What was known before goes on being told; what was noticed just now may have been found.
            if !was_behind {
                lost::carry_over(self.database, &own.incarnation, &renewed.incarnation);
            }
            look.after_repair(&own, &renewed, self.noted.as_ref(), &kept);
        }
        repaired.contents = renewed.contents;
        repaired.damaged = Some(kept);
        Ok(repaired)
    }

    /// Finds out what the rows are taken from. Adds to `found` that SQLite does not read all of the log.
    fn source(
        &self,
        found: &mut Damage,
        was_behind: bool,
        report: &mut dyn FnMut(RepairStep),
    ) -> Result<Source, RestoreError> {
        let last = match self.readable() {
            Ok(opened) if !found.is_of_structure() && !was_behind => {
                return Ok(Source::Tables(opened, None));
            }
            read => read.map(|opened| last_seq(&opened)),
        };
        // SQLite has nothing open: reading the file without it would end its locks.
        let salvage = self.salvage(report)?;
        match last {
            Ok(last) if last_seq(&salvage.connection) <= last => {
                let opened = self.readable().map_err(|e| self.unreadable(&e))?;
                Ok(Source::Tables(opened, Some(salvage)))
            }
            Err(error) if salvage.whole_rows == 0 => Err(self.unreadable(&error)),
            read => {
                if read.is_ok() {
                    let said = "writes behind a damaged part of its log are not read";
                    found.structure.push(said.to_owned());
                }
                Ok(Source::Pages(salvage))
            }
        }
    }

    /// Looks through the store, and tries whether it can be written: a flipped bit in its head can forbid that.
    fn look(&self, report: &mut dyn FnMut(RepairStep)) -> Result<Damage, RestoreError> {
        if self.has_only_log {
            return Ok(Damage::of_structure(
                "it is gone or empty, and its -wal file is not",
            ));
        }
        let opened = connection::open_looking(self.database);
        let opened = match opened.or_else(|_| self.readable()) {
            Ok(opened) => opened,
            Err(error) => return Ok(Damage::of_structure(error.to_string())),
        };
        let looked = damage::look(&opened, &mut |step| report(RepairStep::Looking(step)));
        let mut found = match looked {
            Err(error) if !contents::is_failure_of_disk(&error) => {
                Damage::of_structure(error.to_string())
            }
            looked => looked.map_err(|e| RestoreError::from_sqlite(self.database, e))?,
        };
        drop(opened);
        if found.is_empty()
            && self.noted.is_some()
            && let Err(error) = self.readable()
        {
            found = Damage::of_structure(error.to_string());
        }
        if found.is_empty()
            && let Err(error) = try_writing(self.database)
        {
            found = Damage::of_structure(error.to_string());
        }
        Ok(found)
    }

    /// Opens the damaged database for reading, unless SQLite does not find all of the tables in it.
    fn readable(&self) -> rusqlite::Result<Connection> {
        if self.has_only_log {
            return Err(rusqlite::Error::InvalidPath(self.database.to_owned()));
        }
        let opened = connection::open_salvaging(self.database)?;
        // A wrong number in the head of the file shows with the first page that is read.
        opened.query_row("SELECT count(*) FROM store_meta", [], |_| Ok(()))?;
        for table in sums::ALL {
            let sql = format!("SELECT {} FROM {} t", table.columns_of("t"), table.name);
            opened.prepare(&sql)?;
        }
        Ok(opened)
    }

    /// Reads what lies on the pages; behind a damaged part of the log only if acknowledged writes are missing without it.
    fn salvage(&self, report: &mut dyn FnMut(RepairStep)) -> Result<Salvage, RestoreError> {
        let whole = self.salvage_with(Frames::Whole, report)?;
        let (own, last) = (own_identity(&whole.connection), last_seq(&whole.connection));
        let is_missing = |noted: &LastCommit| {
            let is_of_this = own.is_none_or(|own| own.incarnation == noted.incarnation);
            is_of_this && noted.seq > last as u64
        };
        if !self.noted.as_ref().is_some_and(is_missing) {
            return Ok(whole);
        }
        drop(whole);
        let all = self.salvage_with(Frames::All, report)?;
        if last_seq(&all.connection) > last {
            return Ok(all);
        }
        drop(all);
        self.salvage_with(Frames::Whole, report)
    }

    fn salvage_with(
        &self,
        frames: Frames,
        report: &mut dyn FnMut(RepairStep),
    ) -> Result<Salvage, RestoreError> {
        let file = self.temporary(PAGES)?;
        Salvage::of(self.database, frames, file, &mut |pages, pages_expected| {
            report(RepairStep::Pages {
                pages,
                pages_expected,
            });
        })
        .map_err(|e| RestoreError::from_sqlite(self.database, e))
    }

    /// Makes an empty file beside the database, and removes what dead instances left for the same purpose.
    fn temporary(&self, purpose: &str) -> Result<Temporary, RestoreError> {
        let dir = self.database.parent();
        let dir = dir.expect("a database lies in a directory");
        temporary::sweep(dir, purpose, self.locks);
        let instance = &self.locks.identity().instance;
        let (file, handle) = Temporary::create(dir, purpose, instance)
            .map_err(RestoreError::io("make a file in", dir))?;
        drop(handle);
        Ok(file)
    }

    fn folder(&self) -> PathBuf {
        self.dir.join(BACKUPS_DIR)
    }

    fn donors(&self, from: Option<&Path>, own: Option<&Snapshot>) -> Result<Donors, RestoreError> {
        let uuid = own.map(|own| own.store_uuid.as_str());
        match from {
            Some(path) => Donors::only(path, uuid).map_err(|e| RestoreError::from_sqlite(path, e)),
            None => Ok(Donors::of(&self.folder(), uuid)),
        }
    }

    /// Nothing at all can be read: only a whole backup helps.
    fn unreadable(&self, error: &rusqlite::Error) -> RestoreError {
        let mut backups = super::kept_backups(&self.folder()).unwrap_or_default();
        backups.retain(|backup| backup.kind != BackupKind::SetAside);
        RestoreError::NothingReadable {
            path: self.database.to_owned(),
            reason: error.to_string(),
            newest: backups.into_iter().next().map(|backup| backup.path),
        }
    }

    /// Makes an empty store.
    fn fresh(&self) -> Result<Temporary, RestoreError> {
        let fresh = self.temporary(PURPOSE)?;
        open::bring_up_to_date(fresh.path(), self.now_ms).map_err(RestoreError::Store)?;
        Ok(fresh)
    }

    /// What was made is looked through like any backup before it takes the place of anything.
    fn refuse_unfit(&self, fresh: &Temporary) -> Result<(), RestoreError> {
        let look = || {
            let opened = connection::open_looking(fresh.path())?;
            damage::look(&opened, &mut |_| ())
        };
        let left = look().map_err(|e| RestoreError::from_sqlite(fresh.path(), e))?;
        if left.is_empty() {
            return Ok(());
        }
        Err(RestoreError::NotMended {
            path: self.database.to_owned(),
            reason: left.what(),
        })
    }
}

/// What the rows are taken from.
enum Source {
    /// The tables of the damaged database; and its pages, if not all tables lead to theirs.
    Tables(Connection, Option<Salvage>),
    /// The pages alone.
    Pages(Salvage),
}

impl Source {
    /// Returns the rows, and beside them those that no table leads to.
    fn connections(&self) -> (&Connection, Option<&Connection>) {
        match self {
            Self::Tables(tables, pages) => {
                (tables, pages.as_ref().map(|salvage| &salvage.connection))
            }
            Self::Pages(salvage) => (&salvage.connection, None),
        }
    }
}

/// Reads who the store is and where it stands, if that can be trusted.
fn own_identity(source: &Connection) -> Option<Snapshot> {
    let sql = format!(
        "SELECT {}, s.sum FROM store_meta t JOIN store_meta_sums s ON s.id = t.id",
        sums::STORE_META.columns_of("t")
    );
    let is_whole = source.query_row(&sql, [], |row| sums::STORE_META.is_whole(row, 0));
    match is_whole {
        Ok(true) => Snapshot::read_identity(source).ok(),
        _ => None,
    }
}

/// Returns the number of the last write in a log of commits, as far as that can be read.
fn last_seq(connection: &Connection) -> i64 {
    let newest = "SELECT coalesce(max(seq), 0) FROM commit_log";
    let newest = connection.query_row(newest, [], |row| row.get(0));
    newest.unwrap_or(0)
}

/// Begins a transaction as opening a store does, writes, and undoes it.
fn try_writing(database: &Path) -> Result<(), OpenError> {
    let failed = |e| version::open_error(database, e);
    let fence = Arc::new(AtomicI64::new(0));
    let connection = connection::open_writing(database, &fence).map_err(failed)?;
    // Closing would remove a log that SQLite takes for empty.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(failed)?;
    open::switch_to_wal(database, &connection)?;
    connection
        .execute_batch(&format!(
            // The head of the file is written: where it forbids that itself, a transaction begins all the same.
            "BEGIN IMMEDIATE; PRAGMA user_version = {}; ROLLBACK",
            schema::VERSION
        ))
        .map_err(failed)
}

/// Fills the fresh store in one transaction. `uuid` is that of the damaged one.
fn fill(fresh: &Path, uuid: Option<&str>, filling: &mut Filling<'_, '_>) -> rusqlite::Result<()> {
    let fence = Arc::new(AtomicI64::new(1));
    let mut connection = connection::open_writing(fresh, &fence)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "UPDATE store_meta SET epoch = 1, store_uuid = coalesce(?1, store_uuid)",
        [uuid],
    )?;
    for table in [
        &sums::MEMORIES,
        &sums::VECTORS,
        &sums::HISTORY,
        &sums::COMMIT_LOG,
    ] {
        filling.table(&transaction, table)?;
    }
    filling.finish(&transaction)?;
    let newest = "SELECT max(1, coalesce(max(epoch), 0)) FROM commit_log";
    let epoch: i64 = transaction.query_row(newest, [], |row| row.get(0))?;
    fence.store(epoch, Ordering::Relaxed);
    transaction.execute("UPDATE store_meta SET epoch = ?1", [epoch])?;
    transaction.commit()
}
