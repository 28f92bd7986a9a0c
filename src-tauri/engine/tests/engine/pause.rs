//! Writes that are paused, and what goes on meanwhile.

use std::time::Duration;

use commonplace_api::status::OverallState;
use commonplace_engine::{RequestError, paused_writes, resume_writes};

use crate::support::{
    HANG, ask_many, hold_lock, locks_dir, open, opened, origin, store, total, within, write,
};

#[tokio::test]
async fn paused_writes_wait_and_are_done_after_a_resume() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, other) = (open(&dir), open(&dir));
    engine.pause("ada").unwrap();
    let waiting = ask_many(&other, 3).await;
    let status = other.status();
    assert_eq!(status.state, OverallState::Paused, "{}", status.diagnosis);
    assert!(
        status.diagnosis.contains("by ada. 3 writes are waiting."),
        "{}",
        status.diagnosis
    );
    assert_eq!(total(&other).await, 0, "lists and searches go on");
    engine.resume().unwrap().expect("it was paused");
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    assert_eq!(total(&engine).await, 3);
    assert_eq!(engine.status().state, OverallState::Ok);
}

#[tokio::test]
async fn a_write_that_runs_out_of_time_in_a_pause_says_who_paused_and_how_to_resume() {
    let (_dir, engine) = opened();
    engine.pause("ada on desk").unwrap();
    let error = engine
        .write(
            &origin(),
            store("too early"),
            within(Duration::from_millis(100)),
        )
        .await
        .unwrap_err();
    assert_eq!(error.code(), "paused");
    let said = error.to_string();
    assert!(
        said.contains("writes are paused since 20") && said.contains("by ada on desk"),
        "{said}"
    );
    assert!(said.contains("`commonplace resume`"), "{said}");
    engine.resume().unwrap();
    write(&engine, store("now")).await.unwrap();
    assert_eq!(total(&engine).await, 1, "the one that gave up was not done");
}

#[tokio::test]
async fn a_pause_that_comes_while_the_lock_is_waited_for_is_honoured() {
    let (dir, engine) = opened();
    let (locks, lock) = hold_lock(&dir);
    let waiting = ask_many(&engine, 2).await;
    while engine.status().lock.waiters.is_empty() {
        tokio::task::yield_now().await;
    }
    engine.pause("ada").unwrap();
    drop(lock);
    // The writer takes the lock, sees the pause, and gives the lock back: then it is free and nobody waits for it.
    loop {
        let status = engine.status();
        let acquired = status.stats.acquisitions > 0;
        if acquired && status.lock.waiters.is_empty() && status.stats.active_locks == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(total(&engine).await, 0);
    locks.resume().unwrap();
    for task in waiting {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_pause_outlives_the_host_and_does_not_keep_it_from_stopping() {
    let (dir, engine) = opened();
    engine.pause("ada").unwrap();
    let waiting = ask_many(&engine, 1).await.remove(0);
    assert!(engine.shutdown(HANG).await);
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, RequestError::ShuttingDown), "{error}");
    let pause = paused_writes(&locks_dir(&dir)).expect("only a resume ends it");
    assert_eq!(pause.by, "ada");
    resume_writes(&locks_dir(&dir)).unwrap();
    let engine = open(&dir);
    assert_eq!(total(&engine).await, 0, "what was refused was not done");
}
