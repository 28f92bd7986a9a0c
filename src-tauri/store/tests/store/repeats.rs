//! `op_id`: asking twice does the work once.

use commonplace_store::{
    Applied, CommitSeq, Filter, MemoryDraft, NewMemory, OpId, Provenance, Refusal, Stamp, Whose,
    WriteOp, WriteOutcome,
};

use crate::audit;
use crate::support::{TestStore, at, by_texts, draft, hash, memory, with_op_id};

#[test]
fn a_repeated_write_gets_the_first_answer_and_does_nothing() {
    let store = TestStore::new();
    let op = WriteOp::Store(memory("once"));
    let first = store.apply(&op, &with_op_id("a-1")).unwrap();
    assert!(!first.is_repeat);
    store.done(&WriteOp::Delete(by_texts(&["once"])), 2);
    let again = store.apply(&op, &with_op_id("a-1")).unwrap();
    let expected = Applied {
        is_repeat: true,
        ..first.clone()
    };
    assert_eq!(
        again, expected,
        "not stored again, although it was deleted since"
    );
    assert!(store.list(Filter::default()).is_empty());
    assert_eq!(store.number("SELECT count(*) FROM commit_log"), 2);

    let store = store.reopened();
    assert_eq!(
        store.apply(&op, &with_op_id("a-1")).unwrap(),
        expected,
        "it is remembered on disk"
    );
    audit::check(&store);
}

#[test]
fn every_kind_of_outcome_is_remembered() {
    let store = TestStore::new();
    store.stored("old");
    let changes = || commonplace_store::Changes::default();
    let ops = [
        WriteOp::Store(memory("new")),
        WriteOp::Store(memory("old")),
        WriteOp::Update(
            hash("new"),
            Whose::TheOnly,
            changes().with_text("newer").unwrap(),
        ),
        WriteOp::Delete(by_texts(&["newer"])),
        WriteOp::Undelete(vec![hash("newer")].into()),
        WriteOp::Delete(by_texts(&["old"])),
        WriteOp::Purge(vec![hash("old")].into()),
        WriteOp::PutVectors(Vec::new()),
    ];
    let ask = |n: usize| {
        store
            .apply(&ops[n], &with_op_id(&format!("op-{n}")))
            .unwrap()
    };
    let first: Vec<Applied> = (0..ops.len()).map(ask).collect();
    let again: Vec<Applied> = (0..ops.len()).map(ask).collect();
    for (first, again) in first.iter().zip(&again) {
        assert!(!first.is_repeat && again.is_repeat);
        assert_eq!((first.seq, &first.outcome), (again.seq, &again.outcome));
    }
    assert!(matches!(
        first[1].outcome,
        WriteOutcome::AlreadyStored { .. }
    ));
    audit::check(&store);
}

#[test]
fn one_op_id_stands_for_one_write() {
    let store = TestStore::new();
    let stamp = with_op_id("a-1");
    store.apply(&WriteOp::Store(memory("one")), &stamp).unwrap();
    let others = [
        WriteOp::Store(memory("two")),
        WriteOp::Delete(by_texts(&["one"])),
    ];
    for other in others {
        let expected = Refusal::OpIdTaken {
            op_id: "a-1".into(),
            kind: "store".into(),
        };
        assert_eq!(store.apply(&other, &stamp), Err(expected));
    }
    assert_eq!(store.list(Filter::default()).len(), 1);
    assert_eq!(store.number("SELECT count(*) FROM commit_log"), 1);
}

#[test]
fn a_repeat_inside_one_transaction_counts_too() {
    let store = TestStore::new();
    let op = WriteOp::Store(memory("once"));
    let (first, again) = store.write(|writer| {
        let stamp = with_op_id("a-1");
        let mut ask = || writer.apply(&op, &stamp).unwrap().unwrap();
        (ask(), ask())
    });
    assert_eq!(first.seq, CommitSeq(1));
    assert!(again.is_repeat && again.seq == first.seq);
}

/// A client that lost its connection asks again from a new session: the same write, from somebody else on paper.
#[test]
fn a_repeat_from_a_new_session_is_still_the_same_write() {
    let store = TestStore::new();
    let from_session = |session: &str| {
        let provenance = Provenance {
            client: "claude-code".into(),
            session: Some(session.into()),
            ..Provenance::default()
        };
        let draft = MemoryDraft {
            provenance: provenance.clone(),
            ..draft("once")
        };
        let stamp = Stamp {
            op_id: OpId::parse("a-1"),
            provenance,
            ..at(1)
        };
        let op = WriteOp::Store(NewMemory::parse(draft).unwrap());
        store.apply(&op, &stamp)
    };
    from_session("s-1").unwrap();
    let again = from_session("s-2").unwrap();
    assert!(again.is_repeat, "{again:?}");
}

#[test]
fn a_refused_write_leaves_its_op_id_free() {
    let store = TestStore::new();
    let changes = commonplace_store::Changes::default()
        .with_type("x")
        .unwrap();
    let update = WriteOp::Update(hash("later"), Whose::TheOnly, changes);
    let stamp = with_op_id("a-1");
    assert!(store.apply(&update, &stamp).is_err());
    store.stored("later");
    assert!(!store.apply(&update, &stamp).unwrap().is_repeat);
}

#[test]
fn an_op_id_is_short_and_visible() {
    for bad in ["", " ", "a b", "ä", "a\n", &"x".repeat(129)] {
        assert_eq!(OpId::parse(bad), None, "{bad:?}");
    }
    assert!(OpId::parse(&"x".repeat(128)).is_some());
}
