//! The files of a store replaced under a running host: it says so at first glance, refuses, writes out what only it still
//! has, leaves alone what was put there, and goes on when the right file is back.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use commonplace_api::backups::BackupKind;
use commonplace_api::status::OverallState;

use crate::support::{Host, backups, eventually, run, run_well, stderr};

/// A host that has acknowledged two memories, and a backup with the first one.
fn host_with_backup(dir: &Path) -> (Host, PathBuf) {
    let host = Host::start(dir);
    host.client().store("amber before the backup").unwrap();
    let backup = dir.join("copy.db");
    back_up(dir, &backup);
    host.client().store("birch after the backup").unwrap();
    eventually("both are counted", || host.status().memories.total == 2);
    (host, backup)
}

fn back_up(dir: &Path, file: &Path) {
    run_well(dir, &["backup", "--to", file.to_str().unwrap()]);
}

/// `rm commonplace.db*`
fn remove_files(dir: &Path) {
    for name in ["commonplace.db", "commonplace.db-wal", "commonplace.db-shm"] {
        fs::remove_file(dir.join(name)).unwrap();
    }
}

/// Waits until the host says by itself what happened, and expects that it refuses to store.
fn refuses(host: &Host, words: &str) {
    eventually("the host notices without being asked to write", || {
        host.status().state == OverallState::Error
    });
    let status = host.status();
    assert!(status.diagnosis.contains(words), "{}", status.diagnosis);
    assert_eq!(status.memories.total, 2, "what is there is still there");
    let refusal = host.client().store("never acknowledged").unwrap_err();
    assert!(refusal.contains(words), "{refusal}");
    assert!(
        refusal.contains("commonplace backup --to FILE"),
        "{refusal}"
    );
}

#[test]
fn a_database_that_is_replaced_under_a_host_costs_nothing_that_was_acknowledged() {
    // `mv copy commonplace.db` under a running host: stores were acknowledged on and gone, the copy was damaged, and
    // health said ok.
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let (mut host, backup) = host_with_backup(&dir);
    let database = dir.join("commonplace.db");
    fs::rename(&backup, &database).unwrap();
    let put = fs::read(&database).unwrap();
    refuses(&host, "has been replaced by another file");
    let saved = folder.path().join("saved.db");
    back_up(&dir, &saved);
    host.terminate();
    assert!(
        fs::read(&database).unwrap() == put,
        "the file that was put there was changed"
    );

    let mut of_copy = Host::start(&dir);
    assert!(of_copy.client().has_one("amber"));
    assert!(!of_copy.client().has_one("birch"));
    of_copy.terminate();
    let restored = run_well(&dir, &["restore", saved.to_str().unwrap(), "--yes"]);
    let whole = Host::start(&dir);
    assert!(whole.client().has_one("birch"), "{restored}");
}

#[test]
fn the_right_file_put_back_is_gone_on_with_by_the_same_host() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let (host, backup) = host_with_backup(&dir);
    let (database, aside) = (dir.join("commonplace.db"), dir.join("aside.db"));
    fs::rename(&database, &aside).unwrap();
    fs::rename(&backup, &database).unwrap();
    refuses(&host, "has been replaced by another file");
    fs::rename(&aside, &database).unwrap();
    host.client()
        .store("cedar when all is right again")
        .unwrap();
    assert_eq!(host.status().state, OverallState::Ok);
    for word in ["amber", "birch", "cedar"] {
        assert!(host.client().has_one(word), "{word}");
    }
}

#[test]
fn files_that_are_removed_under_a_host_can_be_written_out() {
    // `rm commonplace.db*` under a running host: stores were acknowledged on and were nowhere.
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let (mut host, _backup) = host_with_backup(&dir);
    remove_files(&dir);
    refuses(&host, "has been removed");
    let another = run(&dir, &["store", "into a second store of the same name"]);
    assert!(!another.status.success(), "a command made a second store");
    let saved = folder.path().join("saved.db");
    back_up(&dir, &saved);
    host.terminate();
    run_well(&dir, &["restore", saved.to_str().unwrap(), "--yes"]);
    let whole = Host::start(&dir);
    assert!(whole.client().has_one("amber") && whole.client().has_one("birch"));
}

// Whoever ended the host before anybody had asked for a backup ended what was acknowledged.
#[test]
fn a_host_that_ends_writes_out_what_has_no_name_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let (mut host, _backup) = host_with_backup(&dir);
    remove_files(&dir);
    host.terminate();
    let newest = backups(&dir).remove(0);
    assert_eq!(newest.kind, BackupKind::Rescued, "{newest:?}");
    let saved = newest.path.to_str().unwrap();
    run_well(&dir, &["restore", saved, "--yes"]);
    let whole = Host::start(&dir);
    assert!(whole.client().has_one("amber") && whole.client().has_one("birch"));
}

// A file in the place of the directory of backups was in the way of it, and the host said that it ended well.
#[test]
fn a_host_that_ends_finds_another_place_or_says_what_is_lost() {
    for is_dir_gone in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("store");
        let (mut host, _backup) = host_with_backup(&dir);
        remove_files(&dir);
        let backups = dir.join("backups");
        if backups.exists() {
            fs::remove_dir_all(&backups).unwrap();
        }
        fs::write(&backups, "in the way").unwrap();
        if is_dir_gone {
            // Nothing is recreated where somebody has removed everything.
            fs::rename(&dir, folder.path().join("elsewhere")).unwrap();
        }
        let code = host.terminate();
        let found = fs::read_dir(&dir).into_iter().flatten().flatten();
        let names = found.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let rescued: Vec<_> = names.filter(|name| name.starts_with("rescued-")).collect();
        assert_eq!(rescued.len(), usize::from(!is_dir_gone), "{rescued:?}");
        assert_eq!(code, Some(i32::from(is_dir_gone)));
    }
}

// A log that was removed is emptied into the database, which still has its name.
#[test]
fn a_host_whose_log_was_removed_ends_with_everything_in_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let (mut host, _backup) = host_with_backup(&dir);
    fs::remove_file(dir.join("commonplace.db-wal")).unwrap();
    // It would have made a log of its own, and read nonsense of it by the index of the other.
    let another = run(&dir, &["list"]);
    assert!(
        !another.status.success()
            && stderr(&another).contains("-wal` has been removed or renamed while pid"),
        "{}",
        stderr(&another)
    );
    host.terminate();
    let whole = Host::start(&dir);
    assert!(whole.client().has_one("amber") && whole.client().has_one("birch"));
    assert_eq!(whole.status().memories.total, 2);
}

#[cfg(target_os = "linux")]
#[test]
fn one_store_through_two_file_systems_has_one_host() {
    // One store through a FUSE mount and through its own path: half of what was acknowledged was lost.
    let folder = tempfile::tempdir().unwrap();
    let [dir, passed] = ["store", "passed"].map(|name| folder.path().join(name));
    let host = Host::start(&dir);
    fs::create_dir(&passed).unwrap();
    let Some(_mount) = crate::support::passed_through(&dir, &passed) else {
        return;
    };
    let mut serve = crate::support::command(&passed, &["serve", "--port", "0"]);
    let Err(said) = Host::try_start(&mut serve, &passed) else {
        panic!("two hosts have one store open and do not see each other's locks");
    };
    assert!(
        said.contains("locks of other programs do not hold here"),
        "{said}"
    );
    assert!(said.contains(&format!("pid {}", host.pid)), "{said}");
    host.client().store("the first one goes on").unwrap();
    assert_eq!(host.status().state, OverallState::Ok);
}
