//! The directory of backups: names, listing, what is removed, and when the last backup was made.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{connection, header};
use crate::maintenance::{BackupFile, BackupKind, BackupMade};

const MADE: &str = "commonplace-";
const BEFORE_RESTORE: &str = "before-restore-";
/// The schema of the backup and a hyphen follow.
const BEFORE_MIGRATION: &str = "before-migration-from-";
const RESCUED: &str = "rescued-";
/// What was set aside; listed only if it is a whole file without a log, because nothing else can be restored.
const DAMAGED: &str = "damaged-";
/// Rows out of such a database.
const ASIDE: &str = "damaged-rows-";
const ENDING: &str = ".db";

/// Time in UTC, to the millisecond; sorts as text.
const TIME: &str = "%Y%m%dT%H%M%S.%3fZ";

/// Tells the last backup, wherever it went.
const LAST: &str = "last.json";

/// The record of the last backup.
#[derive(Serialize, Deserialize)]
struct Last {
    path: PathBuf,
    made_ms: i64,
}

/// Names a new backup.
pub(super) fn new_backup(folder: &Path, now_ms: i64) -> PathBuf {
    unused(folder, MADE, now_ms)
}

/// Names a backup of what is replaced by a restore.
pub(super) fn new_before_restore(folder: &Path, now_ms: i64) -> PathBuf {
    unused(folder, BEFORE_RESTORE, now_ms)
}

/// Names a backup of a store of this schema that is about to be migrated.
pub(super) fn new_before_migration(folder: &Path, schema: i64, now_ms: i64) -> PathBuf {
    unused(folder, &format!("{BEFORE_MIGRATION}{schema}-"), now_ms)
}

/// Names a backup of files that no name leads to.
pub(super) fn new_rescued(folder: &Path, now_ms: i64) -> PathBuf {
    unused(folder, RESCUED, now_ms)
}

/// Names a file with rows that no backup has whole.
pub(super) fn new_aside(folder: &Path, now_ms: i64) -> PathBuf {
    unused(folder, ASIDE, now_ms).with_extension("jsonl")
}

/// Names a damaged database that is set aside.
pub(super) fn new_damaged(folder: &Path, now_ms: i64) -> PathBuf {
    unused(folder, DAMAGED, now_ms)
}

/// Returns the first name from this millisecond on that nothing has.
fn unused(folder: &Path, prefix: &str, now_ms: i64) -> PathBuf {
    (now_ms..)
        .map(|ms| folder.join(format!("{prefix}{}{ENDING}", time_name(ms))))
        .find(|path| path.symlink_metadata().is_err())
        .expect("a directory does not hold all names")
}

fn time_name(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime(TIME).to_string()
}

fn time_of(name: &str) -> Option<i64> {
    let time = DateTime::strptime(TIME, name).ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?.timestamp();
    // What is not written as we write it is not ours.
    (time_name(time.as_millisecond()) == name).then(|| time.as_millisecond())
}

/// Lists the backups in `folder` by their names, the newest first. A directory that is not there has none.
///
/// # Errors
/// If the directory cannot be read.
pub fn kept_backups(folder: &Path) -> std::io::Result<Vec<BackupFile>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut backups = Vec::new();
    for entry in entries {
        backups.extend(backup_file(&entry?));
    }
    backups.sort_by(|a, b| (b.made_ms, &b.path).cmp(&(a.made_ms, &a.path)));
    Ok(backups)
}

fn backup_file(entry: &fs::DirEntry) -> Option<BackupFile> {
    let name = entry.file_name().into_string().ok()?;
    let (kind, time) = kind_and_time(name.strip_suffix(ENDING)?)?;
    // Not followed: a link is somebody else's.
    let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
    if kind == BackupKind::SetAside && header::refuse_unfit(&entry.path()).is_err() {
        return None;
    }
    Some(BackupFile {
        path: entry.path(),
        bytes: metadata.len(),
        made_ms: time_of(time)?,
        kind,
    })
}

fn kind_and_time(stem: &str) -> Option<(BackupKind, &str)> {
    if let Some(time) = stem.strip_prefix(BEFORE_RESTORE) {
        return Some((BackupKind::BeforeRestore, time));
    }
    if let Some(time) = stem.strip_prefix(DAMAGED) {
        return Some((BackupKind::SetAside, time));
    }
    if let Some(time) = stem.strip_prefix(RESCUED) {
        return Some((BackupKind::Rescued, time));
    }
    if let Some(rest) = stem.strip_prefix(BEFORE_MIGRATION) {
        let (schema, time) = rest.split_once('-')?;
        let is_number = !schema.is_empty() && schema.bytes().all(|byte| byte.is_ascii_digit());
        return is_number.then_some((BackupKind::BeforeMigration, time));
    }
    Some((BackupKind::Made, stem.strip_prefix(MADE)?))
}

/// Removes the oldest backups of the same store in this directory, so that `keep` stay; `made`, which is in it, is always
/// one of those. Returns what was removed.
///
/// What a backup holds tells its age, not its name: after the clock was ahead for a while, backups with times in the future
/// would push out every later one. One that cannot be read, or is of another store, is not counted and stays.
pub(super) fn remove_oldest(folder: &Path, made: &Path, keep: usize) -> Vec<PathBuf> {
    let others = kept_backups(folder).unwrap_or_else(|error| {
        tracing::warn!(%error, folder = %folder.display(), "old backups stay: they cannot be listed");
        Vec::new()
    });
    let Some(of_made) = Age::read(made) else {
        tracing::warn!(path = %made.display(), "old backups stay: the new one cannot be read");
        return Vec::new();
    };
    // By name alone: the directory may be spelled in two ways, with a link, or as Windows spells it at length.
    let is_made = |backup: &BackupFile| backup.path.file_name() == made.file_name();
    let mut others: Vec<(Age, BackupFile)> = others
        .into_iter()
        .filter(|backup| backup.kind == BackupKind::Made && !is_made(backup))
        .filter_map(|backup| Some((Age::read(&backup.path)?, backup)))
        .filter(|(age, _)| age.store_uuid == of_made.store_uuid)
        .collect();
    // Equal ones hold the same; then the name decides.
    others.sort_by_key(|(age, backup)| std::cmp::Reverse((age.epoch, age.seq, backup.made_ms)));
    let mut removed = Vec::new();
    for (_, old) in others.into_iter().skip(keep.saturating_sub(1)) {
        match fs::remove_file(&old.path) {
            Ok(()) => removed.push(old.path),
            Err(error) => {
                tracing::warn!(%error, path = %old.path.display(), "an old backup stays");
            }
        }
    }
    removed
}

/// Where a backup stands in the history of its store, whatever the clock was.
struct Age {
    store_uuid: String,
    /// Never goes back, not even by a restore, after which the numbers of writes do.
    epoch: i64,
    /// Number of the last write.
    seq: i64,
}

impl Age {
    /// Reads it; None if the file is no readable backup.
    fn read(backup: &Path) -> Option<Self> {
        let look = || {
            connection::open_sealed(backup)?.query_row(
                "SELECT store_uuid, epoch, (SELECT coalesce(max(seq), 0) FROM commit_log)
                 FROM store_meta
                 WHERE id = 1",
                [],
                |row| {
                    Ok(Self {
                        store_uuid: row.get(0)?,
                        epoch: row.get(1)?,
                        seq: row.get(2)?,
                    })
                },
            )
        };
        header::refuse_unfit(backup).ok()?;
        look().ok()
    }
}

/// Keeps when and where the last backup was made. Best effort: the backup is there without it.
pub(super) fn note_last(folder: &Path, made: &BackupMade) {
    let last = Last {
        path: made.path.clone(),
        made_ms: made.made_ms,
    };
    let text = serde_json::to_string(&last).expect("a record is plain data");
    let written =
        crate::platform::make_private_dir(folder).and_then(|()| fs::write(folder.join(LAST), text));
    if let Err(error) = written {
        tracing::warn!(%error, folder = %folder.display(), "the time of the last backup was not kept");
    }
}

/// Returns when the last backup was made, in milliseconds since 1970: into `folder` or to any other place, as long as the
/// file is still there.
pub fn last_backup_ms(folder: &Path) -> Option<i64> {
    let noted = fs::read(folder.join(LAST))
        .ok()
        .and_then(|text| serde_json::from_slice::<Last>(&text).ok())
        .filter(|last| last.path.is_file())
        .map(|last| last.made_ms);
    let backups = kept_backups(folder).unwrap_or_default();
    let kept = backups
        .iter()
        .find(|backup| backup.kind == BackupKind::Made)
        .map(|backup| backup.made_ms);
    // What was noted is later than any name in the directory, which may tell a time in the future.
    noted.or(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_795_608_000_123;

    #[test]
    fn names_tell_the_time_and_are_read_back() {
        let name = time_name(NOON);
        assert_eq!(name, "20261125T120000.123Z");
        assert_eq!(time_of(&name), Some(NOON));
        for foreign in [
            "20261125T120000Z",
            "20261125T120000.1Z",
            "20261325T120000.123Z",
            "x",
        ] {
            assert_eq!(time_of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_backup_before_a_migration_is_listed_and_tells_its_schema() {
        let folder = tempfile::tempdir().unwrap();
        let path = new_before_migration(folder.path(), 12, NOON);
        let name = "before-migration-from-12-20261125T120000.123Z.db";
        assert_eq!(path.file_name().unwrap(), name);
        for file in [name, "before-migration-from--20261125T120000.123Z.db"] {
            fs::write(folder.path().join(file), "x").unwrap();
        }
        let listed = kept_backups(folder.path()).unwrap();
        let found: Vec<_> = listed
            .iter()
            .map(|backup| (backup.kind, backup.made_ms))
            .collect();
        assert_eq!(found, [(BackupKind::BeforeMigration, NOON)]);
        assert_eq!(last_backup_ms(folder.path()), None, "nobody asked for it");
    }

    #[test]
    fn two_backups_in_one_millisecond_have_two_names() {
        let folder = tempfile::tempdir().unwrap();
        let first = new_backup(folder.path(), NOON);
        fs::write(&first, "x").unwrap();
        let second = new_backup(folder.path(), NOON);
        assert_ne!(first, second);
        fs::write(&second, "x").unwrap();
        let listed = kept_backups(folder.path()).unwrap();
        let paths: Vec<_> = listed.into_iter().map(|backup| backup.path).collect();
        assert_eq!(paths, [second, first], "the newest first");
    }

    #[test]
    fn the_last_backup_counts_wherever_it_went_while_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let backups = folder.path().join("backups");
        assert_eq!(last_backup_ms(&backups), None);
        let elsewhere = folder.path().join("elsewhere.db");
        fs::write(&elsewhere, "x").unwrap();
        let made = BackupMade {
            path: elsewhere.clone(),
            bytes: 1,
            made_ms: NOON,
            contents: crate::maintenance::Contents::default(),
            removed: Vec::new(),
        };
        note_last(&backups, &made);
        assert_eq!(last_backup_ms(&backups), Some(NOON));
        fs::write(new_backup(&backups, NOON - 9), "x").unwrap();
        fs::remove_file(elsewhere).unwrap();
        assert_eq!(last_backup_ms(&backups), Some(NOON - 9));
    }
}
