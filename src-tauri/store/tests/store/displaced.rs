//! Files that are replaced, removed or moved under an open store: nothing is acknowledged that is not under the name of
//! the store, nothing acknowledged is lost while the program runs, and what was put there stays as it is.
//!
//! Not on Windows: there the system lets nobody replace, rename or remove a database that is open.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use commonplace_lock::Found;
use commonplace_store::{
    Backend, Displaced, OpenError, ReadError, SqliteStore, Stamp, WriteError, WriteOp,
};
use commonplace_testing::locks;

use crate::backup::{back_up, to_file};
use crate::support::{TestStore, at, memory};

/// The name of a file beside the database.
fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A store with one memory, and a whole copy of it from before the second one.
fn with_copy() -> (TestStore, PathBuf) {
    let store = TestStore::new();
    store.stored("in both");
    let copy = store.folder().join("copy.db");
    back_up(&store, &to_file(&copy, false), 1).unwrap();
    store.stored("only in the open file");
    (store, copy)
}

/// Expects that the store is neither written nor read, and returns what is said.
fn refused(store: &TestStore) -> Displaced {
    let WriteError::Displaced(displaced) = store.begin_error() else {
        panic!("a transaction was refused for another reason");
    };
    match store.store.reader() {
        Err(ReadError::Displaced(_)) => {}
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a reader answers from displaced files"),
    }
    assert!(
        store.store.check(&mut |_| ()).is_err(),
        "the check looks at other files"
    );
    assert_eq!(store.store.displaced(), Some(displaced.clone()));
    displaced
}

/// Writes out what the store has open, and returns the texts in it.
fn saved(store: &TestStore) -> Vec<String> {
    let file = store.folder().join("saved.db");
    back_up(store, &to_file(&file, false), 2).unwrap();
    texts_in(&file)
}

fn texts_in(database: &Path) -> Vec<String> {
    let connection = rusqlite::Connection::open(database).unwrap();
    let answer: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(answer, "ok", "{}", database.display());
    let mut select = connection
        .prepare("SELECT text FROM memories ORDER BY id")
        .unwrap();
    let texts = select.query_map([], |row| row.get(0)).unwrap();
    texts.map(Result::unwrap).collect()
}

fn database(displaced: &Displaced) -> (Found, Option<&Path>) {
    match displaced {
        Displaced::Database {
            found, moved_to, ..
        } => (*found, moved_to.as_deref()),
        other => panic!("{other}"),
    }
}

const ALL: [&str; 2] = ["in both", "only in the open file"];

#[test]
fn a_database_that_was_replaced_is_not_written_and_the_copy_stays_as_it_was_put() {
    // `mv copy commonplace.db` under a running host: six more stores were acknowledged, then the store did not open, and
    // the copy was damaged by the log beside it.
    let (store, copy) = with_copy();
    let database_path = store.database();
    fs::rename(&copy, &database_path).unwrap();
    let put = fs::read(&database_path).unwrap();
    let displaced = refused(&store);
    assert_eq!(database(&displaced), (Found::AnotherFile, None));
    let said = displaced.to_string();
    assert!(said.contains("replaced by another file"), "{said}");
    assert!(said.contains("commonplace backup --to FILE"), "{said}");
    assert_eq!(saved(&store), ALL);
    let folder = store.closed();
    assert!(
        fs::read(&database_path).unwrap() == put,
        "the copy was changed"
    );
    let again = TestStore::open_in(folder);
    assert_eq!(texts_in(&database_path), ["in both"]);
    again.stored("after it");
}

#[test]
fn a_copy_that_was_put_there_is_not_damaged_by_a_host_that_is_killed() {
    // The log beside it would be played into it when it is opened next.
    let (store, copy) = with_copy();
    fs::rename(&copy, store.database()).unwrap();
    refused(&store);
    let log = fs::metadata(beside(&store.database(), "-wal")).unwrap();
    assert_eq!(log.len(), 0, "what a killed host leaves beside the copy");
}

#[test]
fn the_right_file_put_back_is_gone_on_with() {
    let (store, copy) = with_copy();
    let aside = store.folder().join("aside.db");
    fs::rename(store.database(), &aside).unwrap();
    fs::copy(&copy, store.database()).unwrap();
    let displaced = refused(&store);
    let real_aside = aside.canonicalize().unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(database(&displaced).1, Some(real_aside.as_path()));
        assert!(displaced.to_string().contains("aside.db"), "{displaced}");
    }
    assert_eq!(
        texts_in(&aside),
        ALL,
        "the file that was moved is whole by itself"
    );
    fs::rename(&aside, store.database()).unwrap();
    assert_eq!(store.store.displaced(), None);
    store.stored("goes on");
    let folder = store.closed();
    let again = TestStore::open_in(folder);
    assert_eq!(texts_in(&again.database()), [ALL[0], ALL[1], "goes on"]);
}

#[test]
fn a_store_whose_files_were_removed_says_so_and_can_be_written_out() {
    // `rm commonplace.db*` under a running host: three more stores were acknowledged and were nowhere.
    let (store, _copy) = with_copy();
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(beside(&store.database(), suffix)).unwrap();
    }
    let displaced = refused(&store);
    assert_eq!(database(&displaced), (Found::Nothing, None));
    assert_eq!(saved(&store), ALL);
    let (database, _folder) = (store.database(), store.closed());
    assert!(!database.exists(), "a closing store makes no new one");
}

#[test]
fn a_log_that_was_removed_loses_nothing() {
    // The -wal removed under a running host: eight of nine memories were gone.
    for suffix in ["-wal", "-shm"] {
        let (store, _copy) = with_copy();
        let removed = beside(&store.database(), suffix);
        fs::remove_file(&removed).unwrap();
        let displaced = refused(&store);
        assert!(
            matches!(&displaced, Displaced::Log { path, found: Found::Nothing } if *path == removed),
            "{displaced}"
        );
        let folder = store.closed();
        let again = TestStore::open_in(folder);
        assert_eq!(texts_in(&again.database()), ALL, "{suffix}");
    }
}

#[test]
fn a_foreign_log_is_neither_joined_nor_removed() {
    for suffix in ["-wal", "-shm"] {
        let (store, _copy) = with_copy();
        let log = beside(&store.database(), suffix);
        fs::remove_file(&log).unwrap();
        fs::write(&log, "of somebody else").unwrap();
        let displaced = refused(&store);
        assert!(displaced.to_string().contains("replaced"), "{displaced}");
        assert_eq!(saved(&store), ALL);
        let _folder = store.closed();
        assert_eq!(fs::read(&log).unwrap(), b"of somebody else");
    }
}

#[test]
fn a_directory_that_was_moved_and_made_anew_is_not_two_stores() {
    // The directory moved and recreated under a running host: two contents under one path.
    let (store, _copy) = with_copy();
    let dir = store.folder().join("store");
    let moved = store.folder().join("moved");
    fs::rename(&dir, &moved).unwrap();
    fs::create_dir(&dir).unwrap();
    let displaced = refused(&store);
    assert_eq!(database(&displaced).0, Found::Nothing);
    let folder = store.folder().to_owned();
    let _kept = store.closed();
    assert_eq!(
        fs::read_dir(&dir).unwrap().count(),
        0,
        "nothing is made in the new one"
    );
    assert_eq!(texts_in(&folder.join("moved/commonplace.db")), ALL);
}

#[test]
fn a_linked_database_is_compared_with_what_the_link_leads_to() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let [real, other] = ["real.db", "other.db"].map(|name| folder.path().join(name));
    let link = folder.path().join("store/commonplace.db");
    TestStore::open_in(std::sync::Arc::clone(&folder));
    fs::rename(&link, &real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let store = TestStore::open_in(std::sync::Arc::clone(&folder));
    store.stored("through the link");
    fs::rename(&real, &other).unwrap();
    assert_eq!(database(&refused(&store)).0, Found::Nothing);
    fs::rename(&other, &real).unwrap();
    store.stored("again");
    assert_eq!(texts_in(&real), ["through the link", "again"]);
}

#[test]
fn what_is_displaced_during_a_transaction_is_not_acknowledged() {
    let (store, copy) = with_copy();
    let lock = store.lock();
    let mut writer = store.store.begin_write(&lock).unwrap();
    let op = WriteOp::Store(memory("between two looks"));
    writer.apply(&op, &Stamp::default()).unwrap().unwrap();
    fs::rename(&copy, store.database()).unwrap();
    let error = writer.commit().unwrap_err();
    assert!(matches!(error, WriteError::Displaced(_)), "{error}");
    drop(lock);
    assert_eq!(
        saved(&store).last().map(String::as_str),
        Some("between two looks"),
        "it is in the open file"
    );
}

#[test]
fn readers_that_wait_in_the_pool_do_not_answer_from_a_removed_file() {
    let (store, copy) = with_copy();
    let readers: Vec<_> = (0..3).map(|_| store.store.reader().unwrap()).collect();
    drop(readers);
    fs::rename(&copy, store.database()).unwrap();
    assert!(matches!(store.store.reader(), Err(ReadError::Displaced(_))));
    assert!(store.store.is_in_transaction().is_err());
}

#[test]
fn another_instance_does_not_open_the_file_that_was_put_under_an_open_store() {
    let (store, copy) = with_copy();
    fs::rename(&copy, store.database()).unwrap();
    let put = fs::read(store.database()).unwrap();
    let dir = store.folder().join("store");
    let theirs = locks(&store.folder().join("locks"));
    let open = || SqliteStore::open(&dir, &theirs, 0);
    match open() {
        Err(error @ OpenError::OtherFile { .. }) => {
            let said = error.to_string();
            let pid = format!("while pid {}", std::process::id());
            assert!(said.contains(&pid), "{said}");
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("two files are open under one name"),
    }
    fs::remove_file(store.database()).unwrap();
    assert!(matches!(
        open(),
        Err(OpenError::OtherFile {
            found: Found::Nothing,
            ..
        })
    ));
    assert!(!store.database().exists(), "no second store is made");
    fs::write(store.database(), put).unwrap();
    let _folder = store.closed();
    open().expect("the one that had the former file open is gone");
}

#[test]
fn an_instance_that_counts_as_dead_stops_writing() {
    let store = TestStore::new();
    store.stored("before");
    let instance = store.locks.identity().instance.clone();
    let life = store
        .folder()
        .join(format!("locks/instances/{instance}.lock"));
    let aside = store.folder().join("aside");
    fs::rename(&life, &aside).unwrap();
    let displaced = refused(&store);
    assert!(matches!(displaced, Displaced::Life(_)), "{displaced}");
    assert!(
        displaced.to_string().contains("took it for dead"),
        "{displaced}"
    );
    fs::rename(&aside, &life).unwrap();
    store
        .apply(&WriteOp::Store(memory("after")), &at(1))
        .unwrap();
}
