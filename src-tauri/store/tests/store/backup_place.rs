//! Where backups of a store go when its database, or its directory of backups, is a link.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use commonplace_store::{BACKUPS_DIR, BackupKind, Kept, kept_backups, restore};
use commonplace_testing::locks;
use tempfile::TempDir;

use crate::backup::{backed_up, varied_store};
use crate::migration::TO_VERSION_ONE;
use crate::support::TestStore;

/// Moves the database of a closed store into a directory of its own and puts a link in its place.
fn link_database(folder: &TempDir) -> PathBuf {
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let (link, real) = (
        folder.path().join("store/commonplace.db"),
        elsewhere.join("real.db"),
    );
    fs::rename(&link, &real).unwrap();
    symlink(&real, &link).unwrap();
    elsewhere
}

/// What `restore --list` shows.
fn listed(folder: &TempDir) -> Vec<BackupKind> {
    let backups = kept_backups(&folder.path().join("store").join(BACKUPS_DIR)).unwrap();
    backups.into_iter().map(|backup| backup.kind).collect()
}

fn restore_from(folder: &TempDir, backup: &Path) -> Kept {
    let all = locks(&folder.path().join("locks"));
    let dir = folder.path().join("store");
    let restored = restore(&dir, &all, backup, Duration::ZERO, 9, &mut |_| ());
    restored.unwrap().before
}

// The backups before a migration and before a restore went beside the file that the link leads to, where `restore --list`
// does not look.
#[test]
fn every_backup_of_a_linked_database_is_in_the_directory_of_its_store() {
    let store = varied_store();
    store.plain().execute_batch(TO_VERSION_ONE).unwrap();
    let folder = store.closed();
    let elsewhere = link_database(&folder);
    let store = TestStore::open_in(Arc::clone(&folder));
    assert_eq!(listed(&folder), [BackupKind::BeforeMigration]);
    let made = backed_up(&store);
    drop(store);
    let before = restore_from(&folder, &made.path);
    assert!(matches!(before, Kept::Backup(_)), "{before:?}");
    let mut kinds = listed(&folder);
    kinds.sort_by_key(|kind| format!("{kind:?}"));
    assert_eq!(
        kinds,
        [
            BackupKind::BeforeMigration,
            BackupKind::BeforeRestore,
            BackupKind::Made
        ]
    );
    assert!(!elsewhere.join(BACKUPS_DIR).exists());
    let store = TestStore::open_in(folder);
    assert!(
        store
            .database()
            .starts_with(elsewhere.canonicalize().unwrap()),
        "the link stays"
    );
}

#[test]
fn a_linked_directory_of_backups_is_written_listed_and_restored_from() {
    let store = varied_store();
    let disk = store.folder().join("another disk");
    fs::create_dir(&disk).unwrap();
    symlink(&disk, store.folder().join("store").join(BACKUPS_DIR)).unwrap();
    backed_up(&store);
    let folder = store.closed();
    let dir = folder.path().join("store").join(BACKUPS_DIR);
    let first = kept_backups(&dir).unwrap().remove(0);
    restore_from(&folder, &first.path);
    assert_eq!(listed(&folder).len(), 2);
    assert_eq!(kept_backups(&disk).unwrap().len(), 2);
}
