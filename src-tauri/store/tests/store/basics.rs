//! What each write does, one at a time.

use commonplace_store::{
    Backend, Changes, Filter, IndexedMemory, ListQuery, MemoryDraft, MemoryId, NewMemory,
    Provenance, Refusal, SearchMode, TagMatch, Totals, Whose, WriteOp, WriteOutcome,
};
use serde_json::{Map, Value, json};

use crate::audit;
use crate::support::{
    Chance, TestStore, at, by_texts, bytes, draft, hash, in_project, indexed, memory, strings,
    tagged,
};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

#[test]
fn a_stored_memory_comes_back_with_everything_that_was_given() {
    let store = TestStore::new();
    let provenance = Provenance {
        client: "claude-code".into(),
        client_version: Some("2.1".into()),
        session: Some("s-1".into()),
        host_name: Some("desk".into()),
    };
    let new = NewMemory::parse(MemoryDraft {
        text: "The port is 7311".into(),
        tags: strings(&["Net", "a \"quoted\" tag", "größe"]),
        memory_type: Some("Decision".into()),
        project: "commonplace".into(),
        metadata: object(json!({"n": 1, "deep": {"list": [1, null, "x"]}})),
        provenance: provenance.clone(),
    })
    .unwrap();
    let id = store.stored_at(new, 77);
    let memory = store.get(id);
    assert_eq!(memory.text, "The port is 7311");
    assert_eq!(memory.content_hash, hash("the port is 7311"));
    assert_eq!(memory.tags, ["net", "a \"quoted\" tag", "größe"]);
    assert_eq!(memory.memory_type.as_deref(), Some("Decision"));
    assert_eq!(memory.project, "commonplace");
    assert_eq!(
        Value::Object(memory.metadata),
        json!({"n": 1, "deep": {"list": [1, null, "x"]}})
    );
    assert_eq!(memory.provenance, provenance);
    let times = (memory.created_ms, memory.updated_ms, memory.deleted_ms);
    assert_eq!(times, (77, 77, None));
    audit::check(&store);
}

#[test]
fn the_same_text_in_the_same_project_is_stored_once() {
    let store = TestStore::new();
    let id = store.stored_at(memory("A fact"), 5);
    let again = store.done(&WriteOp::Store(tagged("  a FACT ", &["new"])), 9);
    let expected = WriteOutcome::AlreadyStored {
        id,
        content_hash: hash("a fact"),
        created_ms: 5,
    };
    assert_eq!(again, expected);
    let kept = store.get(id);
    assert_eq!(
        (kept.text.as_str(), kept.tags.len()),
        ("A fact", 0),
        "the first one stays as it is"
    );
    let other = store.stored_at(in_project("A fact", "other"), 10);
    assert_ne!(other, id, "another project has its own");
    let mut reader = store.store.reader().unwrap();
    let both: Vec<MemoryId> = reader
        .by_hash(&hash("a fact"))
        .unwrap()
        .iter()
        .map(|memory| memory.id)
        .collect();
    assert_eq!(both, [other, id], "both projects, the newest first");
    drop(reader);
    audit::check(&store);
}

#[test]
fn an_update_changes_what_it_names_and_nothing_else() {
    let store = TestStore::new();
    let new = NewMemory::parse(MemoryDraft {
        tags: strings(&["one", "two"]),
        memory_type: Some("note".into()),
        metadata: object(json!({"keep": 1, "drop": 2, "change": 3})),
        ..draft("old words")
    })
    .unwrap();
    let id = store.stored_at(new, 5);
    let update = |changes: Changes, now_ms| {
        store.done(
            &WriteOp::Update(hash("old words"), Whose::TheOnly, changes),
            now_ms,
        )
    };

    let metadata = object(json!({"drop": null, "change": 4, "absent": null, "new": [1]}));
    let outcome = update(Changes::default().with_metadata(metadata).unwrap(), 6);
    let expected = WriteOutcome::Updated {
        id,
        content_hash: hash("old words"),
        fields: strings(&["metadata"]),
    };
    assert_eq!(outcome, expected);
    let now = store.get(id);
    assert_eq!(
        Value::Object(now.metadata.clone()),
        json!({"keep": 1, "change": 4, "new": [1]}),
        "merged, and null removes"
    );
    assert_eq!((now.created_ms, now.updated_ms), (5, 6));
    assert_eq!(now.tags, ["one", "two"]);

    update(
        Changes::default().with_tags(&strings(&["Three"])).unwrap(),
        7,
    );
    update(Changes::default().with_type("decision").unwrap(), 8);
    let now = store.get(id);
    assert_eq!(now.tags, ["three"], "tags are replaced");
    assert_eq!(now.memory_type.as_deref(), Some("decision"));
    let found = |tag: &str| {
        let filter = Filter::default().with_tags(&strings(&[tag]), TagMatch::Any);
        store.list(filter.unwrap()).len()
    };
    assert_eq!((found("one"), found("three")), (0, 1));
    assert_eq!(store.texts("three", SearchMode::Keyword), ["old words"]);
    assert!(store.texts("two", SearchMode::Keyword).is_empty());

    update(Changes::default().with_type(" ").unwrap(), 9);
    assert_eq!(store.get(id).memory_type, None, "an empty type is none");
    audit::check(&store);
}

#[test]
fn a_changed_text_has_a_new_hash_new_words_and_waits_for_new_vectors() {
    let store = TestStore::new();
    let id = store.stored("old words");
    let vector = Chance::seeded(1).unit_vector();
    assert_eq!(
        store.index(&store.get(id), std::slice::from_ref(&vector)),
        1
    );
    let changes = Changes::default().with_text(" New Sentence ").unwrap();
    let outcome = store.done(
        &WriteOp::Update(hash("old words"), Whose::TheOnly, changes),
        2,
    );
    let expected = WriteOutcome::Updated {
        id,
        content_hash: hash("new sentence"),
        fields: strings(&["content"]),
    };
    assert_eq!(outcome, expected);
    assert_eq!(
        store.texts("sentence", SearchMode::Keyword),
        ["New Sentence"]
    );
    assert!(store.texts("old", SearchMode::Keyword).is_empty());
    let by_meaning = store.search("x", SearchMode::Semantic, Filter::default(), Some(&vector));
    assert!(by_meaning.is_empty(), "the vector was of the old text");
    assert_eq!(store.store.reader().unwrap().totals().unwrap().unindexed, 1);
    audit::check(&store);
}

#[test]
fn an_update_keeps_vectors_if_the_text_stays() {
    let store = TestStore::new();
    let id = store.stored("a text");
    let vector = Chance::seeded(2).unit_vector();
    store.index(&store.get(id), std::slice::from_ref(&vector));
    let changes = Changes::default().with_tags(&strings(&["x"])).unwrap();
    store.done(&WriteOp::Update(hash("a text"), Whose::TheOnly, changes), 2);
    let hits = store.search("x", SearchMode::Semantic, Filter::default(), Some(&vector));
    assert_eq!(hits.len(), 1);
    assert_eq!(store.store.reader().unwrap().totals().unwrap().unindexed, 0);
}

#[test]
fn an_update_that_cannot_be_says_why() {
    let store = TestStore::new();
    store.stored("one");
    store.stored("two");
    let refused = |from: &str, changes: Changes| {
        store
            .apply(
                &WriteOp::Update(hash(from), Whose::TheOnly, changes),
                &at(2),
            )
            .unwrap_err()
    };
    let to = |text: &str| Changes::default().with_text(text).unwrap();
    assert_eq!(
        refused("one", to("TWO")),
        Refusal::TextTaken { hash: hash("two") }
    );
    assert_eq!(
        refused("none", to("x")),
        Refusal::NotFound { hash: hash("none") }
    );
    let text = "x".repeat(9_000);
    let long = |key: &str| {
        let metadata = object(json!({key: text}));
        Changes::default().with_metadata(metadata).unwrap()
    };
    store.done(&WriteOp::Update(hash("one"), Whose::TheOnly, long("a")), 2);
    let too_long = refused("one", long("b"));
    assert!(matches!(too_long, Refusal::Draft(_)), "{too_long:?}");
    let own_case = store.apply(
        &WriteOp::Update(hash("one"), Whose::TheOnly, to("ONE")),
        &at(3),
    );
    assert!(own_case.is_ok(), "its own text is not taken: {own_case:?}");
    audit::check(&store);
}

#[test]
fn vectors_of_a_text_that_changed_are_not_kept() {
    let store = TestStore::new();
    let vector = Chance::seeded(8).unit_vector();
    let changed = store.stored("changed later");
    let deleted = store.stored("deleted later");
    let kept = store.stored("kept");
    let batch =
        [changed, deleted, kept].map(|id| indexed(&store.get(id), std::slice::from_ref(&vector)));
    let changes = Changes::default().with_text("another text").unwrap();
    store.done(
        &WriteOp::Update(hash("changed later"), Whose::TheOnly, changes),
        2,
    );
    store.done(&WriteOp::Delete(by_texts(&["deleted later"])), 2);
    let mut batch = Vec::from(batch);
    batch.push(IndexedMemory {
        id: MemoryId(999),
        content_hash: hash("never there"),
        vectors: vec![bytes(&vector)],
        was_cut: false,
    });
    let outcome = store.done(&WriteOp::PutVectors(batch), 3);
    assert_eq!(outcome, WriteOutcome::Indexed { count: 1 });
    let totals = store.store.reader().unwrap().totals().unwrap();
    let expected = Totals {
        living: 2,
        deleted: 1,
        unindexed: 1,
    };
    assert_eq!(totals, expected);
    audit::check(&store);
}

#[test]
fn vectors_can_be_put_again() {
    let store = TestStore::new();
    let id = store.stored("a text");
    let mut chance = Chance::seeded(9);
    let (old, new) = (chance.unit_vector(), chance.unit_vector());
    store.index(&store.get(id), &[old.clone(), old.clone(), old.clone()]);
    store.index(&store.get(id), std::slice::from_ref(&new));
    let hit = &store.search("x", SearchMode::Semantic, Filter::default(), Some(&new))[0];
    assert!(hit.cosine.unwrap() > 0.999);
    assert_eq!(store.number("SELECT count(*) FROM memory_vectors"), 1);
    audit::check(&store);
}

#[test]
fn pages_follow_each_other_and_the_newest_comes_first() {
    let store = TestStore::new();
    for (n, now_ms) in [(1, 50), (2, 10), (3, 50), (4, 90), (5, 20)] {
        store.stored_at(memory(&format!("m{n}")), now_ms);
    }
    let page = |page| {
        let query = ListQuery::parse(Filter::default(), page, 2, false).unwrap();
        let (memories, total) = store.store.reader().unwrap().list(&query).unwrap();
        let texts: Vec<String> = memories.into_iter().map(|memory| memory.text).collect();
        (texts, total)
    };
    assert_eq!(
        page(1),
        (strings(&["m4", "m3"]), 5),
        "ties go to the one stored last"
    );
    assert_eq!(page(2), (strings(&["m1", "m5"]), 5));
    assert_eq!(page(3), (strings(&["m2"]), 5));
    assert_eq!(page(4), (Vec::new(), 5));
    assert_eq!(page(10_000_000), (Vec::new(), 5));
}

#[test]
fn the_newest_memories_are_indexed_first() {
    let store = TestStore::new();
    for n in 1..=5 {
        store.stored(&format!("m{n}"));
    }
    store.done(&WriteOp::Delete(by_texts(&["m4"])), 2);
    let third = store.list(by_texts(&["m3"])).remove(0);
    store.index(&third, &[Chance::seeded(10).unit_vector()]);
    let mut reader = store.store.reader().unwrap();
    let mut texts = |limit| -> Vec<String> {
        let waiting = reader.unindexed(limit).unwrap();
        waiting.into_iter().map(|memory| memory.text).collect()
    };
    assert_eq!(texts(2), ["m5", "m2"]);
    assert_eq!(texts(9), ["m5", "m2", "m1"]);
}
