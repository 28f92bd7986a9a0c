//! The backup that is made of a store before it gets a newer schema.
//!
//! A migration is one transaction, so that a crash in it changes nothing. The backup is for what a transaction cannot undo:
//! a migration, or the newer program after it, that does something wrong. Its name tells its schema, it is looked through
//! like any other, and no newer backup removes it.

use std::path::Path;

use commonplace_lock::{ExclusiveStoreLock, Locks};

use super::contents::Snapshot;
use super::temporary::with_suffix;
use super::{backup, backup_folder, connection, damage, header, paths, schema, version};
use crate::error::OpenError;
use crate::maintenance::{BACKUPS_DIR, BackupError, BackupKind, BackupMade, BackupTo};
use crate::platform;

/// Makes sure that there is a backup of `database` if its schema is to be migrated. The caller has the store alone.
///
/// One that an earlier try has made is enough if it holds the same: a host that is started again and again does not fill
/// the disk. After a crash there is the backup or nothing under its name.
///
/// # Errors
/// [`OpenError::NotBackedUp`] if there can be none; then nothing must be migrated.
pub(super) fn keep(
    dir: &Path,
    database: &Path,
    locks: &Locks,
    now_ms: i64,
    _alone: &ExclusiveStoreLock,
) -> Result<(), OpenError> {
    let Some(old) = Old::look(database)? else {
        return Ok(());
    };
    // Of the store: the database may be a link to a file elsewhere, where nobody looks for backups.
    let folder = dir.join(BACKUPS_DIR);
    if old.is_kept(&folder) {
        return Ok(());
    }
    let job = backup::Job {
        database,
        locks,
        now_ms,
    };
    let made = old.back_up(job, &folder);
    let made = made.map_err(|source| OpenError::NotBackedUp {
        path: database.to_owned(),
        from: old.version,
        to: schema::VERSION,
        bytes: paths::size_of(database) + paths::size_of(&with_suffix(database, "-wal")),
        folder,
        source: Box::new(source),
    })?;
    tracing::info!(schema = old.version, backup = %made.path.display(), "the store was backed up before its migration");
    Ok(())
}

/// Does the same, but lets a damaged store pass, of which there can be no backup: for what mends it.
pub(super) fn keep_unless_damaged(
    dir: &Path,
    database: &Path,
    locks: &Locks,
    now_ms: i64,
    alone: &ExclusiveStoreLock,
) -> Result<(), OpenError> {
    match keep(dir, database, locks, now_ms, alone) {
        Err(error) if error.is_damage() => {
            tracing::warn!(%error, "the damaged store is migrated without a backup, so that it can be repaired");
            Ok(())
        }
        kept => kept,
    }
}

/// A store with an older schema.
struct Old {
    version: i64,
    snapshot: Snapshot,
}

impl Old {
    /// Returns None if there is nothing to lose: no store yet, or the newest schema.
    fn look(database: &Path) -> Result<Option<Self>, OpenError> {
        if paths::size_of(database) <= 1 {
            return Ok(None);
        }
        let failed = |e| version::open_error(database, e);
        let connection = connection::open_looking(database).map_err(failed)?;
        let version = version::known_version(database, &connection)?;
        if version == 0 || version == schema::VERSION {
            return Ok(None);
        }
        let snapshot = Snapshot::read(&connection).map_err(failed)?;
        Ok(Some(Self { version, snapshot }))
    }

    fn back_up(&self, job: backup::Job<'_>, folder: &Path) -> Result<BackupMade, BackupError> {
        platform::make_private_dir(folder)
            .map_err(BackupError::io("make the directory", folder))?;
        let to = BackupTo::File {
            path: backup_folder::new_before_migration(folder, self.version, job.now_ms),
            replace: false,
        };
        job.run(&to, &mut |_| true)
    }

    fn is_kept(&self, folder: &Path) -> bool {
        // Cannot be listed: then no backup can be made there either, and that error says why.
        let kept = backup_folder::kept_backups(folder).unwrap_or_default();
        kept.iter()
            .filter(|backup| backup.kind == BackupKind::BeforeMigration)
            .any(|backup| self.is_held_by(&backup.path))
    }

    /// Says whether a backup is whole and holds just this. One that cannot be read does not.
    fn is_held_by(&self, backup: &Path) -> bool {
        let look = || {
            let opened = connection::open_sealed(backup)?;
            let (version, _) = schema::versions(&opened)?;
            let is_same = version == self.version && Snapshot::read(&opened)? == self.snapshot;
            Ok::<_, rusqlite::Error>(is_same && damage::refuse_damage(&opened)?.is_ok())
        };
        header::refuse_unfit(backup).is_ok() && look().unwrap_or(false)
    }
}
