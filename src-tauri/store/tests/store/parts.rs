//! Writes that concern many memories: what one transaction refuses, and what its parts add up to.

use std::collections::BTreeMap;

use commonplace_store::{
    Applied, ByHash, Changes, CommitSeq, ContentHash, Edit, Filter, IdAct, Ids, MemoryId, Part,
    PartDone, Refusal, TagMatch, WHOLE_MEMORIES_MAX, Whose, WriteOp, WriteOutcome,
};

use crate::audit;
use crate::support::{TestStore, at, hash, in_project, strings, tagged};

const MANY: usize = 1_234;

/// A store with `MANY` memories that have the tag `bulk`, between two that have not.
fn filled() -> TestStore {
    let store = TestStore::new();
    store.stored("stays, and is older");
    store.write(|writer| {
        for n in 0..MANY {
            let op = WriteOp::Store(tagged(&format!("fact {n} of many"), &["bulk"]));
            writer.apply(&op, &at(10)).unwrap().unwrap();
        }
    });
    store.stored("stays, and is newer");
    store
}

fn bulk() -> WriteOp {
    let tags = strings(&["bulk"]);
    WriteOp::Delete(Filter::default().with_tags(&tags, TagMatch::Any).unwrap())
}

fn count(outcome: &WriteOutcome) -> u64 {
    match outcome {
        WriteOutcome::Deleted { count, .. }
        | WriteOutcome::Undeleted { count, .. }
        | WriteOutcome::Purged { count, .. } => *count,
        other => panic!("{other:?}"),
    }
}

// Deleting 51,000 memories in one transaction held the write lock for minutes, and everybody else was refused.
// Nothing bounded what one write may take from the lock.
#[test]
fn a_write_of_too_many_is_refused_whole_and_done_in_parts() {
    let store = filled();
    assert_eq!(store.apply(&bulk(), &at(20)), Err(Refusal::TooMany));
    let few: Vec<_> = (0..WHOLE_MEMORIES_MAX + 1)
        .map(|n| hash(&format!("fact {n} of many")))
        .collect();
    let by_hash = WriteOp::Delete(Filter::default().with_hashes(few.clone()));
    assert_eq!(store.apply(&by_hash, &at(20)), Err(Refusal::TooMany));
    let ids = Ids::parse((1..=30).map(MemoryId).collect()).unwrap();
    let by_ids = WriteOp::ByIds(IdAct::Delete, ids);
    assert_eq!(store.apply(&by_ids, &at(20)), Err(Refusal::TooMany));

    let parts = store.in_parts(&bulk(), 20);
    assert!(parts.len() > 2, "{} parts", parts.len());
    let deleted: u64 = parts.iter().map(|part| count(&part.outcome)).sum();
    assert_eq!(deleted, MANY as u64);
    let acts: Vec<_> = parts
        .iter()
        .map(|part| part.outcome.part().unwrap().act)
        .collect();
    assert!(acts.iter().all(|act| *act == parts[0].seq), "{acts:?}");
    assert_eq!(store.list(Filter::default()).len(), 2);
    audit::check(&store);

    for refused in [
        WriteOp::Undelete(few.clone().into()),
        WriteOp::Purge(few.into()),
    ] {
        assert_eq!(store.apply(&refused, &at(30)), Err(Refusal::TooMany));
        let parts = store.in_parts(&refused, 32);
        let did: u64 = parts.iter().map(|part| count(&part.outcome)).sum();
        assert_eq!(did, WHOLE_MEMORIES_MAX as u64 + 1, "{refused:?}");
        audit::check(&store);
        store.in_parts(&bulk(), 33);
    }
}

#[test]
fn many_long_texts_are_too_much_for_one_transaction_and_one_is_not() {
    let store = TestStore::new();
    let long = |n: usize| format!("{n} {}", "many words that are long ".repeat(1_000));
    for n in 0..2 {
        store.stored(&long(n));
    }
    let delete = |hashes| WriteOp::Delete(Filter::default().with_hashes(hashes));
    let both = delete(vec![hash(&long(0)), hash(&long(1))]);
    assert_eq!(store.apply(&both, &at(2)), Err(Refusal::TooMany));
    assert_eq!(count(&store.done(&delete(vec![hash(&long(0))]), 2)), 1);
}

#[test]
fn undoing_a_delete_brings_back_all_its_parts_and_nothing_else() {
    let store = filled();
    let other = store.done(
        &WriteOp::Delete(Filter::default().with_hashes(vec![hash("fact 7 of many")])),
        15,
    );
    assert_eq!(count(&other), 1);
    let parts = store.in_parts(&bulk(), 20);
    let act = parts[0].outcome.part().unwrap().act;
    // Brought back and deleted again by somebody else: that is not this act's any more.
    let one = vec![hash("fact 8 of many")];
    store.done(&WriteOp::Undelete(one.clone().into()), 25);
    store.done(&WriteOp::Delete(Filter::default().with_hashes(one)), 26);

    let undone = store.in_parts(&WriteOp::UndoDelete(act), 30);
    let undone: u64 = undone.iter().map(|part| count(&part.outcome)).sum();
    assert_eq!(undone, MANY as u64 - 2);
    assert_eq!(store.list(Filter::default()).len(), MANY);
    for (act, found) in [(2, Some("store")), (1_000_000, None)] {
        let act = CommitSeq(act);
        let refused = store.choose(&WriteOp::UndoDelete(act), None);
        let found = found.map(str::to_owned);
        assert_eq!(refused.unwrap_err(), Refusal::NoDelete { act, found });
    }
    audit::check(&store);
}

#[test]
fn a_part_leaves_alone_what_does_not_pass_any_more() {
    let store = filled();
    let chosen = store.chosen(&bulk()).ids;
    let changes = Changes::default().with_tags(&strings(&["kept"])).unwrap();
    store.done(
        &WriteOp::Update(hash("fact 0 of many"), Whose::TheOnly, changes),
        15,
    );
    let part = Part {
        whole: bulk(),
        ids: chosen[..3].to_vec(),
        projects: BTreeMap::new(),
        up_to: chosen[chosen.len() - 1],
        act: None,
        done: 0,
        of: chosen.len() as u64,
    };
    let outcome = store.done(&WriteOp::Part(Box::new(part)), 20);
    assert_eq!(count(&outcome), 2, "{outcome:?}");
    assert_eq!(outcome.part().unwrap().done, 3, "it is behind all the same");
    audit::check(&store);
}

#[test]
fn a_later_try_goes_on_behind_what_was_reached_and_leaves_newer_memories_alone() {
    let store = filled();
    let chosen = store.chosen(&bulk()).ids;
    store.stored_at(tagged("newer, with the tag", &["bulk"]), 15);
    let back = ByHash::from(vec![hash("fact 20 of many")]);
    store.done(&delete(back.clone()), 16);
    store.done(&WriteOp::Undelete(back), 17);
    let before = reached(chosen[9], chosen[MANY - 1], CommitSeq(1));
    let rest = store.choose(&bulk(), Some(&before)).unwrap();
    let left = [&chosen[10..20], &chosen[21..]].concat();
    assert_eq!(rest.ids, left, "nor what somebody restored since");
    let ids: Vec<_> = [5, 3, 9].map(MemoryId).into();
    let by_ids = WriteOp::ByIds(IdAct::Delete, Ids::parse(ids.clone()).unwrap());
    assert_eq!(store.chosen(&by_ids).ids, ids);
    let before = reached(MemoryId(3), MemoryId(9), CommitSeq(1));
    let rest = store.choose(&by_ids, Some(&before)).unwrap();
    assert_eq!(rest.ids, ids[2..]);
}

fn reached(reached: MemoryId, up_to: MemoryId, act: CommitSeq) -> PartDone {
    PartDone {
        act,
        reached,
        up_to,
        done: 10,
        of: MANY as u64,
    }
}

/// More than one transaction takes.
const SOME: usize = WHOLE_MEMORIES_MAX + 5;

fn text(n: usize) -> String {
    format!("text {n} that projects share")
}

/// A store with the same texts in each of `projects`.
fn shared_by(projects: &[&str]) -> TestStore {
    let store = TestStore::new();
    for project in projects {
        for n in 0..SOME {
            store.stored_at(in_project(&text(n), project), 10);
        }
    }
    store
}

fn all_of(whose: Whose) -> ByHash {
    let hashes = (0..SOME).map(|n| hash(&text(n))).collect();
    ByHash { hashes, whose }
}

fn of(project: &str) -> Whose {
    Whose::Of(project.to_owned())
}

fn own(project: &str) -> Whose {
    Whose::FirstOf(project.to_owned())
}

fn delete(named: ByHash) -> WriteOp {
    WriteOp::Delete(Filter::default().with_named(named))
}

/// How many live and how many are deleted in a project.
fn counts(store: &TestStore, project: &str) -> (usize, usize) {
    let filter = || Filter::default().with_project(project).unwrap();
    (
        store.list(filter()).len(),
        store.list_deleted(filter()).len(),
    )
}

fn sum(parts: &[Applied]) -> u64 {
    parts.iter().map(|part| count(&part.outcome)).sum()
}

fn id_of(store: &TestStore, project: &str, hash: &ContentHash) -> MemoryId {
    let filter = Filter::default().with_project(project).unwrap();
    let found = store.list(filter).into_iter();
    let mut with_hash = found.filter(|memory| memory.content_hash == *hash);
    with_hash.next().expect("it lives there").id
}

fn move_to(store: &TestStore, id: MemoryId, project: &str) {
    let changes = Changes::default().with_project(project).unwrap();
    let edit = Edit {
        id,
        seen_ms: None,
        changes,
    };
    store.done(&WriteOp::Edit(edit), 16);
}

#[test]
fn a_write_in_parts_takes_shortened_hashes_too() {
    let store = shared_by(&["a"]);
    let short = |hash: &ContentHash| ContentHash::parse(&hash.as_str()[..12]).unwrap();
    let mut named = all_of(Whose::TheOnly);
    named.hashes = named.hashes.iter().map(short).collect();
    let deleted = store.in_parts(&delete(named.clone()), 20);
    assert_eq!(sum(&deleted), SOME as u64);
    let restored = store.in_parts(&WriteOp::Undelete(named.clone()), 30);
    assert_eq!(sum(&restored), SOME as u64);
    store.in_parts(&delete(named.clone()), 40);
    let purged = store.in_parts(&WriteOp::Purge(named), 50);
    assert_eq!(sum(&purged), 0, "a purge wants the whole hash");
}

#[test]
fn many_hashes_that_may_mean_two_projects_change_nothing_until_it_is_said_which() {
    let store = shared_by(&["a", "b"]);
    let refused = |op: &WriteOp| {
        // What so many hashes mean is not looked up under the lock.
        assert_eq!(store.apply(op, &at(20)), Err(Refusal::TooMany), "{op:?}");
        let chosen = store.choose(op, None);
        assert!(
            matches!(chosen, Err(Refusal::Ambiguous { .. })),
            "{chosen:?}"
        );
    };
    for whose in [Whose::TheOnly, own("mine")] {
        refused(&delete(all_of(whose)));
    }
    assert_eq!(counts(&store, "a"), (SOME, 0));
    for project in ["a", "b"] {
        assert_eq!(
            sum(&store.in_parts(&delete(all_of(of(project))), 20)),
            SOME as u64
        );
    }
    for whose in [Whose::TheOnly, own("mine")] {
        refused(&WriteOp::Undelete(all_of(whose.clone())));
        refused(&WriteOp::Purge(all_of(whose)));
    }
    assert_eq!(counts(&store, "a"), (0, SOME));
    assert_eq!(counts(&store, "b"), (0, SOME));

    let undone = store.in_parts(&WriteOp::Undelete(all_of(own("a"))), 30);
    assert_eq!(sum(&undone), SOME as u64);
    assert_eq!(counts(&store, "a"), (SOME, 0));
    assert_eq!(counts(&store, "b"), (0, SOME), "it was not meant");
    let purged = store.in_parts(&WriteOp::Purge(all_of(of("b"))), 30);
    assert_eq!(sum(&purged), SOME as u64);
    assert_eq!(counts(&store, "a"), (SOME, 0));
    assert_eq!(counts(&store, "b"), (0, 0));
    audit::check(&store);
}

// A part looked only at the hash again: what had moved to another project meanwhile was deleted there.
#[test]
fn a_memory_that_moves_before_its_part_comes_is_left_alone() {
    for whose in [of("mine"), own("mine"), Whose::TheOnly] {
        let store = shared_by(&["mine"]);
        let op = delete(all_of(whose));
        let chosen = store.chosen(&op);
        move_to(&store, chosen.ids[3], "other");
        let parts = store.parts_of(&op, chosen, 20);
        assert_eq!(sum(&parts), SOME as u64 - 1, "{op:?}");
        assert_eq!(counts(&store, "other"), (1, 0), "{op:?}");
        audit::check(&store);
    }
}

#[test]
fn a_deleted_memory_that_comes_back_and_goes_elsewhere_is_not_what_was_chosen() {
    for act in [WriteOp::Undelete, WriteOp::Purge] {
        let store = shared_by(&["mine"]);
        store.in_parts(&delete(all_of(of("mine"))), 11);
        let op = act(all_of(own("mine")));
        let chosen = store.chosen(&op);
        let one = |project: &str| ByHash {
            hashes: vec![hash(&text(3))],
            whose: of(project),
        };
        store.done(&WriteOp::Undelete(one("mine")), 15);
        move_to(&store, id_of(&store, "mine", &hash(&text(3))), "other");
        store.done(&delete(one("other")), 17);
        let parts = store.parts_of(&op, chosen, 20);
        assert_eq!(sum(&parts), SOME as u64 - 1, "{op:?}");
        assert_eq!(counts(&store, "other"), (0, 1), "{op:?}");
        audit::check(&store);
    }
}

#[test]
fn undoing_a_delete_leaves_alone_what_somebody_else_deletes_before_its_part() {
    let store = shared_by(&["mine"]);
    let deleted = store.in_parts(&delete(all_of(of("mine"))), 11);
    let undo = WriteOp::UndoDelete(deleted[0].seq);
    let chosen = store.chosen(&undo);
    assert_eq!(chosen.ids.len(), SOME);
    let one = ByHash {
        hashes: vec![hash(&text(3))],
        whose: of("mine"),
    };
    store.done(&WriteOp::Undelete(one.clone()), 15);
    store.done(&delete(one), 15);
    assert_eq!(sum(&store.parts_of(&undo, chosen, 20)), SOME as u64 - 1);
    assert_eq!(counts(&store, "mine"), (SOME - 1, 1));
}

// What is gone permanently cannot say any more that a hash meant the own project.
#[test]
fn a_purge_that_is_asked_again_reaches_into_no_other_project_and_takes_nothing_newer() {
    let store = shared_by(&["mine", "b"]);
    for project in ["mine", "b"] {
        store.in_parts(&delete(all_of(of(project))), 11);
    }
    let op = WriteOp::Purge(all_of(own("mine")));
    let chosen = store.chosen(&op);
    let mut first = chosen.clone();
    first.ids.truncate(10);
    let part = Part {
        whole: op.clone(),
        ids: first.ids,
        projects: first.projects,
        up_to: chosen.ids[SOME - 1],
        act: None,
        done: 0,
        of: SOME as u64,
    };
    let begun = store.done(&WriteOp::Part(Box::new(part)), 20);
    assert_eq!(count(&begun), 10);
    // Asked for before, as its clock says, and committed after.
    store.stored_at(in_project(&text(0), "mine"), 18);
    let newer = ByHash {
        hashes: vec![hash(&text(0))],
        whose: of("mine"),
    };
    store.done(&delete(newer), 19);
    let rest = store.choose(&op, begun.part()).unwrap();
    assert_eq!(rest.ids, chosen.ids[10..]);
    assert_eq!(sum(&store.parts_of(&op, rest, 23)), SOME as u64 - 10);
    assert_eq!(counts(&store, "b"), (0, SOME), "they were not meant");
    assert_eq!(counts(&store, "mine"), (0, 1), "it was deleted later");
    audit::check(&store);
}
