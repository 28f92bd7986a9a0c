//! Rows that are not what was stored: named by a check, marked where they are read, never made to look whole again.

use commonplace_store::{
    Backend, Browse, Changes, ContentHash, Cure, Damage, Edit, Filter, IdAct, Ids, ListQuery,
    MemoryId, Refusal, SearchMode, Whose, WriteOp,
};

use crate::support::{Chance, TestStore, at, tagged};

/// A store with some memories, one of which another program changes behind our back.
fn damaged(sql: &str) -> TestStore {
    let store = TestStore::new();
    for n in 0..5 {
        store.stored(&format!("fact number {n}"));
    }
    let plain = store.plain();
    plain
        .execute_batch("DROP TRIGGER memories_fence_update; DROP TRIGGER memories_sum_update;")
        .unwrap();
    plain.execute_batch(sql).unwrap();
    store
}

fn found(store: &TestStore) -> Damage {
    store
        .store
        .check(&mut |_| ())
        .unwrap()
        .expect("there is damage")
}

// A bit that changed upper to lower case, a tag, a time or the metadata changed no hash: the check said that all was well.
#[test]
fn a_change_of_any_column_is_named_with_id_date_and_first_words() {
    for change in [
        "text = 'Fact number 2'",
        "tags = '[\"x\"]'",
        "memory_type = 'note'",
        "project = 'other'",
        "metadata = '{\"a\":1}'",
        "created_ms = 2",
        "updated_ms = 9",
        "client = 'x'",
        "session = 'x'",
        "chunks_indexed = 0",
    ] {
        let store = damaged(&format!("UPDATE memories SET {change} WHERE id = 3"));
        let damage = found(&store);
        assert_eq!(damage.memory_count, 1, "{change}: {damage}");
        assert_eq!(damage.memories[0].id, MemoryId(3), "{change}");
        assert_eq!(damage.cure(), Cure::Repair);
        let words = damage.to_string();
        for told in ["3 of 1970-01-01", "act number 2", "commonplace repair"] {
            assert!(words.contains(told), "{change}: {words}");
        }
    }
}

#[test]
fn a_memory_that_vanished_is_missed() {
    let store = damaged(
        "DROP TRIGGER memories_fence_delete; DROP TRIGGER memories_sum_delete; DELETE FROM memories WHERE id = 2;",
    );
    let damage = found(&store);
    assert_eq!(
        (damage.memory_count, damage.memories[0].id),
        (1, MemoryId(2))
    );
    assert!(damage.to_string().contains("2 (gone)"), "{damage}");
}

// Its checksum is in the row, and vanishes with it.
#[test]
fn a_row_of_the_log_of_commits_that_changed_or_vanished_is_missed() {
    for change in [
        "DELETE FROM commit_log WHERE seq = 2",
        "DELETE FROM commit_log WHERE seq IN (2, 3)",
        "DELETE FROM commit_log WHERE seq = 1",
        "UPDATE commit_log SET outcome = '{}' WHERE seq = 2",
        "UPDATE commit_log SET sum = sum + 1 WHERE seq = 2",
    ] {
        let store = damaged(&format!(
            "DROP TRIGGER commit_log_fence_delete; DROP TRIGGER commit_log_fence_update;
             DROP TRIGGER commit_log_sum_update; {change}"
        ));
        let damage = found(&store);
        let rows: Vec<_> = damage
            .rows
            .iter()
            .map(|rows| (rows.table, rows.count))
            .collect();
        assert_eq!(rows, [("commit_log", 1)], "{change}: {damage}");
    }
}

// One damaged row made the whole list an error, and single reads gave out what was wrong as if it were right.
#[test]
fn a_list_shows_the_others_and_marks_the_damaged_one() {
    for damage in [
        "tags = 'not JSON'",
        "metadata = '{'",
        "text = CAST(x'66ff00' AS TEXT)",
    ] {
        let store = damaged(&format!("UPDATE memories SET {damage} WHERE id = 3"));
        let all = store.list(Filter::default());
        let marked: Vec<_> = all.iter().filter(|m| m.is_damaged).map(|m| m.id).collect();
        assert_eq!((all.len(), marked), (5, vec![MemoryId(3)]), "{damage}");
        let mut reader = store.store.reader().unwrap();
        let page = reader.browse(&Browse::parse(Filter::default(), false, None, 10).unwrap());
        let page = page.unwrap().memories;
        assert_eq!(page.iter().filter(|m| m.is_damaged).count(), 1, "{damage}");
        let record = reader.record(MemoryId(3)).unwrap().unwrap();
        assert!(record.memory.is_damaged, "{damage}");
        assert!(
            !reader
                .record(MemoryId(4))
                .unwrap()
                .unwrap()
                .memory
                .is_damaged
        );
        let query = ListQuery::parse(Filter::default(), 1, 10, false).unwrap();
        assert_eq!(reader.list(&query).unwrap().1, 5);
        drop(reader);
        let hits = store.search("fact", SearchMode::Keyword, Filter::default(), None);
        let marked = hits.iter().filter(|hit| hit.memory.is_damaged).count();
        assert_eq!((hits.len(), marked), (5, 1), "{damage}");
    }
}

#[test]
fn a_damaged_memory_is_not_changed_in_part_and_no_other_act_hides_its_damage() {
    let store = damaged("UPDATE memories SET tags = '[\"x\"]' WHERE id = 3");
    let id = MemoryId(3);
    let edit = WriteOp::Edit(Edit {
        id,
        seen_ms: None,
        changes: Changes::default().with_project("new").unwrap(),
    });
    assert_eq!(store.apply(&edit, &at(5)), Err(Refusal::Damaged { id }));
    let hash = ContentHash::of("fact number 2");
    let update = WriteOp::Update(
        hash,
        Whose::TheOnly,
        Changes::default().with_text("new").unwrap(),
    );
    assert_eq!(store.apply(&update, &at(5)), Err(Refusal::Damaged { id }));
    for act in [IdAct::Delete, IdAct::Undelete, IdAct::Delete] {
        store.done(&WriteOp::ByIds(act, Ids::parse(vec![id]).unwrap()), 6);
        assert_eq!(found(&store).memories[0].id, id, "{act:?}");
    }
    store.done(
        &WriteOp::ByIds(IdAct::Purge, Ids::parse(vec![id]).unwrap()),
        7,
    );
    assert_eq!(found(&store).memory_count, 0, "it is gone permanently");
}

#[test]
fn every_kind_of_write_keeps_the_checksums() {
    let (store, mut chance) = (TestStore::new(), Chance::seeded(1));
    let id = store.stored_at(tagged("a fact", &["one", "two"]), 1);
    let memory = store.get(id);
    store.index(&memory, &[chance.unit_vector()]);
    let edit = |text: &str| {
        WriteOp::Edit(Edit {
            id,
            seen_ms: None,
            changes: Changes::default()
                .with_text(text)
                .unwrap()
                .with_tags(&["three".to_owned()])
                .unwrap(),
        })
    };
    store.done(&edit("another fact"), 2);
    store.index(&store.get(id), &[chance.unit_vector()]);
    store.done(&WriteOp::Delete(Filter::default()), 3);
    store.done(
        &WriteOp::Undelete(vec![ContentHash::of("another fact")].into()),
        4,
    );
    store.stored("a second one");
    assert_eq!(store.store.check(&mut |_| ()).unwrap(), None);
    for table in [
        "store_meta",
        "memories",
        "memory_vectors",
        "memory_history",
        "commit_log",
    ] {
        let rows = store.number(&format!("SELECT count(*) FROM {table}"));
        let sums = store.number(&format!("SELECT count(*) FROM {table}_sums"));
        assert_eq!(rows, sums, "{table}");
        assert!(rows > 0, "{table}");
    }
}
