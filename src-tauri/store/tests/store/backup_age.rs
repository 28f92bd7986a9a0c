//! Which backups are removed: the oldest by what they hold, whatever the clock said.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use commonplace_store::{BackupTo, kept_backups, last_backup_ms, restore};
use commonplace_testing::locks;

use crate::backup::{back_up, backups_of};
use crate::support::TestStore;

const TODAY: i64 = 1_795_608_000_000;
const YEAR: i64 = 365 * 24 * 3_600_000;

/// Stores something and makes a backup in the directory of backups at this time, of which `keep` stay.
fn back_up_at(store: &TestStore, now_ms: i64, keep: usize) -> PathBuf {
    let memories = store.list(commonplace_store::Filter::default()).len();
    store.stored(&format!("fact {memories} of {now_ms}"));
    let folder = backups_of(store);
    let to = BackupTo::Folder { folder, keep };
    back_up(store, &to, now_ms).unwrap().path
}

fn kept(folder: &Path) -> Vec<PathBuf> {
    let mut kept: Vec<PathBuf> = kept_backups(folder)
        .unwrap()
        .into_iter()
        .map(|backup| backup.path.canonicalize().unwrap())
        .collect();
    kept.sort();
    kept
}

fn sorted(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    paths
}

// Backups were removed by their names. After the clock had been ahead, the names of that time stayed the newest for years:
// each new backup pushed out the one before it, and one real backup was left.
#[test]
fn backups_from_a_clock_that_was_ahead_do_not_push_out_later_ones() {
    let store = TestStore::new();
    for n in 0..5 {
        back_up_at(&store, TODAY + 4 * YEAR + n, 3);
    }
    let later: Vec<PathBuf> = (0..4).map(|n| back_up_at(&store, TODAY + n, 3)).collect();
    assert_eq!(kept(&backups_of(&store)), sorted(later[1..].to_vec()));
    assert_eq!(last_backup_ms(&backups_of(&store)), Some(TODAY + 3));
}

#[test]
fn a_clock_that_was_set_back_costs_no_new_backup() {
    let store = TestStore::new();
    let made: Vec<PathBuf> = (0..6)
        .map(|n| back_up_at(&store, TODAY - n * YEAR, 3))
        .collect();
    assert_eq!(kept(&backups_of(&store)), sorted(made[3..].to_vec()));
}

#[test]
fn a_backup_made_after_a_restore_is_newer_though_it_holds_fewer_writes() {
    let store = TestStore::new();
    let old = back_up_at(&store, TODAY, 3);
    for n in 1..20 {
        store.stored(&format!("lost again {n}"));
    }
    let full = back_up_at(&store, TODAY + 1, 3);
    let folder = store.closed();
    let dir = folder.path().join("store");
    let all = locks(&folder.path().join("locks"));
    restore(&dir, &all, &old, Duration::ZERO, 1, &mut |_| ()).unwrap();
    drop(all);
    let store = TestStore::open_in(folder);
    let first = back_up_at(&store, TODAY + 2, 2);
    let names = |paths: Vec<PathBuf>| -> Vec<PathBuf> {
        let ours = paths.into_iter().filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("commonplace-")
        });
        ours.collect()
    };
    assert_eq!(
        names(kept(&backups_of(&store))),
        sorted(vec![full, first.clone()])
    );
    let second = back_up_at(&store, TODAY + 3, 2);
    assert_eq!(
        names(kept(&backups_of(&store))),
        sorted(vec![first, second])
    );
}

#[test]
fn what_is_no_backup_of_this_store_is_neither_counted_nor_removed() {
    let other = TestStore::new();
    for n in 0..9 {
        other.stored(&format!("of another store {n}"));
    }
    let foreign = back_up_at(&other, TODAY, 1);
    let store = TestStore::new();
    let folder = backups_of(&store);
    fs::create_dir_all(&folder).unwrap();
    let names = [
        "commonplace-20200101T000000.000Z.db",
        "before-restore-20200101T000000.000Z.db",
        "before-migration-from-2-20200101T000000.000Z.db",
        "damaged-20200101T000000.000Z.db",
        "commonplace-mine.db",
        "notes.db",
    ];
    for name in names {
        fs::write(folder.join(name), "x").unwrap();
    }
    let copied = folder.join(foreign.file_name().unwrap());
    fs::copy(&foreign, &copied).unwrap();
    let made: Vec<PathBuf> = (1..4).map(|n| back_up_at(&store, TODAY + n, 2)).collect();
    let stays: Vec<bool> = made.iter().map(|path| path.exists()).collect();
    assert_eq!(stays, [false, true, true]);
    assert!(copied.exists());
    for name in names {
        assert!(folder.join(name).exists(), "{name} was removed");
    }
}

// The new backup was told from the others by its whole path. Where the directory was spelled in another way, it was
// taken for an old one: with one backup to keep, it removed itself.
#[test]
fn a_new_backup_stays_however_its_directory_is_spelled() {
    let store = TestStore::new();
    let folder = backups_of(&store);
    fs::create_dir_all(&folder).unwrap();
    let spelled = folder.join("..").join("backups");
    for now_ms in [TODAY + 1, TODAY] {
        store.stored(&format!("fact {now_ms}"));
        let to = BackupTo::Folder {
            folder: spelled.clone(),
            keep: 1,
        };
        let made = back_up(&store, &to, now_ms).unwrap();
        assert_eq!(kept(&folder), [made.path]);
    }
}
