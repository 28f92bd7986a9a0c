//! Who may write: only our connections, only with the epoch and the lock generation in force.

use commonplace_store::{Epoch, Filter, WriteError, WriteOp, Writer};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::audit;
use crate::support::{TestStore, at, memory, tagged};

/// Makes `connection` answer `epoch` as one of ours would.
fn pretend(connection: &Connection, epoch: i64) {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    connection
        .create_scalar_function("fence_epoch", 0, flags, move |_| Ok(epoch))
        .unwrap();
}

/// One change of each kind to each table that is guarded.
const INTRUSIONS: &[&str] = &[
    "INSERT INTO memories (content_hash, text, tags, project, metadata, created_ms, updated_ms, client)
     VALUES ('h', 't', '[]', '', '{}', 1, 1, '')",
    "UPDATE memories SET text = 'changed'",
    "DELETE FROM memories",
    "REPLACE INTO memories (id, content_hash, text, tags, project, metadata, created_ms, updated_ms, client)
     VALUES (1, 'h', 't', '[]', '', '{}', 1, 1, '')",
    "INSERT INTO memory_tags (tag, memory_id) VALUES ('x', 1)",
    "UPDATE memory_tags SET tag = 'x'",
    "DELETE FROM memory_tags",
    "INSERT INTO memory_vectors (id, memory_id, chunk, vector) VALUES (4096, 1, 0, zeroblob(1536))",
    "INSERT INTO memory_history (memory_id, seq, change, at_ms, client, text, tags, metadata)
     VALUES (1, 1, 'update', 1, '', '', '[]', '{}')",
    "INSERT INTO commit_log (seq, epoch, kind, outcome, client, at_ms) VALUES (9, 1, 'x', '{}', '', 1)",
    "UPDATE commit_log SET client = 'x'",
    "DELETE FROM commit_log",
    "UPDATE store_meta SET holder = 'x'",
    "UPDATE store_meta SET epoch = 0",
    "UPDATE store_meta SET generation = 9",
    "DELETE FROM store_meta",
    "REPLACE INTO store_meta (id, store_uuid, incarnation, epoch, generation, holder, created_ms)
     VALUES (1, '', '', 0, 0, '', 0)",
];

fn assert_fails_closed(store: &TestStore, connection: &Connection, who: &str) {
    for sql in INTRUSIONS {
        let answer = connection.execute(sql, []);
        assert!(answer.is_err(), "{who} could: {sql}");
    }
    assert_eq!(store.list(Filter::default()).len(), 1);
    audit::check(store);
}

#[test]
fn another_program_cannot_write() {
    let store = TestStore::new();
    store.stored_at(tagged("a fact", &["t"]), 1);
    assert_fails_closed(&store, &store.plain(), "a plain connection");
}

#[test]
fn a_connection_with_an_old_epoch_cannot_write() {
    let store = TestStore::new();
    store.stored_at(tagged("a fact", &["t"]), 1);
    let second = store.other_instance();
    assert_eq!(second.write(|writer| writer.epoch()), Epoch(2));
    for epoch in [1, 0, -1] {
        let stale = store.plain();
        pretend(&stale, epoch);
        assert_fails_closed(&store, &stale, &format!("epoch {epoch}"));
    }
}

#[test]
fn the_epoch_grows_whenever_the_lock_changes_hands() {
    let first = TestStore::new();
    let second = first.other_instance();
    let epoch = |store: &TestStore| store.write(|writer| writer.epoch());
    let store = |store: &TestStore, text: &str| {
        store.apply(&WriteOp::Store(memory(text)), &at(1)).unwrap();
    };
    store(&first, "a");
    assert_eq!(epoch(&first), Epoch(1));
    store(&second, "b");
    store(&second, "c");
    assert_eq!(epoch(&second), Epoch(2));
    store(&first, "d");
    assert_eq!(epoch(&first), Epoch(3));
    assert_eq!(
        first.list(Filter::default()),
        second.list(Filter::default())
    );
    let reopened = first.reopened();
    store(&reopened, "e");
    assert_eq!(epoch(&reopened), Epoch(4), "a restart is another instance");
    audit::check(&reopened);
}

#[test]
fn an_epoch_that_was_not_committed_is_not_used_up() {
    let first = TestStore::new();
    first.stored("a");
    let second = first.other_instance();
    let lock = second.lock();
    let writer = commonplace_store::Backend::begin_write(&second.store, &lock).unwrap();
    assert_eq!(writer.epoch(), Epoch(2));
    drop(writer);
    drop(lock);
    assert_eq!(
        first.write(|writer: &mut dyn Writer| writer.epoch()),
        Epoch(1)
    );
    assert_eq!(
        second.write(|writer: &mut dyn Writer| writer.epoch()),
        Epoch(2)
    );
}

#[test]
fn a_lock_of_an_old_generation_is_refused() {
    let store = TestStore::new();
    store.stored("a");
    let usurper = store.plain();
    pretend(&usurper, 2);
    usurper
        .execute("UPDATE store_meta SET epoch = 2, generation = 1", [])
        .expect("a takeover raises the epoch");
    let error = store.begin_error();
    assert!(
        matches!(
            error,
            WriteError::Fenced {
                held: 0,
                current: 1
            }
        ),
        "{error:?}"
    );
    assert!(error.is_passing());
    assert_eq!(store.list(Filter::default()).len(), 1, "searches go on");
    usurper
        .execute("UPDATE store_meta SET generation = 0", [])
        .expect("the transaction that was refused is over");
    store.stored("b");
    audit::check(&store);
}
