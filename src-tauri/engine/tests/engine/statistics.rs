//! Statistics cover all instances, outlive them, and cost no write.

use commonplace_api::Transport;
use commonplace_api::settings::Limits;
use commonplace_api::statistics::IncidentKind;
use commonplace_engine::*;

use crate::support::*;

async fn write_as(engine: &Engine, client: &str, text: &str) {
    let client = Origin::new(client, Transport::Http);
    engine
        .write(&client, store(text), WriteOptions::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn figures_cover_all_instances_and_outlive_them() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(&dir), open(&dir));
    for n in 0..3 {
        write_as(&one, "ada", &format!("one {n}")).await;
    }
    write_as(&two, "ben", "two").await;
    total(&two).await;
    one.shutdown(HANG).await;
    two.shutdown(HANG).await;
    drop((one, two));
    let recorded = recorded_stats(dir.path(), 1_800_000_000_000).unwrap();
    let engine = open(&dir);
    write_as(&engine, "ada", "after").await;
    let stats = engine.stats();
    assert_eq!((recorded.acknowledged, stats.acknowledged), (4, 5));
    assert_eq!((recorded.searches, stats.searches), (1, 1));
    assert_eq!(stats.acquisitions, 5, "none waited for another");
    assert_eq!((stats.commits, stats.hold.count), (5, 5));
    assert_eq!(stats.write_total.count, 5);
    let by_client: Vec<_> = stats
        .by_client
        .iter()
        .map(|share| (share.client.as_str(), share.done, share.lock_wait.count))
        .collect();
    assert_eq!(
        by_client,
        [("ada", 4, 4), ("ben", 1, 1), ("test-client", 1, 0)]
    );
    let stored = stats.by_kind.iter().find(|share| share.kind == "store");
    assert_eq!(
        stored.map(|share| (share.done, share.acquisitions)),
        Some((5, 5))
    );
    let written: u32 = engine.history(60).iter().map(|sample| sample.writes).sum();
    assert_eq!(written, 5, "the history goes on where it was");
}

#[tokio::test]
async fn a_store_without_statistics_has_none_to_tell() {
    let dir = tempfile::tempdir().unwrap();
    assert!(recorded_stats(dir.path(), 1).is_none());
    assert!(recorded_incidents(dir.path(), 1, 10).is_empty());
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        0,
        "looking makes nothing"
    );
}

#[tokio::test]
async fn a_failed_write_is_kept_with_its_holder_and_counted_by_reason() {
    let (dir, engine) = opened();
    let (_locks, lock) = hold_lock(&dir);
    let patience = std::time::Duration::from_millis(150);
    engine
        .write(&origin(), store("late"), within(patience))
        .await
        .unwrap_err();
    while engine.stats().failed_acquisitions == 0 {
        tokio::task::yield_now().await;
    }
    let stats = engine.stats();
    assert_eq!(stats.timed_out, 1);
    assert_eq!(stats.failed_by_reason.gave_up, 1, "nobody waited any more");
    assert_eq!(stats.failed_by_reason.sum(), stats.failed_acquisitions);
    let incidents = engine.incidents(10);
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    let incident = &incidents[0];
    assert_eq!(incident.what, IncidentKind::FailedWrite);
    assert_eq!(incident.end, "timed_out");
    assert!(incident.took_ms >= 150.0, "{incident:?}");
    assert!(
        incident.holder.contains("another, on host desk"),
        "{incident:?}"
    );
    drop(lock);
}

#[tokio::test]
async fn a_slow_wait_is_kept_with_who_was_in_the_way_and_the_threshold_counts_at_once() {
    let (dir, engine) = opened();
    write_as(&engine, "ada", "quick").await;
    assert_eq!(engine.incidents(10), []);
    let slow_wait = std::time::Duration::from_millis(100);
    let limits = Limits {
        slow_wait,
        slow_hold: std::time::Duration::from_secs(60),
        ..engine.limits()
    };
    engine.set_limits(limits).unwrap();
    let (_locks, lock) = hold_lock(&dir);
    let asked = ask_many(&engine, 1).await;
    // Longer than the observer needs to see it.
    while engine.status().queue.oldest_ms < 400 {
        tokio::task::yield_now().await;
    }
    drop(lock);
    for task in asked {
        task.await.unwrap().unwrap();
    }
    let incidents = engine.incidents(10);
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    let incident = &incidents[0];
    assert_eq!(
        (incident.what, incident.end.as_str()),
        (IncidentKind::SlowWait, "done")
    );
    assert_eq!(incident.client, "test-client");
    assert!(
        incident.holder.contains("another, on host desk"),
        "{incident:?}"
    );
    assert_eq!(engine.stats().contended_acquisitions, 1);
}

#[tokio::test]
async fn deleting_and_spoiling_the_statistics_fails_no_write() {
    let (dir, engine) = opened();
    let statistics = dir.path().join("statistics");
    let spoilt = |name: &str| {
        std::fs::create_dir_all(&statistics)?;
        std::fs::write(statistics.join(name), "spoilt ".repeat(999))
    };
    for n in 0..30 {
        write_as(&engine, "ada", &format!("fact {n}")).await;
        match n % 4 {
            0 => drop(std::fs::remove_dir_all(&statistics)),
            1 => spoilt("statistics.db").unwrap(),
            2 => {
                engine.stats();
            }
            _ => {
                // A file where the directory should be; the observer may make it again in between.
                while std::fs::write(&statistics, "in the way").is_err() {
                    drop(std::fs::remove_dir_all(&statistics));
                }
                write_as(&engine, "ada", &format!("while it is in the way {n}")).await;
                engine.stats();
                std::fs::remove_file(&statistics).unwrap();
                engine.stats();
                write_as(&engine, "ada", &format!("afterwards {n}")).await;
            }
        }
    }
    assert_eq!(total(&engine).await, 30 + 2 * 7);
    let before = engine.stats().acknowledged;
    write_as(&engine, "ada", "at last").await;
    assert_eq!(engine.stats().acknowledged, before + 1, "counting goes on");
}
