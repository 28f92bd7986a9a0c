//! What is counted: exact with many instances, and after deaths.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use commonplace_store::statistics::{
    Counter, Event, Figures, IncidentKind, Measure, NotAcquired, Read, RequestEnd, Times, WhyNot,
    Written,
};

use super::{NOW_MS, instance, journals, turn, us, write};

#[test]
fn figures_agree_with_a_count_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    let waits: Vec<Duration> = (1..=1000).map(|n| us(n * n)).collect();
    let mut by_hand = Times::default();
    for (n, wait) in waits.iter().enumerate() {
        by_hand.record(*wait);
        let client = ["ada", "ben"][n % 2];
        host.statistics.record(&[
            turn(NOW_MS, *wait),
            write(NOW_MS, client, RequestEnd::Done, *wait),
        ]);
        if n % 100 == 0 {
            host.statistics.fold(NOW_MS, &|_| true);
        }
    }
    let ends = [
        RequestEnd::Refused,
        RequestEnd::Failed,
        RequestEnd::TimedOut,
        RequestEnd::QueueFull,
        RequestEnd::Cancelled,
    ];
    for end in ends {
        host.statistics
            .record(&[write(NOW_MS, "ada", end, Duration::ZERO)]);
        by_hand.record(Duration::ZERO);
    }
    let why = [WhyNot::TimedOut, WhyNot::GaveUp, WhyNot::Io, WhyNot::Fenced];
    host.statistics.record(&why.map(|why| {
        Event::NotAcquired(NotAcquired {
            at_ms: NOW_MS,
            why,
            waited: us(5),
            is_retried: true,
            client: "ada".to_owned(),
            kind: "store".to_owned(),
            holder: "pid 812".to_owned(),
        })
    }));
    host.statistics.record(&[
        Event::Read(Read {
            at_ms: NOW_MS,
            client: "ben".to_owned(),
            kind: "search".to_owned(),
            is_done: true,
            total: us(700),
        }),
        Event::LeftoversCleared {
            at_ms: NOW_MS,
            count: 2,
        },
    ]);
    let figures = host.figures();
    let all = &figures.all;
    for (counter, count) in [
        (Counter::Acquisitions, 1000),
        (Counter::Commits, 1000),
        (Counter::Retries, 4),
        (Counter::AcquisitionTimedOut, 1),
        (Counter::AcquisitionGaveUp, 1),
        (Counter::AcquisitionIo, 1),
        (Counter::AcquisitionFenced, 1),
        (Counter::Acknowledged, 1000),
        (Counter::Refused, 1),
        (Counter::Failed, 1),
        (Counter::TimedOut, 1),
        (Counter::QueueFull, 1),
        (Counter::Cancelled, 1),
        (Counter::Throttled, 1),
        (Counter::Searches, 1),
        (Counter::LeftoversCleared, 2),
    ] {
        assert_eq!(all.count(counter), count, "{counter:?}");
    }
    assert_eq!(all.times(Measure::QueueWait), by_hand);
    assert_eq!(all.times(Measure::Hold).max(), us(1_000_000));
    assert_eq!(
        all.times(Measure::Hold).sum(),
        waits.iter().sum::<Duration>()
    );
    assert_eq!(all.times(Measure::SearchTotal).count(), 1);
    assert_eq!(figures.last_acquisition_ms, Some(NOW_MS));
    let (ada, ben) = (&figures.by_client["ada"], &figures.by_client["ben"]);
    assert_eq!(
        (ada.count(Counter::Done), ben.count(Counter::Done)),
        (500, 501)
    );
    assert_eq!(ada.count(Counter::NotDone), 5);
    assert_eq!(ada.times(Measure::LockWait).count(), 505);
    assert_eq!(
        figures.by_kind["store"].times(Measure::WriteTotal).count(),
        1000
    );
}

#[test]
fn instances_that_record_and_fold_at_the_same_time_count_everything_once() {
    const INSTANCES: usize = 4;
    const EVENTS: usize = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let folding = scope.spawn(|| {
            let watcher = instance(folder.path());
            while !is_over.load(Ordering::Relaxed) {
                watcher.figures();
            }
        });
        let recording = [(); INSTANCES].map(|()| {
            scope.spawn(|| {
                let host = instance(folder.path());
                for n in 0..EVENTS {
                    host.statistics.record(&[turn(NOW_MS, us(n as u64))]);
                    if n % 50 == 0 {
                        host.statistics.fold(NOW_MS, &|_| true);
                    }
                }
            })
        });
        recording.into_iter().for_each(|host| host.join().unwrap());
        is_over.store(true, Ordering::Relaxed);
        folding.join().unwrap();
    });
    let last = instance(folder.path());
    // The one that folds last finds all others dead.
    let figures = last.figures_alone();
    let total = (INSTANCES * EVENTS) as u64;
    assert_eq!(figures.all.count(Counter::Acquisitions), total);
    assert_eq!(figures.all.times(Measure::Hold).count(), total);
    let points = last.history(NOW_MS - 1000, NOW_MS + 1000, 10);
    let in_history: u64 = points.iter().map(|point| point.moment.acquisitions).sum();
    assert_eq!(in_history, total);
    assert_eq!(
        journals(folder.path()),
        Vec::<PathBuf>::new(),
        "all used up"
    );
    assert_eq!(last.figures_alone(), figures, "and counted once");
}

#[test]
fn what_a_killed_instance_recorded_counts_up_to_its_last_whole_event() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    let events: Vec<Event> = (0..5).map(|n| turn(NOW_MS, us(n))).collect();
    host.statistics.record(&events[..3]);
    host.figures();
    host.statistics.record(&events[3..]);
    let journal = journals(folder.path()).pop().unwrap();
    let bytes = std::fs::read(&journal).unwrap();
    // The kill came while the last event was being written.
    std::fs::write(&journal, &bytes[..bytes.len() - 1]).unwrap();
    let other = instance(folder.path());
    let count = |figures: Figures| figures.all.count(Counter::Acquisitions);
    assert_eq!(count(other.figures()), 4, "the rest may still come");
    // What the dead had open is closed.
    drop(host);
    assert_eq!(count(other.figures_alone()), 4);
    assert!(!journal.exists(), "a dead instance needs it no more");
}

#[test]
fn a_crowd_of_clients_is_summed_up_as_other() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    for n in 0..100 {
        let client = format!("client {n}");
        host.statistics
            .record(&[write(NOW_MS, &client, RequestEnd::Done, us(n))]);
        host.statistics.fold(NOW_MS + n as i64, &|_| true);
    }
    let figures = host.statistics.figures(NOW_MS + 100, &|_| true);
    assert_eq!(figures.by_client.len(), 65, "64 and `other`");
    assert!(figures.by_client.contains_key("client 99"));
    assert!(!figures.by_client.contains_key("client 0"));
    let other = &figures.by_client["other"];
    assert_eq!(other.count(Counter::Done), 36);
    assert_eq!(other.times(Measure::QueueWait).max(), us(35));
    let sum: u64 = figures
        .by_client
        .values()
        .map(|share| share.count(Counter::Done))
        .sum();
    assert_eq!(sum, 100);
}

#[test]
fn the_last_incidents_are_kept_with_who_was_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    let slow = |n: i64| {
        Event::Written(Written {
            at_ms: NOW_MS - 5_000 + n,
            client: "ada".to_owned(),
            kind: "store".to_owned(),
            end: RequestEnd::TimedOut,
            is_internal: false,
            is_throttled: false,
            queue_wait: Some(us(30)),
            lock_wait: None,
            total: us(31),
            queue_length: 1,
            is_slow: true,
            holder: format!("pid {n}"),
        })
    };
    let all: Vec<Event> = (0..1_100).map(slow).collect();
    all.chunks(300).for_each(|some| {
        host.statistics.record(some);
        host.statistics.fold(NOW_MS, &|_| true);
    });
    let incidents = host.statistics.incidents(5_000);
    assert_eq!(incidents.len(), 1_000);
    let newest = &incidents[0];
    assert_eq!(newest.what, IncidentKind::FailedWrite);
    assert_eq!((newest.end.as_str(), newest.took), ("timed_out", us(30)));
    assert_eq!(newest.holder, "pid 1099");
    assert_eq!(newest.instance, host.id.to_string());
    assert_eq!(host.statistics.incidents(1), incidents[..1]);
}
