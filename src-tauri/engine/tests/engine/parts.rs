//! Writes that concern many memories: others get their turn in between, and the answer says truly what was done.

use std::time::Duration;

use commonplace_api::locks::Progress;
use commonplace_engine::{
    Acknowledged, Changes, CommitSeq, ContentHash, Edit, Engine, Filter, MemoryDraft, NewMemory,
    OpId, PartsProgress, RequestError, TagMatch, WhyUnfinished, WriteOp, WriteOptions,
    WriteOutcome,
};
use commonplace_lock::{Locks, Wait};
use commonplace_testing::{identity, purpose};
use tempfile::TempDir;

use crate::support::{
    HANG, ask, hold_lock, locks_dir, opened, origin, store, total, within, write,
};

/// More than one part takes.
const MANY: usize = 600;

async fn filled() -> (TempDir, Engine) {
    let (dir, engine) = opened();
    fill(&engine).await;
    (dir, engine)
}

async fn fill(engine: &Engine) {
    let ask = |n| ask(engine, store(&format!("fact {n} of many")));
    let asked: Vec<_> = (0..MANY).map(ask).collect();
    for one in asked {
        one.await.unwrap().unwrap();
    }
}

fn all() -> WriteOp {
    let filter = Filter::default().with_created(Some(0), None);
    WriteOp::Delete(filter)
}

fn named(op_id: &str) -> WriteOptions {
    WriteOptions {
        op_id: OpId::parse(op_id),
        deadline: None,
    }
}

fn deleted(done: &Acknowledged) -> u64 {
    match &done.applied.outcome {
        WriteOutcome::Deleted { count, .. } | WriteOutcome::Undeleted { count, .. } => *count,
        other => panic!("{other:?}"),
    }
}

// One delete of 51,000 memories kept the lock until all were done, and every other instance was refused meanwhile.
#[tokio::test]
async fn the_lock_goes_back_between_the_parts_of_a_large_delete() {
    let (dir, engine) = filled().await;
    let other = Locks::open(&locks_dir(&dir), identity("another")).unwrap();
    let mut seen = Vec::new();
    let mut report = |at: PartsProgress| {
        let lock = other.acquire_write(&purpose("somebody"), Wait::up_to(HANG));
        lock.expect("somebody else gets the lock between two parts")
            .release();
        assert_eq!(at.of, MANY as u64, "{at:?}");
        seen.push(at.done);
        true
    };
    let done = engine
        .write_in_parts(&origin(), all(), WriteOptions::default(), &mut report)
        .await
        .unwrap();
    assert_eq!(deleted(&done), MANY as u64);
    assert!(done.unfinished.is_none());
    assert!(seen.len() > 1 && seen.is_sorted(), "{seen:?}");
    assert_eq!(total(&engine).await, 0);

    let undo = WriteOp::UndoDelete(done.act());
    let undone = write(&engine, undo).await;
    assert_eq!(deleted(&undone.unwrap()), MANY as u64);
    assert_eq!(total(&engine).await, MANY as u64);
}

#[tokio::test]
async fn a_delete_that_is_ended_says_how_far_it_came_and_goes_on_when_asked_again() {
    let (_dir, engine) = filled().await;
    let done = engine
        .write_in_parts(&origin(), all(), named("a"), &mut |_| false)
        .await
        .unwrap();
    let rest = done.unfinished.as_ref().unwrap();
    assert!(matches!(rest.why, WhyUnfinished::Ended), "{rest}");
    assert_eq!(rest.progress.done, deleted(&done));
    assert_eq!(rest.progress.of, MANY as u64);
    let left = MANY as u64 - deleted(&done);
    assert_eq!(total(&engine).await, left);
    let words = format!(
        "done with {} of {MANY}; the other {left} were not touched",
        deleted(&done)
    );
    assert!(rest.to_string().contains(&words), "{rest}");

    // What came later is not its business, also when the rest is done later.
    let later = store("stored after the delete was asked for");
    write(&engine, later).await.unwrap();
    let all_of_it = engine.write(&origin(), all(), named("a")).await.unwrap();
    assert_eq!(deleted(&all_of_it), MANY as u64, "both tries together");
    assert_eq!(all_of_it.act(), done.act());
    assert_eq!(total(&engine).await, 1);

    let undo = WriteOp::UndoDelete(done.act());
    write(&engine, undo).await.unwrap();
    let again = engine.write(&origin(), all(), named("a")).await.unwrap();
    assert_eq!(deleted(&again), MANY as u64, "the same answer");
    assert_eq!(
        total(&engine).await,
        MANY as u64 + 1,
        "and nothing was done again"
    );
}

#[tokio::test]
async fn a_later_try_that_is_refused_says_what_is_left_and_not_to_try_again() {
    let (_dir, engine) = filled().await;
    let draft = MemoryDraft {
        text: "of another project".to_owned(),
        project: "b".to_owned(),
        ..MemoryDraft::default()
    };
    let other = write(&engine, WriteOp::Store(NewMemory::parse(draft).unwrap()));
    let WriteOutcome::Stored { id, .. } = other.await.unwrap().applied.outcome else {
        panic!("it is new")
    };
    write(&engine, store("the last")).await.unwrap();
    let texts = (0..MANY).map(|n| format!("fact {n} of many"));
    let hashes: Vec<_> = texts
        .chain(["the last".to_owned()])
        .map(|text| ContentHash::of(&text))
        .collect();
    let delete = || WriteOp::Delete(Filter::default().with_named(hashes.clone().into()));
    let begun = engine
        .write_in_parts(&origin(), delete(), named("a"), &mut |_| false)
        .await
        .unwrap();

    // Now the last hash may mean a memory of either project.
    let edit = Edit {
        id,
        seen_ms: None,
        changes: Changes::default().with_text("the last").unwrap(),
    };
    write(&engine, WriteOp::Edit(edit)).await.unwrap();
    let again = engine.write(&origin(), delete(), named("a")).await.unwrap();
    let rest = again.unfinished.as_ref().expect("it was refused");
    assert_eq!(deleted(&again), deleted(&begun));
    assert_eq!(
        (rest.progress.done, rest.progress.of),
        (deleted(&begun), MANY as u64 + 1)
    );
    assert!(!rest.to_string().contains("Repeat the request"), "{rest}");
}

#[tokio::test]
async fn two_tries_of_one_delete_at_once_do_it_once() {
    let (_dir, engine) = filled().await;
    let ask = || async {
        engine
            .write(&origin(), all(), named("twice"))
            .await
            .unwrap()
    };
    let (a, b) = tokio::join!(ask(), ask());
    assert_eq!((deleted(&a), deleted(&b)), (MANY as u64, MANY as u64));
    assert_eq!(a.act(), b.act());
    assert_eq!(total(&engine).await, 0);
}

#[tokio::test]
async fn a_delete_that_runs_out_of_time_or_into_a_pause_tells_what_it_did() {
    let (dir, engine) = filled().await;
    let mut report = |_| {
        engine.pause("a test").unwrap();
        true
    };
    let options = within(Duration::from_secs(3));
    let done = engine
        .write_in_parts(&origin(), all(), options, &mut report)
        .await
        .unwrap();
    let rest = done.unfinished.as_ref().unwrap();
    assert!(
        matches!(rest.why, WhyUnfinished::Failed(RequestError::Paused { .. })),
        "{rest}"
    );
    engine.resume().unwrap();
    assert_eq!(total(&engine).await, MANY as u64 - deleted(&done));

    let none = WriteOp::UndoDelete(CommitSeq(1));
    let undone = write(&engine, none).await;
    let refusal = undone.unwrap_err().to_string();
    assert!(
        refusal.contains("it is that of a write of kind store"),
        "{refusal}"
    );
    let undo = WriteOp::UndoDelete(done.act());
    write(&engine, undo).await.unwrap();

    run_out_of_time(&dir, &engine).await;
}

/// Deletes while somebody else takes the lock behind the first part and keeps it past the deadline.
async fn run_out_of_time(dir: &TempDir, engine: &Engine) {
    let (_first, lock) = hold_lock(dir);
    let asked = tokio::spawn({
        let engine = engine.clone();
        async move {
            let options = within(Duration::from_secs(6));
            engine.write(&origin(), all(), options).await
        }
    });
    until_waiting(engine, 1).await;
    let other = Locks::open(&locks_dir(dir), identity("another")).unwrap();
    let (give_back, is_over) = std::sync::mpsc::channel::<()>();
    let behind = std::thread::spawn(move || {
        let lock = other
            .acquire_write(&purpose("somebody"), Wait::up_to(HANG))
            .unwrap();
        is_over.recv().unwrap_err();
        lock.release();
    });
    until_waiting(engine, 2).await;
    lock.release();
    let done = asked.await.unwrap().unwrap();
    drop(give_back);
    behind.join().unwrap();
    let rest = done.unfinished.as_ref().expect("its time was up");
    assert!((1..MANY as u64).contains(&deleted(&done)), "{rest}");
    assert_eq!(total(engine).await, MANY as u64 - deleted(&done), "{rest}");
}

async fn until_waiting(engine: &Engine, count: usize) {
    while engine.status().lock.waiters.len() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_large_purge_and_undo_are_done_in_parts() {
    let (_dir, engine) = filled().await;
    let gone = write(&engine, all()).await.unwrap();
    assert_eq!(deleted(&gone), MANY as u64);
    let hashes: Vec<_> = (0..MANY)
        .map(|n| ContentHash::of(&format!("fact {n} of many")))
        .collect();
    let (undo, purge) = hashes.split_at(MANY / 2);
    let undone = write(&engine, WriteOp::Undelete(undo.to_vec().into()))
        .await
        .unwrap();
    assert_eq!(deleted(&undone), MANY as u64 / 2);
    let purged = write(&engine, WriteOp::Purge(purge.to_vec().into()))
        .await
        .unwrap();
    let WriteOutcome::Purged { count, .. } = purged.applied.outcome else {
        panic!("{purged:?}")
    };
    assert_eq!(count, MANY as u64 / 2);
    let tags = ["none".to_owned()];
    let none = Filter::default().with_tags(&tags, TagMatch::Any).unwrap();
    let nothing = write(&engine, WriteOp::Delete(none)).await;
    assert_eq!(deleted(&nothing.unwrap()), 0);
}

#[tokio::test]
async fn who_looks_sees_how_far_a_large_delete_is() {
    let (dir, engine) = filled().await;
    let other = Locks::open(&locks_dir(&dir), identity("another")).unwrap();
    let (give, taken) = std::sync::mpsc::channel();
    let mut give = Some(give);
    let mut report = |at: PartsProgress| {
        if let Some(give) = give.take() {
            let lock = other
                .acquire_write(&purpose("somebody"), Wait::up_to(HANG))
                .unwrap();
            give.send((at, lock)).unwrap();
        }
        true
    };
    let origin = origin();
    let write = engine.write_in_parts(&origin, all(), WriteOptions::default(), &mut report);
    let look = async {
        let (at, lock) = loop {
            match taken.try_recv() {
                Ok(taken) => break taken,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let is_behind = |progress: &Progress| progress.done > 0;
        let progress = loop {
            let waiters = engine.status().lock.waiters;
            match waiters
                .iter()
                .filter_map(|party| party.progress)
                .find(is_behind)
            {
                Some(progress) => break progress,
                None => tokio::task::yield_now().await,
            }
        };
        lock.release();
        (at, progress)
    };
    let (done, (at, progress)) = tokio::join!(write, look);
    assert_eq!(deleted(&done.unwrap()), MANY as u64);
    let expected = Progress {
        done: at.done,
        of: Some(MANY as u64),
    };
    assert_eq!(progress, expected);
}
