//! Which memory a hash means when several projects have the same text.

use std::collections::HashMap;

use commonplace_store::{
    Applied, Backend, ByHash, Changes, ContentHash, Filter, Mention, Refusal, Whose, WriteOp,
    WriteOutcome,
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

/// The first digits of a hash, as somebody wrote them.
fn start(whole: &ContentHash, digits: usize) -> ContentHash {
    ContentHash::parse(&whole.as_str()[..digits]).unwrap()
}

/// Two texts whose hashes have the first six digits in common.
fn twins() -> [String; 2] {
    let mut seen = HashMap::new();
    for n in 0.. {
        let text = format!("text {n}");
        let six = hash(&text).as_str()[..6].to_owned();
        if let Some(first) = seen.insert(six, text.clone()) {
            return [first, text];
        }
    }
    unreachable!("16.7 million beginnings end")
}

fn by_start(whole: &ContentHash, digits: usize) -> ByHash {
    let hashes = vec![start(whole, digits)];
    let whose = Whose::TheOnly;
    ByHash { hashes, whose }
}

#[test]
fn the_beginning_of_a_hash_names_the_only_memory_that_has_it() {
    for digits in [6, 12, 63] {
        let store = store_with(&["mine"]);
        let short = by_start(&hash(TEXT), digits);
        let retagged = Changes::default().with_type("seen").unwrap();
        let update = WriteOp::Update(short.hashes[0].clone(), own("mine"), retagged);
        assert_eq!(projects(&applied(&store, &update).mentions), ["mine"]);
        let delete = WriteOp::Delete(Filter::default().with_named(short.clone()));
        let counted = store.store.reader().unwrap();
        let count = { counted }.count(&Filter::default().with_named(short.clone()));
        assert_eq!(count.unwrap().unwrap().hashes, [hash(TEXT)]);
        assert_eq!(projects(&applied(&store, &delete).mentions), ["mine"]);
        let restored = applied(&store, &WriteOp::Undelete(short));
        assert_eq!(projects(&restored.mentions), ["mine"]);
        let listed = store.list(Filter::default().with_hashes(vec![start(&hash(TEXT), digits)]));
        assert_eq!(listed.len(), 1);
    }
}

#[test]
fn a_beginning_that_several_have_does_nothing_and_lists_them() {
    let store = TestStore::new();
    let [one, other] = twins();
    store.stored(&one);
    store.stored(&other);
    store.stored("another");
    let short = by_start(&hash(&one), 6);
    let delete = WriteOp::Delete(Filter::default().with_named(short.clone()));
    let changes = Changes::default().with_type("x").unwrap();
    let ops = [
        WriteOp::Update(short.hashes[0].clone(), Whose::TheOnly, changes),
        delete.clone(),
        WriteOp::Undelete(short),
    ];
    for op in &ops {
        let Err(Refusal::SeveralBegin { candidates, .. }) = store.apply(op, &at(9)) else {
            panic!("{op:?}")
        };
        let mut starts: Vec<_> = candidates.iter().map(|one| one.start.as_str()).collect();
        starts.sort_unstable();
        let mut wanted = [one.as_str(), other.as_str()];
        wanted.sort_unstable();
        assert_eq!(starts, wanted);
    }
    assert_eq!(living(&store).len(), 3, "nothing was done");
    // A delete that is repeated with the same digits would otherwise take the other one.
    let whole = ByHash::from(vec![hash(&one)]);
    applied(
        &store,
        &WriteOp::Delete(Filter::default().with_named(whole)),
    );
    assert!(matches!(
        store.apply(&delete, &at(10)),
        Err(Refusal::SeveralBegin { .. })
    ));
    assert_eq!(living(&store).len(), 2);
}

#[test]
fn five_digits_and_a_purge_want_the_whole_hash() {
    let store = store_with(&["a"]);
    let delete = |digits| {
        let short = by_start(&hash(TEXT), digits);
        WriteOp::Delete(Filter::default().with_named(short))
    };
    assert_eq!(applied(&store, &delete(5)).mentions, []);
    applied(&store, &delete(6));
    let purged = applied(&store, &WriteOp::Purge(by_start(&hash(TEXT), 12)));
    assert_eq!(purged.mentions, [], "it cannot be undone");
    assert_eq!(store.list_deleted(Filter::default()).len(), 1);
}

#[test]
fn a_hash_is_read_with_what_is_written_around_it() {
    let whole = hash(TEXT);
    let digits = whole.as_str();
    let table = [
        format!("hash: {digits}"),
        format!("`{digits}`"),
        format!("**Hash:** `{digits}`"),
        format!("sha256:{digits}"),
        format!("content_hash={digits},"),
        format!("\"{digits}\""),
        format!("#{digits}"),
        format!("(hash: {digits})"),
        digits.to_uppercase(),
    ];
    for given in table {
        assert_eq!(ContentHash::parse(&given), Some(whole.clone()), "{given}");
    }
    let short = start(&whole, 8);
    for end in ["…", "...", " …", "`"] {
        let given = format!("Hash {}{end}", short.as_str());
        assert_eq!(ContentHash::parse(&given), Some(short.clone()), "{given}");
    }
    for none in ["", "hash:", "…", "a b", "`` ``"] {
        assert_eq!(ContentHash::parse(none), None, "{none}");
    }
}

#[test]
fn what_hits_nothing_is_told_with_what_may_have_been_meant() {
    let store = store_with(&["a", "b"]);
    let short = |end: usize| {
        let start = start(&hash(TEXT), end);
        let mut reader = store.store.reader().unwrap();
        reader.candidates(&start).unwrap()
    };
    assert_eq!(projects(&short(12)), ["b", "a"]);
    assert_eq!(projects(&short(64)), ["b", "a"]);
    assert_eq!(projects(&short(2)), [""; 0], "too short to tell anything");
    let op = WriteOp::Update(
        start(&hash(TEXT), 4),
        Whose::TheOnly,
        Changes::default().with_type("x").unwrap(),
    );
    assert!(matches!(
        store.apply(&op, &at(9)),
        Err(Refusal::NotFound { .. })
    ));
}
