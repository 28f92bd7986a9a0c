//! Delete, undelete, purge.

use commonplace_store::{
    Changes, ContentHash, Filter, MemoryDraft, MemoryId, NewMemory, Refusal, SearchMode, TagMatch,
    Whose, WriteOp, WriteOutcome,
};

use crate::audit;
use crate::support::{Chance, TestStore, at, by_texts, draft, hash, memory, strings, tagged};

#[test]
fn delete_takes_every_filter() {
    let tags = |match_: TagMatch| {
        Filter::default()
            .with_tags(&strings(&["a", "b"]), match_)
            .unwrap()
    };
    let cases: [(&str, Filter, &[&str]); 8] = [
        ("any tag", tags(TagMatch::Any), &["1", "2"]),
        ("all tags", tags(TagMatch::All), &["1"]),
        ("type", Filter::default().with_type("note").unwrap(), &["2"]),
        (
            "project",
            Filter::default().with_project("p").unwrap(),
            &["3"],
        ),
        (
            "no project",
            Filter::default().with_project("").unwrap(),
            &["1", "2", "4"],
        ),
        (
            "time",
            Filter::default().with_created(Some(20), Some(40)),
            &["2", "3"],
        ),
        ("hashes", by_texts(&["m 4", "m 1", "none"]), &["1", "4"]),
        ("no hashes", by_texts(&[]), &[]),
    ];
    for (name, filter, gone) in cases {
        let store = TestStore::new();
        let new = |n: &str| draft(&format!("m {n}"));
        let drafts = [
            MemoryDraft {
                tags: strings(&["a", "b"]),
                ..new("1")
            },
            MemoryDraft {
                tags: strings(&["b"]),
                memory_type: Some("note".into()),
                ..new("2")
            },
            MemoryDraft {
                project: "p".into(),
                ..new("3")
            },
            new("4"),
        ];
        for (place, draft) in (1..).zip(drafts) {
            store.stored_at(NewMemory::parse(draft).unwrap(), place * 10);
        }
        let outcome = store.done(&WriteOp::Delete(filter), 100);
        let hashes = gone.iter().rev().map(|n| hash(&format!("m {n}"))).collect();
        let expected = WriteOutcome::Deleted {
            count: gone.len() as u64,
            hashes,
            part: None,
        };
        assert_eq!(outcome, expected, "by {name}");
        let deleted: Vec<String> = store
            .list_deleted(Filter::default())
            .iter()
            .rev()
            .map(|memory| memory.text[2..].to_owned())
            .collect();
        assert_eq!(deleted, gone, "by {name}");
        assert_eq!(
            store.list(Filter::default()).len(),
            4 - gone.len(),
            "by {name}"
        );
        audit::check(&store);
    }
}

#[test]
fn undelete_brings_back_words_tags_and_vectors() {
    let store = TestStore::new();
    let id = store.stored_at(tagged("a lost fact", &["t"]), 1);
    let vectors: Vec<_> = (3..5)
        .map(|seed| Chance::seeded(seed).unit_vector())
        .collect();
    store.index(&store.get(id), &vectors);
    let before = store.get(id);
    store.done(&WriteOp::Delete(by_texts(&["a lost fact"])), 5);
    assert!(store.texts("lost", SearchMode::Keyword).is_empty());
    assert!(store.texts("lost", SearchMode::Exact).is_empty());
    let by_meaning = || {
        store.search(
            "x",
            SearchMode::Semantic,
            Filter::default(),
            Some(&vectors[1]),
        )
    };
    assert!(by_meaning().is_empty());
    assert_eq!(store.list_deleted(Filter::default())[0].deleted_ms, Some(5));
    audit::check(&store);

    let outcome = store.done(
        &WriteOp::Undelete(vec![hash("a lost fact"), hash("none")].into()),
        6,
    );
    assert_eq!(
        outcome,
        WriteOutcome::Undeleted {
            count: 1,
            part: None
        }
    );
    assert_eq!(store.get(id), before);
    assert_eq!(store.texts("lost", SearchMode::Keyword), ["a lost fact"]);
    assert_eq!(by_meaning().len(), 1, "two chunks are one hit");
    audit::check(&store);
}

#[test]
fn undelete_leaves_a_text_that_was_stored_again() {
    let store = TestStore::new();
    let text = "twice";
    let first = store.stored_at(memory(text), 1);
    store.done(&WriteOp::Delete(by_texts(&[text])), 2);
    let second = store.stored_at(memory(text), 3);
    let undelete = WriteOp::Undelete(vec![hash(text)].into());
    assert_eq!(
        store.done(&undelete, 4),
        WriteOutcome::Undeleted {
            count: 0,
            part: None
        }
    );
    store.done(&WriteOp::Delete(by_texts(&[text])), 5);
    assert_eq!(
        store.done(&undelete, 6),
        WriteOutcome::Undeleted {
            count: 1,
            part: None
        }
    );
    let living: Vec<MemoryId> = store.list(Filter::default()).iter().map(|m| m.id).collect();
    assert_eq!(living, [second], "the one deleted last comes back");
    assert_eq!(store.list_deleted(Filter::default())[0].id, first);
    audit::check(&store);
}

#[test]
fn purge_removes_every_trace() {
    let store = TestStore::new();
    let id = store.stored_at(tagged("a shamefulsecret", &["private"]), 1);
    store.index(&store.get(id), &[Chance::seeded(6).unit_vector()]);
    let changes = Changes::default()
        .with_text("a shamefulsecret, longer")
        .unwrap();
    store.done(
        &WriteOp::Update(hash("a shamefulsecret"), Whose::TheOnly, changes),
        2,
    );
    let now = store.get(id);
    store.index(&now, &[Chance::seeded(7).unit_vector()]);
    let living = WriteOp::Purge(vec![now.content_hash.clone()].into());
    let outcome = store.done(&living, 3);
    assert_eq!(
        outcome,
        WriteOutcome::Purged {
            count: 0,
            part: None
        },
        "only what was deleted can be purged"
    );
    store.done(&WriteOp::Delete(by_texts(&["a shamefulsecret, longer"])), 4);
    assert_eq!(
        store.done(&living, 5),
        WriteOutcome::Purged {
            count: 1,
            part: None
        }
    );
    for table in [
        "memories",
        "memory_tags",
        "memory_vectors",
        "memory_history",
        "memory_words_docsize",
        "memory_vector_bits_rowids",
    ] {
        assert_eq!(
            store.number(&format!("SELECT count(*) FROM {table}")),
            0,
            "{table}"
        );
    }
    // A block of the index stays when its last vector goes.
    for (table, blob) in [("vector_chunks00", "vectors"), ("chunks", "rowids")] {
        let sql = format!(
            "SELECT count(*) FROM memory_vector_bits_{table} WHERE {blob} <> zeroblob(length({blob}))"
        );
        assert_eq!(store.number(&sql), 0, "{table} still has bits of it");
    }
    assert!(store.list_deleted(Filter::default()).is_empty());
    assert_eq!(
        store.done(&WriteOp::Undelete(vec![now.content_hash].into()), 6),
        WriteOutcome::Undeleted {
            count: 0,
            part: None
        }
    );
    audit::check(&store);
    assert_no_trace(store, "shamefulsecret");
}

/// Closes the store, which moves the log into the database, and looks at every byte of it.
pub(crate) fn assert_no_trace(store: TestStore, word: &str) {
    let path = store.database();
    let _folder = store.closed();
    let bytes = std::fs::read(path).unwrap();
    assert!(bytes.len() > 4_096);
    let found = bytes
        .windows(word.len())
        .any(|window| window == word.as_bytes());
    assert!(!found, "`{word}` is still in the file");
}

#[test]
fn thousands_of_hashes_in_one_request_are_no_trouble() {
    let store = TestStore::new();
    store.stored("the one");
    let mut hashes: Vec<ContentHash> = (0..40_000).map(|n| hash(&format!("no {n}"))).collect();
    hashes.push(hash("the one"));
    let delete = WriteOp::Delete(Filter::default().with_hashes(hashes.clone()));
    let outcome = store.done(&delete, 2);
    assert!(
        matches!(outcome, WriteOutcome::Deleted { count: 1, .. }),
        "{outcome:?}"
    );
    // What so many hashes mean is looked for before the lock is had.
    let undelete = WriteOp::Undelete(hashes.into());
    assert_eq!(store.apply(&undelete, &at(3)), Err(Refusal::TooMany));
    assert_eq!(store.in_parts(&undelete, 3).len(), 1);
    assert_eq!(store.list(Filter::default()).len(), 1);
}
