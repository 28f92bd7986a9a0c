//! One client that floods, and the others.

use commonplace_api::Transport;
use commonplace_api::settings::Limits;
use commonplace_api::status::OverallState;
use commonplace_engine::{Origin, RequestError, WriteOptions, WriteOutcome};

use crate::support::{ask_many, ask_many_as, hold_lock, open_with, opened, store, total};

fn calm() -> Origin {
    Origin::new("calm", Transport::Stdio)
}

#[tokio::test]
async fn a_calm_client_is_served_within_the_next_commit_beside_a_flood() {
    let (dir, engine) = opened();
    let (_locks, lock) = hold_lock(&dir);
    let flood = ask_many(&engine, 900).await;
    let calm = ask_many_as(&engine, &calm(), 1).await.remove(0);
    drop(lock);
    let written = calm.await.unwrap().unwrap();
    assert_eq!(
        written.seq().0,
        33,
        "one share of the flooding client, then the other"
    );
    let mut last = 0;
    for task in flood {
        let seq = task.await.unwrap().unwrap().seq().0;
        assert!(seq > last, "the flooding client's own order stays");
        last = seq;
    }
    assert_eq!(total(&engine).await, 901, "nothing of the flood is lost");
}

#[tokio::test]
async fn a_flood_is_seen_where_it_bites() {
    let (dir, engine) = opened();
    let (_locks, lock) = hold_lock(&dir);
    let mut asked = ask_many(&engine, 40).await;
    assert!(
        engine.status().queue.flood.is_none(),
        "alone, nobody is kept waiting"
    );
    asked.extend(ask_many_as(&engine, &calm(), 2).await);
    let status = engine.status();
    let flood = status.queue.flood.expect("two clients wait");
    assert_eq!(
        (flood.client.as_str(), flood.own, flood.waiting),
        ("test-client", 40, 42)
    );
    assert_eq!(status.state, OverallState::Busy);
    assert!(
        status
            .diagnosis
            .contains("Client `test-client` floods: 40 of 42 waiting writes are its own"),
        "{}",
        status.diagnosis
    );
    drop(lock);
    for task in asked {
        task.await.unwrap().unwrap();
    }
    let status = engine.status();
    assert_eq!(status.stats.throttled, 8, "40 less its share of 32");
    let throttled = |name: &str| {
        let client = status.clients.iter().find(|client| client.client == name);
        client.unwrap().throttled
    };
    assert_eq!((throttled("test-client"), throttled("calm")), (8, 0));
}

#[tokio::test]
async fn a_client_that_filled_the_queue_is_refused_and_others_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        queue_len_max: 40,
        ..Limits::default()
    };
    let engine = open_with(&dir, limits);
    let (_locks, lock) = hold_lock(&dir);
    let flood = ask_many(&engine, 40).await;
    let calm = ask_many_as(&engine, &calm(), 1).await.remove(0);
    let flooding = Origin::new("test-client", Transport::Http);
    let error = engine
        .write(&flooding, store("one too many"), WriteOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, RequestError::QueueFull { own: 40, .. }));
    assert_eq!(
        error.to_string(),
        "queue_full: 41 requests are waiting, 40 of them yours, and at most 40 may; try again in 1 s"
    );
    drop(lock);
    let written = calm.await.unwrap().unwrap();
    assert!(matches!(
        written.applied.outcome,
        WriteOutcome::Stored { .. }
    ));
    for task in flood {
        task.await.unwrap().unwrap();
    }
    assert_eq!(engine.stats().throttled, 1 + 8, "refused, and yielded");
}
