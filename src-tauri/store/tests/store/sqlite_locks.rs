//! SQLite's own locks on the database must outlive everything we do.
//!
//! On Unix, closing any handle of a file drops all locks that the process has on it (sqlite.org/howtocorrupt.html, 2.2).
//! If any function of this crate opened and closed the database file by itself, another process could think that nobody
//! has it open, and remove the live log. So another process tries to lock it while the store is open.

#![cfg(unix)]

use std::fs::File;
use std::path::Path;
use std::process::Command;

use commonplace_store::{Backend, Filter, ListQuery, SearchMode, WriteOp};
use rustix::fs::{FlockOperation, fcntl_lock};

use crate::support::{Chance, TestStore, by_texts, hash, memory};

const DATABASE_VARIABLE: &str = "COMMONPLACE_STORE_TEST_DATABASE";
const GRANTED: i32 = 17;
const REFUSED: i32 = 18;

/// Plays the other process; does nothing unless the parent has named a database.
#[test]
fn child_process() {
    let Some(path) = std::env::var_os(DATABASE_VARIABLE) else {
        return;
    };
    let file = File::options().read(true).write(true).open(path).unwrap();
    let answer = fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive);
    std::process::exit(if answer.is_ok() { GRANTED } else { REFUSED });
}

/// Says whether another process can lock the whole database for itself.
fn others_can_lock(database: &Path) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["sqlite_locks::child_process", "--exact"])
        .env(DATABASE_VARIABLE, database)
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    match status.code() {
        Some(GRANTED) => true,
        Some(REFUSED) => false,
        other => panic!("the child ended with {other:?}"),
    }
}

#[test]
fn nothing_we_do_drops_the_locks_of_sqlite() {
    let store = TestStore::new();
    let database = store.database();
    let steps: [(&str, &dyn Fn()); 9] = [
        ("opening", &|| ()),
        ("writing", &|| {
            let id = store.stored("a fact");
            store.index(&store.get(id), &[Chance::seeded(1).unit_vector()]);
            store.done(&WriteOp::Delete(by_texts(&["a fact"])), 2);
            store.done(&WriteOp::Purge(vec![hash("a fact")].into()), 3);
        }),
        ("reading", &|| {
            store.stored("another");
            let vector = Chance::seeded(2).unit_vector();
            store.search(
                "another",
                SearchMode::Hybrid,
                Filter::default(),
                Some(&vector),
            );
            let mut reader = store.store.reader().unwrap();
            let page = ListQuery::parse(Filter::default(), 1, 9, false).unwrap();
            reader.list(&page).unwrap();
            reader.by_hash(&hash("another")).unwrap();
            reader.count(&Filter::default()).unwrap().unwrap();
            reader.totals().unwrap();
            reader.unindexed(9).unwrap();
        }),
        ("facts", &|| drop(store.store.facts())),
        ("check", &|| {
            assert_eq!(store.store.check(&mut |_| ()).unwrap(), None)
        }),
        ("checkpoint", &|| {
            assert!(store.store.checkpoint(&store.lock()).unwrap());
        }),
        ("backup", &|| {
            crate::backup::backed_up(&store);
            for name in ["", "-wal", "-shm"] {
                let mut path = database.clone().into_os_string();
                path.push(name);
                crate::backup::refused(&store, &crate::backup::to_file(path.as_ref(), true));
            }
        }),
        ("a second instance", &|| {
            let second = store.other_instance();
            second
                .apply(
                    &WriteOp::Store(memory("from there")),
                    &crate::support::at(4),
                )
                .unwrap();
        }),
        ("a refused opening", &|| {
            let link = tempfile::tempdir().unwrap();
            std::os::unix::fs::symlink(&database, link.path().join("commonplace.db")).unwrap();
            drop(commonplace_store::SqliteStore::open(
                link.path(),
                &store.locks,
                0,
            ));
        }),
    ];
    for (name, step) in steps {
        step();
        assert!(
            !others_can_lock(&database),
            "{name} dropped the locks of SQLite"
        );
    }
    let _folder = store.closed();
    assert!(
        others_can_lock(&database),
        "the probe can be granted: nobody has it open now"
    );
}
