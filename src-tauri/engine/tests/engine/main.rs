//! The engine on a real store: what is promised to those who ask.

mod backups;
mod browsing;
mod fairness;
mod parts;
mod pause;
mod purging;
mod statistics;
mod support;

use std::sync::Arc;
use std::time::Duration;

use commonplace_api::settings::{Limits, WorkerCount};
use commonplace_api::status::OverallState;
use commonplace_engine::{
    ContentHash, Engine, EngineConfig, Filter, LOCKS_DIR, ModelUse, OpId, Query, Refusal,
    RequestError, SearchMode, Whose, WriteOp, WriteOptions, WriteOutcome,
};
use commonplace_testing::identity;

use crate::support::{
    HANG, ask, ask_many, config, hold_lock, open, open_with, opened, origin, store, total, within,
    write,
};

#[tokio::test]
async fn an_acknowledged_write_is_found_by_its_words_at_once() {
    let (_dir, engine) = opened();
    let written = write(&engine, store("the heron stands in the pond"))
        .await
        .unwrap();
    assert!(matches!(
        written.applied.outcome,
        WriteOutcome::Stored { .. }
    ));
    let query = Query::parse("heron", SearchMode::Hybrid, Filter::default(), 5).unwrap();
    let answer = engine.search(&origin(), query).await.unwrap();
    assert_eq!(answer.hits[0].memory.text, "the heron stands in the pond");
    assert_eq!(answer.hits[0].memory.provenance.client, "test-client");
    assert!(
        answer.words_only.is_some(),
        "without a model the answer says that meaning was not used"
    );
}

#[tokio::test]
async fn order_of_acknowledgement_agrees_with_the_order_of_commits() {
    let (_dir, engine) = opened();
    let mut last = 0;
    for number in 0..20 {
        let written = write(&engine, store(&format!("fact {number}")))
            .await
            .unwrap();
        assert_eq!(written.seq().0, last + 1, "no gaps and no repetition");
        last = written.seq().0;
    }
}

#[tokio::test]
async fn many_writes_at_once_are_committed_in_few_commits_and_none_is_lost() {
    let (dir, engine) = opened();
    let (locks, lock) = hold_lock(&dir);
    // All are in the queue before the lock is given back.
    let tasks = ask_many(&engine, 200).await;
    drop(lock);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    drop(locks);
    assert_eq!(total(&engine).await, 200);
    let stats = engine.stats();
    assert_eq!(stats.acknowledged, 200);
    assert!(
        stats.commits <= 3,
        "{} commits for 200 waiting writes",
        stats.commits
    );
}

#[tokio::test]
async fn a_write_that_runs_out_of_time_names_the_holder_and_is_not_done_later() {
    let (dir, engine) = opened();
    let (_locks, lock) = hold_lock(&dir);
    let error = engine
        .write(
            &origin(),
            store("too late"),
            within(Duration::from_millis(200)),
        )
        .await
        .unwrap_err();
    let RequestError::TimedOut { in_the_way, .. } = &error else {
        panic!("{error}")
    };
    assert!(
        in_the_way
            .holder
            .contains(&format!("pid {}", std::process::id())),
        "{error}"
    );
    assert!(
        in_the_way.holder.contains("another, on host desk"),
        "{error}"
    );
    assert_eq!(error.code(), "timeout");
    drop(lock);
    write(&engine, store("in time")).await.unwrap();
    assert_eq!(
        total(&engine).await,
        1,
        "the write that was given up was not done"
    );
    assert_eq!(engine.stats().timed_out, 1);
}

#[tokio::test]
async fn a_dropped_request_leaves_the_queue() {
    let (dir, engine) = opened();
    let (_locks, lock) = hold_lock(&dir);
    let task = ask(&engine, store("nobody wants it any more"));
    while engine.status().queue.length == 0 {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(engine.status().queue.length, 0);
    drop(lock);
    write(&engine, store("another")).await.unwrap();
    assert_eq!(total(&engine).await, 1);
    assert_eq!(engine.stats().cancelled, 1);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open_with(
        &dir,
        Limits {
            queue_len_max: 2,
            ..Limits::default()
        },
    );
    let (_locks, lock) = hold_lock(&dir);
    let waiting = ask_many(&engine, 2).await;
    let error = write(&engine, store("one too many")).await.unwrap_err();
    assert!(
        matches!(
            error,
            RequestError::QueueFull {
                length: 2,
                limit: 2,
                ..
            }
        ),
        "{error}"
    );
    drop(lock);
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    assert_eq!(total(&engine).await, 2, "nothing was dropped silently");
}

#[tokio::test]
async fn the_same_op_id_does_its_work_once() {
    let dir = tempfile::tempdir().unwrap();
    let options = WriteOptions {
        op_id: OpId::parse("retry-1"),
        deadline: None,
    };
    let first = {
        let engine = open(&dir);
        let first = engine
            .write(&origin(), store("once"), options.clone())
            .await
            .unwrap();
        engine.shutdown(HANG).await;
        first
    };
    let engine = open(&dir);
    let second = engine
        .write(&origin(), store("once"), options.clone())
        .await
        .unwrap();
    assert!(second.applied.is_repeat, "also after a restart");
    assert_eq!(
        (second.seq(), &second.applied.outcome),
        (first.seq(), &first.applied.outcome)
    );
    let other = engine
        .write(&origin(), store("something else"), options)
        .await
        .unwrap_err();
    assert!(
        matches!(other, RequestError::Refused(Refusal::OpIdTaken { .. })),
        "{other}"
    );
}

#[tokio::test]
async fn a_refused_request_does_not_harm_its_neighbours() {
    let (dir, engine) = opened();
    let (_locks, lock) = hold_lock(&dir);
    let unknown = ContentHash::parse("00ff").unwrap();
    let changes = commonplace_engine::Changes::default()
        .with_tags(&["a".to_owned()])
        .unwrap();
    let ops = [
        store("before"),
        WriteOp::Update(unknown, Whose::TheOnly, changes),
        store("after"),
    ];
    let mut tasks = Vec::new();
    for (number, op) in ops.into_iter().enumerate() {
        tasks.push(ask(&engine, op));
        while engine.status().queue.length <= number {
            tokio::task::yield_now().await;
        }
    }
    drop(lock);
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(
        matches!(
            answers[1],
            Err(RequestError::Refused(Refusal::NotFound { .. }))
        ),
        "{:?}",
        answers[1]
    );
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert_eq!(total(&engine).await, 2);
    assert_eq!(engine.stats().commits, 1, "all three were one batch");
}

#[tokio::test]
async fn searches_do_not_wait_for_writers() {
    let (dir, engine) = opened();
    write(&engine, store("readable all the time"))
        .await
        .unwrap();
    let (_locks, _lock) = hold_lock(&dir);
    let query = Query::parse("readable", SearchMode::Keyword, Filter::default(), 5).unwrap();
    let answer = tokio::time::timeout(HANG, engine.search(&origin(), query))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer.hits.len(), 1);
}

#[tokio::test]
async fn shutdown_finishes_what_was_accepted_and_refuses_the_rest() {
    let (dir, engine) = opened();
    let (_locks, lock) = hold_lock(&dir);
    let accepted = ask_many(&engine, 10).await;
    let closing = tokio::spawn({
        let engine = engine.clone();
        async move { engine.shutdown(HANG).await }
    });
    let late = loop {
        match engine
            .write(&origin(), store("late"), within(Duration::from_millis(50)))
            .await
        {
            Err(RequestError::ShuttingDown) => break true,
            Err(RequestError::TimedOut { .. }) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(late);
    drop(lock);
    for task in accepted {
        task.await.unwrap().unwrap();
    }
    assert!(closing.await.unwrap(), "all threads ended");
    drop(engine);
    assert_eq!(total(&open(&dir)).await, 10);
}

#[tokio::test]
async fn a_program_that_ignores_the_lock_is_waited_for_and_then_named() {
    let (dir, engine) = opened();
    write(&engine, store("first")).await.unwrap();
    let database = dir.path().join("commonplace.db");
    // Another program with a write transaction of its own, such as a shell somebody left open.
    let mut shell = std::process::Command::new("sqlite3")
        .arg(&database)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("sqlite3 is installed by `cargo xtask setup --tests`");
    use std::io::{BufRead, BufReader, Write};
    let mut stdin = shell.stdin.take().unwrap();
    writeln!(stdin, "BEGIN IMMEDIATE;\nSELECT 'begun';").unwrap();
    let mut line = String::new();
    BufReader::new(shell.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line.trim(), "begun");
    let waiting = ask(&engine, store("second"));
    // The first attempt fails after SQLite's own wait; the shell ends before the second.
    while engine.stats().retries == 0 {
        tokio::task::yield_now().await;
    }
    drop(stdin);
    shell.wait().unwrap();
    waiting
        .await
        .unwrap()
        .expect("what may pass by itself is tried again");
    assert_eq!(total(&engine).await, 2);
}

#[tokio::test]
async fn locks_that_are_gone_are_seen_at_first_glance_until_they_are_back() {
    let (dir, engine) = opened();
    let (locks, away) = (dir.path().join(LOCKS_DIR), dir.path().join("away"));
    std::fs::rename(&locks, &away).unwrap();
    let error = write(&engine, store("not now")).await.unwrap_err();
    assert!(matches!(error, RequestError::Store { .. }), "{error}");
    assert!(error.to_string().contains("life lock"), "{error}");
    let status = engine.status();
    assert_eq!(status.state, OverallState::Error, "{}", status.diagnosis);
    assert!(
        status.diagnosis.contains("life lock"),
        "{}",
        status.diagnosis
    );
    std::fs::rename(&away, &locks).unwrap();
    write(&engine, store("now")).await.unwrap();
    assert_eq!(engine.status().state, OverallState::Ok);
    assert_eq!(total(&engine).await, 1);
}

#[tokio::test]
async fn the_epoch_is_that_of_the_own_last_commit_and_0_before_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (open(&dir), open(&dir));
    let committed = write(&first, store("by another host")).await.unwrap();
    let status = second.status();
    assert!(status.stats.last_acquisition_ms.is_some(), "of all hosts");
    assert_eq!(status.lock.epoch, 0, "this one never committed");
    assert_eq!(first.status().lock.epoch, committed.epoch.0);
    let own = write(&second, store("by this host")).await.unwrap();
    assert_eq!(second.status().lock.epoch, own.epoch.0);
}

#[tokio::test]
async fn limits_change_at_once() {
    let (_dir, engine) = opened();
    let limits = Limits {
        queue_len_max: 7,
        workers: WorkerCount::Fixed(9),
        write_deadline: Duration::from_secs(2),
        ..Limits::default()
    };
    engine.set_limits(limits).unwrap();
    let status = engine.status();
    assert_eq!((status.queue.limit, status.workers.count), (7, 9));
    assert_eq!(engine.limits(), limits);
}

#[tokio::test]
async fn a_limit_outside_its_range_is_refused_and_changes_nothing() {
    let (_dir, engine) = opened();
    let old = engine.limits();
    type Change = fn(&mut Limits);
    let table: [(Change, &str); 8] = [
        (|l| l.slow_hold = Duration::ZERO, "between 1 and 60000"),
        (
            |l| l.slow_hold = Duration::from_millis(60_001),
            "between 1 and 60000",
        ),
        (|l| l.queue_len_max = 0, "between 1 and 100000"),
        (|l| l.queue_len_max = 100_001, "between 1 and 100000"),
        (|l| l.workers = WorkerCount::Fixed(0), "between 1 and 32"),
        (|l| l.workers = WorkerCount::Fixed(33), "between 1 and 32"),
        (
            |l| l.write_deadline = Duration::from_millis(999),
            "between 1 and 50",
        ),
        (
            |l| l.write_deadline = Duration::from_millis(50_001),
            "between 1 and 50",
        ),
    ];
    for (change, range) in table {
        let mut refused = Limits {
            queue_len_max: 7,
            ..old
        };
        change(&mut refused);
        let said = engine.set_limits(refused).unwrap_err().to_string();
        assert!(said.contains(range), "{said}");
        assert_eq!(engine.limits(), old, "{said}");
        assert_eq!(engine.status().queue.limit, old.queue_len_max, "{said}");
    }
}

#[tokio::test]
async fn one_sample_is_taken_for_each_second() {
    let (_dir, engine) = opened();
    let mut changes = engine.changes();
    write(&engine, store("counted")).await.unwrap();
    while engine
        .history(10)
        .iter()
        .map(|sample| sample.writes)
        .sum::<u32>()
        == 0
    {
        tokio::time::timeout(HANG, changes.changed())
            .await
            .expect("the engine ticks")
            .unwrap();
    }
    let written: u32 = engine.history(10).iter().map(|sample| sample.writes).sum();
    assert_eq!(written, 1);
}

/// With the real model: the backlog survives a host that never indexed, and is worked off by the next.
#[tokio::test(flavor = "multi_thread")]
async fn the_index_backlog_survives_and_is_worked_off() {
    let dir = tempfile::tempdir().unwrap();
    {
        let engine = open(&dir);
        write(&engine, store("the cat sleeps on the sofa"))
            .await
            .unwrap();
        write(&engine, store("interest rates were raised"))
            .await
            .unwrap();
        assert_eq!(engine.status().index.backlog, 2);
        engine.shutdown(HANG).await;
    }
    let model_dir = std::env::var_os("COMMONPLACE_MODEL_DIR").map_or_else(
        || {
            std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../target/models/all-MiniLM-L6-v2")
        },
        std::path::PathBuf::from,
    );
    let config = EngineConfig {
        model_dir,
        model_use: ModelUse::Indexing,
        processes: std::sync::Arc::new(commonplace_engine::NoProcesses),
        ..config(&dir, Limits::default())
    };
    let engine = Engine::open(config, identity("serve")).unwrap();
    let waiting = Arc::new(engine.clone());
    let is_ready = tokio::task::spawn_blocking(move || waiting.wait_model(HANG))
        .await
        .unwrap();
    assert!(is_ready, "the model is fetched by `cargo xtask model`");
    let mut changes = engine.changes();
    while engine.status().index.backlog > 0 {
        tokio::time::timeout(HANG, changes.changed())
            .await
            .expect("the engine ticks")
            .unwrap();
    }
    // A new memory, and at once a question that shares no word with it.
    write(&engine, store("a kitten plays with wool"))
        .await
        .unwrap();
    let query = Query::parse(
        "young feline having fun",
        SearchMode::Semantic,
        Filter::default(),
        3,
    )
    .unwrap();
    let answer = engine.search(&origin(), query).await.unwrap();
    assert_eq!(answer.words_only, None);
    assert_eq!(
        answer.hits[0].memory.text, "a kitten plays with wool",
        "a client finds by meaning what it just stored"
    );
    assert_eq!(answer.hits.len(), 3);
    assert!(engine.shutdown(HANG).await);
}
