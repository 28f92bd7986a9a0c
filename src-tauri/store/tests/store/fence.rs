//! Who may write: only our connections, only with the epoch and the lock generation in force.

use std::time::Duration;

use commonplace_lock::Generation;
use commonplace_store::{Backend, Epoch, FenceError, Filter, WriteError, WriteOp, Writer};
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
    connection
        .create_scalar_function("row_sum", -1, flags, |_| Ok(0))
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
    let writer = second.store.begin_write(&lock).unwrap();
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
        .expect("a take-over raises the epoch");
    let error = store.begin_error();
    assert!(
        matches!(
            error,
            WriteError::Fenced {
                held: 0,
                current: 1,
                was_taken_from_us: false
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

#[test]
fn a_holder_that_was_taken_over_cannot_write_and_joins_again_under_a_new_epoch() {
    let stuck = TestStore::new();
    stuck.stored("before");
    let (clerk, waiter) = (stuck.other_instance(), stuck.other_instance());
    let old = stuck.lock();
    let take_over = clerk.locks.watch_stuck_holder(Duration::ZERO).unwrap();
    assert_eq!(clerk.store.fence_off(&take_over).unwrap(), Epoch(2));
    take_over.finish().unwrap();

    waiter.locks.adopt(Generation(1)).unwrap();
    waiter.stored("by another");
    let error = match stuck.store.begin_write(&old) {
        Ok(_) => panic!("the transaction was begun"),
        Err(error) => error,
    };
    let WriteError::Fenced {
        current,
        was_taken_from_us: true,
        ..
    } = error
    else {
        panic!("{error:?}")
    };
    drop(old);
    stuck.locks.adopt(Generation(current)).unwrap();
    stuck.stored("again");
    assert_eq!(
        stuck.write(|writer| writer.epoch()),
        Epoch(4),
        "one for the take-over, one for each writer"
    );
    audit::check(&stuck);
}

#[test]
fn a_lock_is_not_taken_over_inside_a_transaction() {
    let stuck = TestStore::new();
    stuck.stored("before");
    let clerk = stuck.other_instance();
    let lock = stuck.lock();
    let mut writer = stuck.store.begin_write(&lock).unwrap();
    writer
        .apply(&WriteOp::Store(memory("inside")), &at(2))
        .unwrap()
        .unwrap();
    assert!(clerk.store.is_in_transaction().unwrap());
    let take_over = clerk.locks.watch_stuck_holder(Duration::ZERO).unwrap();
    let error = clerk.store.fence_off(&take_over).unwrap_err();
    assert!(
        matches!(error, FenceError::InTransaction { .. }),
        "{error:?}"
    );
    drop(take_over);
    writer.commit().unwrap();
    assert!(!clerk.store.is_in_transaction().unwrap());
    drop(lock);
    assert_eq!(
        clerk.list(Filter::default()).len(),
        2,
        "it was at work after all"
    );
    audit::check(&stuck);
}

#[test]
fn a_store_that_is_opened_after_a_take_over_uses_the_lock_that_is_in_force() {
    let stuck = TestStore::new();
    let clerk = stuck.other_instance();
    let _old = stuck.lock();
    let take_over = clerk.locks.watch_stuck_holder(Duration::ZERO).unwrap();
    clerk.store.fence_off(&take_over).unwrap();
    // The clerk dies before it has made the new lock file.
    drop(take_over);
    let late = stuck.other_instance();
    assert_eq!(late.locks.generation(), Generation(1));
    late.stored("written while the old lock is still held");
    audit::check(&late);
}
