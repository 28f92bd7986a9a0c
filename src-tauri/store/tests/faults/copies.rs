//! Backup and restore on a disk that fails: no half file under a final name, and always a whole store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use commonplace_store::{
    BACKUPS_DIR, Backend, BackupError, BackupTo, Filter, Kept, ListQuery, OpenError, RestoreError,
    SqliteStore, kept_backups, restore,
};

use crate::disk::{Disk, Fault, Trouble};
use crate::errors::fail_everywhere;
use crate::image::{self, Image};
use crate::oracle;
use crate::story::Instance;
use crate::vfs;

fn texts(store: &SqliteStore) -> Vec<String> {
    let page = ListQuery::parse(Filter::default(), 1, 100, false).unwrap();
    let (memories, _) = store.reader().unwrap().list(&page).unwrap();
    memories.into_iter().map(|memory| memory.text).collect()
}

fn back_up(store: &SqliteStore, instance: &Instance, to: &Path) -> Result<(), BackupError> {
    let folder = to.parent().unwrap().join("backups");
    let to = BackupTo::File {
        path: to.to_owned(),
        replace: false,
    };
    let made = store.backup(&instance.locks, &folder, &to, 1, &mut |_| true);
    made.map(drop)
}

/// Names of unfinished work in `directory`.
fn hidden(directory: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(directory).unwrap();
    let paths = paths.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with('.'))
        .collect()
}

/// A store that was not closed, and a backup of it from before its last write.
fn store_and_backup(instance: &Instance) -> (Image, tempfile::TempDir, Vec<String>, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    image::write(&oracle::store_before(instance), directory.path());
    let store = instance.open(directory.path()).unwrap();
    let (kept, then) = (tempfile::tempdir().unwrap(), texts(&store));
    back_up(&store, instance, &kept.path().join("backup.db")).unwrap();
    let mut writer = store.begin_write(&instance.lock).unwrap();
    let memory = crate::support::memory("after the backup");
    let op = commonplace_store::WriteOp::Store(memory);
    writer.apply(&op, &crate::support::at(9)).unwrap().unwrap();
    writer.commit().unwrap();
    let now = texts(&store);
    // While it is open, as a killed program leaves it: its last write is in the log only.
    let image = image::read(directory.path());
    assert!(!image["commonplace.db-wal"].is_empty());
    (image, kept, then, now)
}

#[test]
fn no_failure_during_a_backup_leaves_a_half_file_or_harms_the_store() {
    vfs::install();
    let instance = Instance::new();
    let before = oracle::store_before(&instance);
    fail_everywhere(|fault| backup_on_a_failing_disk(fault, &before, &instance));
}

fn backup_on_a_failing_disk(fault: Fault, before: &Image, instance: &Instance) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    image::write(before, directory.path());
    let disk = Disk::under(directory.path());
    let store = instance.open(directory.path()).unwrap();
    let target = directory.path().join("backup.db");
    disk.arm(fault);
    let answer = back_up(&store, instance, &target);
    let failed = disk.repair();
    assert_eq!(answer.is_ok(), target.exists(), "{fault:?}: {answer:?}");
    assert_eq!(
        hidden(directory.path()),
        [""; 0].map(PathBuf::from),
        "{fault:?}"
    );
    assert!(
        !matches!(answer, Err(BackupError::StoreDamaged { .. })),
        "{fault:?}: a failing disk is not a damaged store: {answer:?}"
    );
    if answer.is_err() {
        assert!(failed > 0, "{fault:?}: {answer:?} without a reason");
        back_up(&store, instance, &target)
            .unwrap_or_else(|error| panic!("{fault:?}, asked again: {error}"));
    }
    assert_eq!(store.check(&mut |_| ()).unwrap(), None, "{fault:?}");
    failed
}

#[test]
fn no_failure_during_a_restore_leaves_anything_but_a_whole_store() {
    vfs::install();
    let instance = Instance::new();
    let (before, kept, then, now) = store_and_backup(&instance);
    let backup = kept.path().join("backup.db");
    fail_everywhere(|fault| {
        let directory = tempfile::tempdir().unwrap();
        image::write(&before, directory.path());
        let disk = Disk::under(directory.path());
        disk.arm(fault);
        let no_wait = Duration::ZERO;
        let answer = restore(
            directory.path(),
            &instance.locks,
            &backup,
            no_wait,
            1,
            &mut |_| (),
        );
        let failed = disk.repair();
        let expected = if answer.is_ok() { &then } else { &now };
        let store = instance.open(directory.path()).unwrap();
        assert_eq!(&texts(&store), expected, "{fault:?}: {answer:?}");
        assert_eq!(store.check(&mut |_| ()).unwrap(), None, "{fault:?}");
        assert_eq!(
            hidden(directory.path()),
            [""; 0].map(PathBuf::from),
            "{fault:?}"
        );
        match answer {
            Ok(done) => assert!(
                matches!(done.before, Kept::Backup(_)),
                "{fault:?}: {done:?}"
            ),
            Err(error) => {
                assert!(failed > 0, "{fault:?}: {error} without a reason");
                assert!(
                    !matches!(error, RestoreError::Unfit { .. }),
                    "{fault:?}: a failing disk is not a damaged backup: {error}"
                );
            }
        }
        failed
    });
}

/// The directory of backups is on a disk of its own, which fails while an old store is backed up before its migration.
#[test]
fn no_failure_of_the_backup_before_a_migration_lets_the_store_be_migrated() {
    vfs::install();
    let instance = Instance::new();
    let before = oracle::of_version_one(&oracle::store_before(&instance));
    fail_everywhere(|fault| {
        let directory = tempfile::tempdir().unwrap();
        image::write(&before, directory.path());
        let backups = directory.path().join(BACKUPS_DIR);
        std::fs::create_dir(&backups).unwrap();
        let disk = Disk::under(&backups);
        disk.arm(fault);
        let answer = instance.open(directory.path()).map(drop);
        let failed = disk.repair();
        let kept = kept_backups(&backups).unwrap();
        assert_eq!(hidden(&backups), [""; 0].map(PathBuf::from), "{fault:?}");
        assert_eq!(answer.is_ok(), kept.len() == 1, "{fault:?}: {answer:?}");
        if let Err(error) = answer {
            assert!(failed > 0, "{fault:?}: {error} without a reason");
            let OpenError::NotBackedUp { source, .. } = &error else {
                panic!("{fault:?}: {error:?}")
            };
            let is_full = matches!(**source, BackupError::DiskFull { .. });
            assert_eq!(
                is_full,
                fault.trouble != Trouble::IoError,
                "{fault:?}: {error}"
            );
            assert_eq!(oracle::version(directory.path()), 1, "{fault:?}");
            drop(instance.open(directory.path()).unwrap());
        }
        assert_eq!(kept_backups(&backups).unwrap().len(), 1, "{fault:?}");
        assert_eq!(oracle::version(directory.path()), 4, "{fault:?}");
        failed
    });
}
