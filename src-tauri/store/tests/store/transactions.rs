//! Savepoints, dropped transactions, the commit log.

use commonplace_store::{
    Backend, Changes, CommitSeq, Epoch, Filter, Refusal, SearchMode, Whose, WriteOp, Writer,
};

use crate::audit;
use crate::support::{Chance, TestStore, at, by_texts, hash, indexed, memory};

#[test]
fn a_refused_request_leaves_no_trace_and_its_neighbours_are_kept() {
    let store = TestStore::new();
    store.stored("taken");
    let id = store.stored("untouched words");
    store.index(&store.get(id), &[Chance::seeded(1).unit_vector()]);
    let before = store.get(id);
    let take = Changes::default().with_text("Taken").unwrap();
    let answers = store.write(|writer| {
        [
            WriteOp::Store(memory("before")),
            WriteOp::Update(hash("untouched words"), Whose::TheOnly, take),
            WriteOp::Update(
                hash("none"),
                Whose::TheOnly,
                Changes::default().with_type("x").unwrap(),
            ),
            WriteOp::Store(memory("after")),
        ]
        .map(|op| writer.apply(&op, &at(9)).unwrap())
    });
    assert_eq!(
        answers[1],
        Err(Refusal::TextTaken {
            hash: hash("taken")
        })
    );
    assert_eq!(answers[2], Err(Refusal::NotFound { hash: hash("none") }));
    let seqs: Vec<CommitSeq> = answers
        .iter()
        .flatten()
        .map(|applied| applied.seq)
        .collect();
    assert_eq!(
        seqs,
        [CommitSeq(4), CommitSeq(5)],
        "refused ones take no number"
    );
    assert_eq!(store.get(id), before);
    assert_eq!(
        store.texts("untouched", SearchMode::Keyword),
        ["untouched words"]
    );
    assert_eq!(store.number("SELECT count(*) FROM memory_history"), 0);
    assert_eq!(store.list(by_texts(&["before", "after"])).len(), 2);
    audit::check(&store);
}

#[test]
fn a_dropped_transaction_undoes_everything() {
    let store = TestStore::new();
    let id = store.stored("stays");
    let vectors = [Chance::seeded(2).unit_vector()];
    store.index(&store.get(id), &vectors);
    let before = store.list(Filter::default());
    let lock = store.lock();
    let mut writer = store.store.begin_write(&lock).unwrap();
    let dropped = [
        WriteOp::Store(memory("goes")),
        WriteOp::PutVectors(vec![indexed(&before[0], &[])]),
        WriteOp::Update(
            hash("stays"),
            Whose::TheOnly,
            Changes::default().with_text("new").unwrap(),
        ),
        WriteOp::Delete(Filter::default()),
    ];
    for op in &dropped {
        writer.apply(op, &at(2)).unwrap().unwrap();
    }
    drop(writer);
    drop(lock);
    assert_eq!(store.list(Filter::default()), before);
    let hits = store.search(
        "stays",
        SearchMode::Hybrid,
        Filter::default(),
        Some(&vectors[0]),
    );
    assert_eq!(
        (hits[0].keyword_rank, hits[0].semantic_rank),
        (Some(1), Some(1))
    );
    assert_eq!(store.number("SELECT count(*) FROM commit_log"), 2);
    audit::check(&store);
    let applied = store
        .apply(&WriteOp::Store(memory("next")), &at(3))
        .unwrap();
    assert_eq!(
        applied.seq,
        CommitSeq(3),
        "numbers of undone writes are used again"
    );
}

#[test]
fn an_empty_transaction_leaves_no_row() {
    let store = TestStore::new();
    store.write(|_| ());
    assert_eq!(store.number("SELECT count(*) FROM commit_log"), 0);
}

#[test]
fn the_commit_log_names_who_and_when() {
    let store = TestStore::new();
    let mut stamp = at(42);
    stamp.provenance.client = "claude-7".into();
    store.apply(&WriteOp::Store(memory("a")), &stamp).unwrap();
    let row = store
        .plain()
        .query_row(
            "SELECT seq, epoch, kind, client, at_ms FROM commit_log",
            [],
            |row| {
                let (seq, epoch): (i64, i64) = (row.get(0)?, row.get(1)?);
                let (kind, client): (String, String) = (row.get(2)?, row.get(3)?);
                Ok((seq, epoch, kind, client, row.get::<_, i64>(4)?))
            },
        )
        .unwrap();
    assert_eq!(row, (1, 1, "store".into(), "claude-7".into(), 42));
}

#[test]
fn one_instance_keeps_its_epoch() {
    let store = TestStore::new();
    let epochs = [(); 3].map(|()| store.write(|writer: &mut dyn Writer| writer.epoch()));
    assert_eq!(epochs, [Epoch(1); 3]);
}
