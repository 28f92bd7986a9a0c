//! Which memory a hash means when several projects have the same text.

use commonplace_store::{
    Applied, Backend, ByHash, Changes, Filter, Mention, Refusal, Whose, WriteOp, WriteOutcome,
};

use crate::support::{TestStore, at, hash, in_project};

const TEXT: &str = "Run the tests\n\twith nextest";

fn named(whose: Whose) -> ByHash {
    let hashes = vec![hash(TEXT)];
    ByHash { hashes, whose }
}

fn own(project: &str) -> Whose {
    Whose::FirstOf(project.to_owned())
}

fn of(project: &str) -> Whose {
    Whose::Of(project.to_owned())
}

fn delete(whose: Whose) -> WriteOp {
    WriteOp::Delete(Filter::default().with_named(named(whose)))
}

/// A store in which these projects have the text.
fn store_with(projects: &[&str]) -> TestStore {
    let store = TestStore::new();
    for (n, project) in projects.iter().enumerate() {
        store.stored_at(in_project(TEXT, project), 1 + n as i64);
    }
    store
}

fn projects(mentions: &[Mention]) -> Vec<&str> {
    mentions
        .iter()
        .map(|mention| mention.project.as_str())
        .collect()
}

/// Projects whose memory lives.
fn living(store: &TestStore) -> Vec<String> {
    let living = store.list(Filter::default());
    living.into_iter().map(|memory| memory.project).collect()
}

fn applied(store: &TestStore, op: &WriteOp) -> Applied {
    store.apply(op, &at(100)).unwrap()
}

fn candidates(refused: Result<Applied, Refusal>) -> Vec<String> {
    match refused {
        Err(Refusal::Ambiguous { candidates, .. }) => {
            let projects = candidates.into_iter().map(|candidate| candidate.project);
            projects.collect()
        }
        other => panic!("{other:?}"),
    }
}

// An update by hash changed the newest memory with that hash, in whatever project; a delete took it from all of them.
#[test]
fn an_act_by_hash_hits_the_own_project_and_no_other() {
    let store = store_with(&["mine", "b", ""]);
    let retagged = Changes::default().with_type("seen").unwrap();
    let done = applied(&store, &WriteOp::Update(hash(TEXT), own("mine"), retagged));
    assert_eq!(projects(&done.mentions), ["mine"]);
    let done = applied(&store, &delete(own("mine")));
    assert_eq!(projects(&done.mentions), ["mine"]);
    assert_eq!(living(&store), ["", "b"]);
    applied(&store, &delete(of("b")));
    let done = applied(&store, &WriteOp::Undelete(named(own("mine"))));
    assert_eq!(projects(&done.mentions), ["mine"], "not that of `b`");
    applied(&store, &delete(own("mine")));
    let done = applied(&store, &WriteOp::Purge(named(own("mine"))));
    assert_eq!(projects(&done.mentions), ["mine"]);
    let left = store.list_deleted(Filter::default());
    assert_eq!((left.len(), left[0].project.as_str()), (1, "b"));
    let seen = store.list(Filter::default());
    assert!(seen.iter().all(|memory| memory.memory_type.is_none()));
}

#[test]
fn deleting_twice_does_not_reach_into_another_project() {
    let store = store_with(&["mine", "b"]);
    applied(&store, &delete(own("mine")));
    let again = applied(&store, &delete(own("mine")));
    let none = WriteOutcome::Deleted {
        count: 0,
        hashes: vec![],
        part: None,
    };
    assert_eq!((again.outcome, again.mentions), (none, vec![]));
    assert_eq!(living(&store), ["b"]);
}

#[test]
fn the_only_memory_with_a_hash_is_hit_wherever_it_is_and_named() {
    let store = store_with(&["b"]);
    let counted = store.store.reader().unwrap();
    let count = { counted }.count(&Filter::default().with_named(named(own("mine"))));
    assert_eq!(projects(&count.unwrap().unwrap().mentions), ["b"]);
    let done = applied(&store, &delete(own("mine")));
    let mention = Mention {
        content_hash: hash(TEXT),
        project: "b".to_owned(),
        start: "Run the tests with nextest".to_owned(),
        created_ms: 1,
        deleted_ms: None,
    };
    assert_eq!(done.mentions, [mention]);
}

#[test]
fn two_projects_neither_of_them_the_own_one_are_refused_with_both() {
    let store = store_with(&["a", "b"]);
    let changes = Changes::default().with_type("x").unwrap();
    let filter = Filter::default().with_named(named(own("mine")));
    let counted = store.store.reader().unwrap().count(&filter).unwrap();
    assert!(
        matches!(counted, Err(Refusal::Ambiguous { .. })),
        "a dry run says it too"
    );
    let others = [
        WriteOp::Update(hash(TEXT), own("mine"), changes),
        delete(Whose::TheOnly),
    ];
    for op in &others {
        assert_eq!(candidates(store.apply(op, &at(9))), ["b", "a"], "{op:?}");
    }
    assert_eq!(living(&store), ["b", "a"], "nothing was done");
    applied(&store, &delete(of("a")));
    applied(&store, &delete(of("b")));
    for op in [
        WriteOp::Undelete(named(own("mine"))),
        WriteOp::Purge(named(own("mine"))),
    ] {
        assert_eq!(candidates(store.apply(&op, &at(9))), ["b", "a"], "{op:?}");
    }
    let said = store
        .apply(&WriteOp::Purge(named(own("mine"))), &at(9))
        .unwrap_err();
    assert!(
        said.to_string()
            .contains("in `a` `Run the tests with nextest`"),
        "{said}"
    );
    applied(&store, &WriteOp::Undelete(named(of("a"))));
    assert_eq!(living(&store), ["a"]);
}

#[test]
fn one_hash_that_is_not_clear_stops_all_of_the_request() {
    let store = store_with(&["a", "b"]);
    store.stored("another");
    let hashes = vec![hash("another"), hash(TEXT)];
    let whose = Whose::TheOnly;
    let op = WriteOp::Delete(Filter::default().with_named(ByHash { hashes, whose }));
    assert_eq!(candidates(store.apply(&op, &at(9))).len(), 2);
    assert_eq!(living(&store).len(), 3);
}

#[test]
fn what_hits_nothing_is_told_with_what_may_have_been_meant() {
    let store = store_with(&["a", "b"]);
    let short = |end: usize| {
        let whole = hash(TEXT);
        let start = commonplace_store::ContentHash::parse(&whole.as_str()[..end]).unwrap();
        let mut reader = store.store.reader().unwrap();
        reader.candidates(&start).unwrap()
    };
    assert_eq!(projects(&short(12)), ["b", "a"]);
    assert_eq!(projects(&short(64)), ["b", "a"]);
    assert_eq!(projects(&short(2)), [""; 0], "too short to tell anything");
    let start = commonplace_store::ContentHash::parse(&hash(TEXT).as_str()[..12]).unwrap();
    let op = WriteOp::Update(
        start,
        Whose::TheOnly,
        Changes::default().with_type("x").unwrap(),
    );
    assert!(matches!(
        store.apply(&op, &at(9)),
        Err(Refusal::NotFound { .. })
    ));
}
