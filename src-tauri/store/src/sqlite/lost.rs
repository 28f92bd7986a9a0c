//! A store that went back in time: noticed at opening, and told until a person has accepted it.
//!
//! The store opens and takes writes. Refusing them would lose what the agents learn from now on, for certain and without
//! a trace, while what is missing is missing already. So what is left of it is put aside first, because the next write
//! overwrites the rest of a cut log; and what is known is written down in a file of its own, because the next write also
//! uses the missing numbers again.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::damage;
use commonplace_lock::{ExclusiveStoreLock, Locks, Wait};
use rusqlite::Connection;

use super::contents::Snapshot;
use super::last_commit::{self, LastCommit};
use super::temporary::with_suffix;
use super::{backup_folder, connection};
use crate::maintenance::{BACKUPS_DIR, BackupKind, LostWrites, Reaching};
use crate::platform;

/// Name of the record, beside the database.
const NAME: &str = "lost-writes.json";

/// How long others may take to close the store, so that what is left can be copied.
const ALONE_WAIT: Duration = Duration::from_millis(250);

/// What looking for missing writes needs to know.
pub(super) struct Look<'a> {
    database: &'a Path,
    locks: &'a Locks,
    now_ms: i64,
}

/// How the note and the store go together.
pub(super) enum Noticed {
    /// Nothing is missing, or what is missing is written down.
    Settled,
    /// Writes are missing, and that could not be written down; so the note must stay as it is.
    NotWrittenDown(String),
}

impl<'a> Look<'a> {
    /// Makes the look at `database`, whose locks are `locks`, at the time `now_ms`.
    pub(super) fn at(database: &'a Path, locks: &'a Locks, now_ms: i64) -> Self {
        Self {
            database,
            locks,
            now_ms,
        }
    }

    /// Says whether writes are missing that nobody has noticed yet. The caller shares the store.
    pub(super) fn is_behind(&self) -> rusqlite::Result<bool> {
        Ok(self.missing()?.is_some())
    }

    /// Returns what is there and what was noted, if writes are missing.
    fn missing(&self) -> rusqlite::Result<Option<(Snapshot, Option<i64>, LastCommit)>> {
        // The note first: what is committed in between makes the store newer, not the note.
        let Some(noted) = last_commit::read(self.database) else {
            return Ok(None);
        };
        let connection = connection::open_looking(self.database)?;
        let there = Snapshot::read(&connection)?;
        if there.incarnation != noted.incarnation || noted.seq <= there.last_seq {
            return Ok(None);
        }
        let last_ms = time_of(&connection, there.last_seq)?;
        Ok(Some((there, last_ms, noted)))
    }

    /// Puts aside what is left and writes down what is missing. The caller does not share the store.
    pub(super) fn notice(&self) -> rusqlite::Result<Noticed> {
        match self
            .locks
            .take_store("keeping what is left", Wait::up_to(ALONE_WAIT))
        {
            Ok(alone) => self.notice_alone(&alone),
            Err(error) => {
                tracing::warn!(%error, "the write-ahead log of a store that went back in time cannot be copied");
                self.write_down(None)
            }
        }
    }

    /// Does the same for a caller who has the store alone.
    pub(super) fn notice_alone(&self, _alone: &ExclusiveStoreLock) -> rusqlite::Result<Noticed> {
        if !self.is_behind()? {
            return Ok(Noticed::Settled);
        }
        let kept = self.put_aside().unwrap_or_else(|error| {
            tracing::error!(%error, "what is left of a store that went back in time could not be copied");
            None
        });
        self.write_down(kept)
    }

    fn folder(&self) -> PathBuf {
        beside(self.database, BACKUPS_DIR)
    }

    /// Copies database and log as they are. Nobody has them open, so that reading them outside SQLite is safe.
    fn put_aside(&self) -> io::Result<Option<PathBuf>> {
        let folder = self.folder();
        platform::make_private_dir(&folder)?;
        let path = backup_folder::new_damaged(&folder, self.now_ms);
        for suffix in ["", "-wal"] {
            let from = with_suffix(self.database, suffix);
            if from.exists() {
                let mut to = platform::create_private_file(&with_suffix(&path, suffix))?;
                io::copy(&mut File::open(from)?, &mut to)?;
                to.sync_all()?;
            }
        }
        Ok(Some(path))
    }

    fn write_down(&self, kept: Option<PathBuf>) -> rusqlite::Result<Noticed> {
        let Some((there, last_there_ms, noted)) = self.missing()? else {
            return Ok(Noticed::Settled);
        };
        let lost = LostWrites {
            incarnation: there.incarnation.clone(),
            last_there: there.last_seq,
            last_there_ms,
            last_acknowledged: noted.seq,
            last_acknowledged_ms: noted.at_ms,
            noticed_ms: self.now_ms,
            kept,
            backup: self.reaching(&there, there.last_seq),
        };
        tracing::error!("{lost}");
        let last = LastCommit {
            seq: there.last_seq,
            at_ms: last_there_ms.unwrap_or_default(),
            epoch: there.epoch,
            ..noted
        };
        let written =
            write(self.database, &lost).and_then(|()| last_commit::reset(self.database, &last));
        Ok(match written {
            Ok(()) => Noticed::Settled,
            Err(error) => {
                Noticed::NotWrittenDown(format!("{lost}. This could not be written down: {error}"))
            }
        })
    }

    /// Writes down what is missing after a repair: `own` is what the damaged store was, `renewed` what has taken its place,
    /// `noted` what was acknowledged, and `kept` where the damaged one is.
    pub(super) fn after_repair(
        &self,
        own: &Snapshot,
        renewed: &Snapshot,
        noted: Option<&LastCommit>,
        kept: &Path,
    ) {
        let noted = noted.filter(|noted| noted.incarnation == own.incarnation);
        let Some(noted) = noted.filter(|noted| noted.seq > renewed.last_seq) else {
            return;
        };
        let last_there_ms = connection::open_looking(self.database)
            .and_then(|opened| time_of(&opened, renewed.last_seq));
        self.tell(&LostWrites {
            incarnation: renewed.incarnation.clone(),
            last_there: renewed.last_seq,
            last_there_ms: last_there_ms.unwrap_or_default(),
            last_acknowledged: noted.seq,
            last_acknowledged_ms: noted.at_ms,
            noticed_ms: self.now_ms,
            kept: Some(kept.to_owned()),
            backup: self.reaching(own, renewed.last_seq),
        });
    }

    /// Writes down that a store was made where one was before: its database has vanished, or was emptied.
    pub(super) fn notice_vanished(&self, noted: &LastCommit) -> rusqlite::Result<()> {
        let there = Snapshot::read(&connection::open_looking(self.database)?)?;
        let gone = Snapshot {
            store_uuid: noted.store_uuid.clone(),
            incarnation: noted.incarnation.clone(),
            ..there.clone()
        };
        self.tell(&LostWrites {
            incarnation: there.incarnation,
            last_there: 0,
            last_there_ms: None,
            last_acknowledged: noted.seq,
            last_acknowledged_ms: noted.at_ms,
            noticed_ms: self.now_ms,
            kept: None,
            backup: self.reaching(&gone, 0),
        });
        Ok(())
    }

    fn tell(&self, lost: &LostWrites) {
        tracing::error!("{lost}");
        if let Err(error) = write(self.database, lost) {
            tracing::error!(%error, "{lost}. This could not be written down");
        }
    }

    /// Finds the backup of this incarnation that reaches furthest beyond write `beyond`.
    fn reaching(&self, there: &Snapshot, beyond: u64) -> Option<Reaching> {
        let kept = backup_folder::kept_backups(&self.folder()).unwrap_or_default();
        let reaching = kept.into_iter().filter_map(|backup| {
            let opened = connection::open_sealed(&backup.path).ok()?;
            let found = Snapshot::read(&opened).ok()?;
            if backup.kind == BackupKind::SetAside && !is_whole(&opened) {
                return None;
            }
            let is_ours = found.store_uuid == there.store_uuid
                && found.incarnation == there.incarnation
                && found.last_seq > beyond;
            is_ours.then_some(Reaching {
                path: backup.path,
                last_seq: found.last_seq,
            })
        });
        reaching.max_by_key(|backup| backup.last_seq)
    }
}

/// Returns when a write was committed, in milliseconds since 1970; None if it is not there.
fn time_of(connection: &Connection, seq: u64) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT max(at_ms) FROM commit_log WHERE seq = ?1";
    connection.query_row(sql, [seq as i64], |row| row.get(0))
}

fn is_whole(backup: &Connection) -> bool {
    matches!(damage::refuse_damage(backup), Ok(Ok(())))
}

fn beside(database: &Path, name: &str) -> PathBuf {
    let dir = database.parent();
    dir.expect("a database lies in a directory").join(name)
}

/// Reads what is missing from the store of this incarnation; None if nothing is, or it was accepted.
pub(super) fn known(database: &Path, incarnation: &str) -> Option<LostWrites> {
    let text = fs::read(beside(database, NAME)).ok()?;
    let lost: LostWrites = serde_json::from_slice(&text).ok()?;
    (lost.incarnation == incarnation).then_some(lost)
}

/// Makes what is known durable, in one step.
fn write(database: &Path, lost: &LostWrites) -> io::Result<()> {
    let path = beside(database, NAME);
    let new = with_suffix(&path, ".new");
    let _ = fs::remove_file(&new);
    let text = serde_json::to_vec_pretty(lost).expect("a record is plain data");
    let mut file = platform::create_private_file(&new)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    platform::sync_dir(path.parent().expect("it lies beside the database"))
}

/// Reads what is known of missing writes of the store in `dir`, without opening it; None if there is nothing.
///
/// # Errors
/// If the record cannot be read.
pub fn lost_writes(dir: &Path) -> io::Result<Option<LostWrites>> {
    let Ok(database) = super::paths::database_path(dir) else {
        return Ok(None);
    };
    match fs::read(beside(&database, NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(io::Error::other),
    }
}

/// Goes on telling what is missing after the store got another incarnation without a restore.
pub(super) fn carry_over(database: &Path, from: &str, to: &str) {
    let Some(mut lost) = known(database, from) else {
        return;
    };
    to.clone_into(&mut lost.incarnation);
    if let Err(error) = write(database, &lost) {
        tracing::error!(%error, "{lost}. This could not be written down again");
    }
}

/// Ends the notice of missing writes of the store in `dir`: a person knows of them. Returns what was known; None if
/// there was nothing to accept.
///
/// # Errors
/// If the record cannot be read or removed.
pub fn accept_lost_writes(dir: &Path) -> io::Result<Option<LostWrites>> {
    let known = lost_writes(dir)?;
    if let (Some(_), Ok(database)) = (&known, super::paths::database_path(dir)) {
        fs::remove_file(beside(&database, NAME))?;
    }
    Ok(known)
}
