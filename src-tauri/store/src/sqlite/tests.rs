//! What only the inside can show: the pool, a full disk, a foreign writer.

use std::time::Duration;

use commonplace_lock::{Locks, Wait, WriteLock};

use super::*;
use crate::memory::{ContentHash, MemoryDraft, MemoryId, NewMemory};
use crate::ops::Stamp;
use crate::ops::{IndexedMemory, WriteOp};
use crate::query::Filter;

struct Opened {
    store: SqliteStore,
    locks: Locks,
    _folder: tempfile::TempDir,
}

impl Opened {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let locks = commonplace_testing::locks(&folder.path().join("locks"));
        let store = SqliteStore::open(folder.path(), &locks, 0).unwrap();
        Self {
            store,
            locks,
            _folder: folder,
        }
    }

    fn lock(&self) -> WriteLock {
        let purpose = commonplace_testing::purpose("claude-1");
        let wait = Wait::up_to(Duration::from_secs(60));
        self.locks.acquire_write(&purpose, wait).unwrap()
    }

    /// Stores texts in one transaction.
    fn store(&self, texts: &[&str]) -> Result<(), WriteError> {
        let lock = self.lock();
        let mut writer = self.store.begin_write(&lock)?;
        for text in texts {
            writer.apply(&store_op(text), &Stamp::default())?.unwrap();
        }
        writer.commit()
    }

    /// Changes a setting of the writing connection.
    fn on_writing(&self, pragma: &str, value: i64) {
        let writing = self.store.writing.lock().unwrap();
        let set = writing.connection.pragma_update(None, pragma, value);
        set.unwrap();
    }

    fn pages(&self) -> i64 {
        let writing = self.store.writing.lock().unwrap();
        let pages = writing
            .connection
            .pragma_query_value(None, "page_count", |row| row.get(0));
        pages.unwrap()
    }

    fn living(&self) -> u64 {
        let mut reader = self.store.reader().unwrap();
        reader.count(&Filter::default()).unwrap().unwrap().count
    }
}

fn store_op(text: &str) -> WriteOp {
    let draft = MemoryDraft {
        text: text.to_owned(),
        ..MemoryDraft::default()
    };
    WriteOp::Store(NewMemory::parse(draft).unwrap())
}

/// A text that needs about `pages` pages.
fn long_text(pages: usize) -> String {
    "x".repeat(pages * 4_000)
}

#[test]
fn connections_have_the_settings_that_the_promises_rest_on() {
    let opened = Opened::new();
    let settings = |connection: &Connection| -> Vec<String> {
        [
            "journal_mode",
            "synchronous",
            "foreign_keys",
            "trusted_schema",
            "mmap_size",
            "query_only",
        ]
        .map(|name| {
            let value = connection.pragma_query_value(None, name, |row| row.get(0));
            let value: rusqlite::types::Value = value.unwrap();
            format!("{name} {value:?}")
        })
        .into()
    };
    let expected = |is_reader: u8| {
        vec![
            "journal_mode Text(\"wal\")".to_owned(),
            "synchronous Integer(2)".to_owned(),
            "foreign_keys Integer(1)".to_owned(),
            "trusted_schema Integer(0)".to_owned(),
            "mmap_size Integer(0)".to_owned(),
            format!("query_only Integer({is_reader})"),
        ]
    };
    let writing = opened.store.writing.lock().unwrap();
    assert_eq!(settings(&writing.connection), expected(0));
    let reading = connection::open_reading(opened.store.path()).unwrap();
    assert_eq!(settings(&reading), expected(1));
}

#[test]
fn readers_give_their_connections_back() {
    let opened = Opened::new();
    let idle = || opened.store.idle.lock().unwrap().len();
    let five: Vec<_> = (0..5).map(|_| opened.store.reader().unwrap()).collect();
    assert_eq!(idle(), 0);
    drop(five);
    assert_eq!(idle(), 5);
    let one = opened.store.reader().unwrap();
    assert_eq!(idle(), 4, "an idle connection is used again");
    drop(one);
    opened.store.check(&mut |_| ()).unwrap();
    assert_eq!(idle(), 5);
    let many: Vec<_> = (0..40).map(|_| opened.store.reader().unwrap()).collect();
    drop(many);
    assert_eq!(idle(), POOL_LEN_MAX, "the rest is closed");
}

#[test]
fn a_full_disk_undoes_the_whole_transaction_and_writing_goes_on_when_there_is_room() {
    let opened = Opened::new();
    opened.store(&["before"]).unwrap();
    opened.on_writing("max_page_count", opened.pages() + 5);
    let error = opened.store(&["fits", &long_text(15)]).unwrap_err();
    assert!(matches!(error, WriteError::DiskFull { .. }), "{error:?}");
    assert!(!error.is_passing());
    assert_eq!(
        opened.living(),
        1,
        "searches go on, and `fits` is undone too"
    );
    opened.on_writing("max_page_count", 1_000_000);
    opened.store(&["fits", &long_text(15)]).unwrap();
    assert_eq!(opened.living(), 3);
    assert_eq!(opened.store.check(&mut |_| ()).unwrap(), None);
}

/// Outside a transaction SQLite begins one for a savepoint and commits it at its release: a request that came after an
/// error which had undone the transaction was kept by itself, while everybody was told that all was lost.
#[test]
fn nothing_is_kept_after_an_error_in_the_same_transaction() {
    let wrong_vector = |id| {
        WriteOp::PutVectors(vec![IndexedMemory {
            id,
            content_hash: ContentHash::of("there"),
            vectors: vec![vec![0; 7]],
            was_cut: false,
        }])
    };
    let causes = [
        ("SQLite undoes it", store_op(&long_text(15))),
        ("SQLite leaves it open", wrong_vector(MemoryId(1))),
    ];
    for (cause, failing) in causes {
        let opened = Opened::new();
        opened.store(&["there"]).unwrap();
        opened.on_writing("max_page_count", opened.pages() + 5);
        let lock = opened.lock();
        let mut writer = opened.store.begin_write(&lock).unwrap();
        let mut apply = |op: &WriteOp| writer.apply(op, &Stamp::default());
        apply(&store_op("first")).unwrap().unwrap();
        assert!(apply(&failing).is_err(), "{cause}");
        assert!(apply(&store_op("after")).is_err(), "{cause}");
        assert!(writer.commit().is_err(), "{cause}");
        drop(lock);
        assert_eq!(opened.living(), 1, "{cause}");
        opened.store(&["next"]).unwrap();
        assert_eq!(opened.living(), 2, "{cause}");
    }
}

#[test]
fn a_foreign_writer_is_waited_for_and_then_named() {
    let opened = Opened::new();
    opened.on_writing("busy_timeout", 20);
    let foreign = Connection::open(opened.store.path()).unwrap();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = opened.store(&["a"]).unwrap_err();
    assert!(matches!(error, WriteError::Busy { .. }), "{error:?}");
    assert!(error.is_passing());
    assert_eq!(opened.living(), 0, "searches do not wait for it");
    foreign.execute_batch("ROLLBACK").unwrap();
    opened.store(&["a"]).unwrap();
    assert_eq!(opened.living(), 1);
}

#[test]
fn a_store_of_version_one_is_migrated_with_what_is_in_it() {
    let opened = Opened::new();
    let (folder, locks) = (opened._folder, opened.locks);
    drop(opened.store);
    let path = folder.path().join("commonplace.db");
    std::fs::remove_file(&path).unwrap();
    make_version_one(&path);
    let store = SqliteStore::open(folder.path(), &locks, 0).unwrap();
    assert_eq!(store.facts().schema_version, 4);
    let opened = Opened {
        store,
        locks,
        _folder: folder,
    };
    assert_eq!(opened.living(), 1, "what was there is still there");
    opened.store(&["new"]).unwrap();
    let plain = Connection::open(&path).unwrap();
    let writers: Vec<(String, i64)> = plain
        .prepare("SELECT instance, generation FROM commit_log ORDER BY seq")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    let own = opened.locks.identity().instance.to_string();
    assert_eq!(writers, [(String::new(), 0), (own, 0)]);
}

/// Makes the database as version 1 of the program did, with one memory in it.
fn make_version_one(path: &std::path::Path) {
    let fence = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(i64::MAX));
    let mut connection = connection::open_writing(path, &fence).unwrap();
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .unwrap();
    let transaction = connection.transaction().unwrap();
    let first = schema::FirstRow {
        store_uuid: "u".into(),
        incarnation: "i".into(),
        now_ms: 0,
    };
    schema::migrate_to(&transaction, 0, 1, &first).unwrap();
    fence.store(1, std::sync::atomic::Ordering::Relaxed);
    transaction
        .execute_batch(
            "UPDATE store_meta SET epoch = 1, holder = 'x';
             INSERT INTO memories (content_hash, text, tags, project, metadata, created_ms, updated_ms, client)
                 VALUES ('h', 'old', '[]', '', '{}', 1, 1, 'c');
             INSERT INTO commit_log (seq, epoch, kind, outcome, client, at_ms)
                 VALUES (1, 1, 'store', '{}', 'c', 1);",
        )
        .unwrap();
    transaction.commit().unwrap();
}

#[test]
fn a_shortened_hash_is_a_range_of_an_index_and_not_a_scan() {
    let opened = Opened::new();
    let plain = Connection::open(opened.store.path()).unwrap();
    let start = ContentHash::parse("abc123").unwrap();
    let filter = Filter::default().with_hashes(vec![start]);
    let listed = filter::condition(&filter, filter::Among::Living);
    let newest = format!(
        "SELECT m.id FROM memories m WHERE {} ORDER BY m.created_ms DESC, m.id DESC LIMIT 20",
        listed.sql
    );
    for sql in [by_hash::beginning_sql(), newest] {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let values = ["abc123", "abc123g"];
        let plan: String = plain.query_row(&sql, values, |row| row.get(3)).unwrap();
        assert!(
            plan.ends_with("memories_by_hash (content_hash>? AND content_hash<?)"),
            "{plan}"
        );
    }
}
