//! Compaction and rebuild of the derived tables.

use std::sync::Arc;
use std::time::Duration;

use commonplace_lock::AcquireError;
use commonplace_store::{
    Backend, Filter, MaintenanceError, SearchMode, TagMatch, WriteOp, compact, rebuild,
};
use commonplace_testing::locks;

use crate::audit;
use crate::backup::varied_store;
use crate::support::{Chance, TestStore, hash, tagged};

const NO_WAIT: Duration = Duration::ZERO;

/// Closes a store, does `work` on its directory as another instance, and opens it again.
fn between<T>(
    store: TestStore,
    work: impl FnOnce(&std::path::Path, &commonplace_lock::Locks) -> T,
) -> (TestStore, T) {
    let folder = store.closed();
    let locks = locks(&folder.path().join("locks"));
    let answer = work(&folder.path().join("store"), &locks);
    drop(locks);
    (TestStore::open_in(folder), answer)
}

#[test]
fn compaction_gives_room_back_and_changes_nothing_else() {
    let store = varied_store();
    let large = |n: usize| format!("{n} {}", "long text ".repeat(2_000));
    for n in 0..50 {
        store.stored_at(tagged(&large(n), &["large"]), 1);
    }
    let filter = Filter::default()
        .with_tags(&["large".to_owned()], TagMatch::Any)
        .unwrap();
    store.in_parts(&WriteOp::Delete(filter), 2);
    let purge = WriteOp::Purge((0..50).map(|n| hash(&large(n))).collect::<Vec<_>>().into());
    store.in_parts(&purge, 3);
    let vector = Chance::seeded(7).unit_vector();
    let found = |store: &TestStore| {
        store.search(
            "number 17",
            SearchMode::Hybrid,
            Filter::default(),
            Some(&vector),
        )
    };
    let before = (store.list(Filter::default()), found(&store));
    let (store, done) = between(store, |dir, locks| compact(dir, locks, NO_WAIT, 1).unwrap());
    assert!(
        done.bytes_after * 2 < done.bytes_before,
        "a megabyte was deleted: {done:?}"
    );
    assert_eq!((store.list(Filter::default()), found(&store)), before);
    assert_eq!(store.store.facts().database_bytes, done.bytes_after);
    audit::check(&store);
    store.stored("life goes on");
}

#[test]
fn maintenance_waits_for_nobody_longer_than_it_was_told_and_names_who_is_in_the_way() {
    let store = varied_store();
    let dir = store.folder().join("store");
    let other = locks(&store.folder().join("locks"));
    let answers = [
        compact(&dir, &other, NO_WAIT, 1).map(drop),
        rebuild(&dir, &other, NO_WAIT, 1).map(drop),
    ];
    for answer in answers {
        let error = answer.unwrap_err();
        let MaintenanceError::Locked(AcquireError::StoreInUse { .. }) = &error else {
            panic!("{error:?}")
        };
        let pid = format!("pid {}", std::process::id());
        assert!(error.to_string().contains(&pid), "{error}");
    }
    store.stored("nobody was disturbed");
}

#[test]
fn without_a_store_there_is_nothing_to_do_and_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let locks = locks(&folder.path().join("locks"));
    let dir = folder.path().join("store");
    let error = rebuild(&dir, &locks, NO_WAIT, 1).unwrap_err();
    assert!(
        matches!(error, MaintenanceError::NoStore { .. }),
        "{error:?}"
    );
    assert!(!dir.join("commonplace.db").exists());
}

#[test]
fn a_rebuild_of_a_healthy_store_finds_nothing_and_keeps_everything() {
    let store = varied_store();
    let before = store.list(Filter::default());
    let (store, found) = between(store, |dir, locks| rebuild(dir, locks, NO_WAIT, 1).unwrap());
    assert!(found.was_right(), "{found:?}");
    assert_eq!((found.memories, found.vectors), (59, 59));
    assert_eq!(store.list(Filter::default()), before);
    audit::check(&store);
}

#[test]
fn a_rebuild_says_what_was_wrong_and_mends_it() {
    let store = varied_store();
    let folder = {
        let plain = store.plain();
        plain
            .execute_batch(
                "INSERT INTO memory_words (memory_words, rowid, text, tags)
                     SELECT 'delete', id, text, tags FROM memories_living WHERE id IN (1, 2);
                 INSERT INTO memory_words (rowid, text, tags) VALUES (4, 'fact number 3', '[\"t\"]');",
            )
            .unwrap();
        drop(plain);
        store.closed()
    };
    // Every vector gets the bits of another.
    let dir = folder.path().join("store");
    let plain = rusqlite::Connection::open(dir.join("commonplace.db")).unwrap();
    plain
        .execute_batch(
            "UPDATE memory_vector_bits_vector_chunks00 SET vectors = zeroblob(length(vectors))",
        )
        .unwrap();
    drop(plain);
    let store = TestStore::open_in(Arc::clone(&folder));
    let (store, found) = between(store, |dir, locks| rebuild(dir, locks, NO_WAIT, 1).unwrap());
    assert!(!found.was_right());
    assert_eq!((found.words_missing, found.words_surplus), (2, 1));
    assert!(found.words_wrong.is_some());
    assert_eq!((found.bits_wrong, found.bits_surplus), (59, 0));
    audit::check(&store);
    assert_eq!(
        store.texts("\"number 0\"", SearchMode::Keyword)[0],
        "fact number 0"
    );
    let (_, again) = between(store, |dir, locks| rebuild(dir, locks, NO_WAIT, 1).unwrap());
    assert!(again.was_right(), "{again:?}");
}
