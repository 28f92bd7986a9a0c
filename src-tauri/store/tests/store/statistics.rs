//! Statistics: exact with many instances, after deaths, and whatever happens to their file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use commonplace_lock::InstanceId;
use commonplace_store::statistics::{
    Acquired, Counter, Event, Figures, HISTORY_MS_MAX, HistoryPoint, IncidentKind, Measure,
    NotAcquired, Read, RequestEnd, Span, Statistics, Times, TurnEnd, WAIT_SHARES_MAX, WhyNot,
    Written,
};

const NOW_MS: i64 = 1_800_000_000_000;

const DAY_MS: i64 = 24 * 3_600_000;

/// An instance with its statistics.
struct Instance {
    id: InstanceId,
    statistics: Statistics,
}

fn instance(store: &Path) -> Instance {
    let id = InstanceId::random();
    let statistics = Statistics::new(store, &id);
    Instance { id, statistics }
}

impl Instance {
    fn figures(&self) -> Figures {
        self.statistics.figures(NOW_MS, &|_| true)
    }

    /// The sums as an instance sees them that is the only one alive.
    fn figures_alone(&self) -> Figures {
        self.statistics.figures(NOW_MS, &|id| *id == self.id)
    }

    fn history(&self, from_ms: i64, to_ms: i64, points_max: usize) -> Vec<HistoryPoint> {
        let span = Span {
            from_ms,
            to_ms,
            points_max,
        };
        self.statistics.history(span, NOW_MS)
    }
}

fn database(store: &Path) -> PathBuf {
    store.join("statistics/statistics.db")
}

fn journals(store: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(store.join("statistics")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "journal"))
        .collect()
}

fn us(time: u64) -> Duration {
    Duration::from_micros(time)
}

fn turn(at_ms: i64, hold: Duration) -> Event {
    Event::Acquired(Acquired {
        at_ms,
        lock_wait: hold / 10,
        hold,
        commit: hold / 2,
        end: TurnEnd::Committed,
        is_contended: false,
        is_slow: false,
        client: "claude-code".to_owned(),
        kind: "store".to_owned(),
        requests: 1,
        epoch: 1,
    })
}

fn write(at_ms: i64, client: &str, end: RequestEnd, wait: Duration) -> Event {
    Event::Written(Written {
        at_ms,
        client: client.to_owned(),
        kind: "store".to_owned(),
        end,
        is_internal: false,
        is_throttled: end == RequestEnd::QueueFull,
        queue_wait: Some(wait),
        lock_wait: Some(wait / 2),
        total: wait * 2,
        queue_length: 3,
        is_slow: false,
        holder: String::new(),
    })
}

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
fn a_deleted_file_is_made_anew_while_instances_work() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = [instance(folder.path()), instance(folder.path())];
    let record = |count| {
        for host in &hosts {
            host.statistics.record(&vec![turn(NOW_MS, us(1)); count]);
        }
    };
    record(3);
    hosts[0].figures();
    std::fs::remove_file(database(folder.path())).unwrap();
    record(1);
    for host in &hosts {
        // Their journals are still there, so that even what was in the file is counted again.
        assert_eq!(host.figures().all.count(Counter::Acquisitions), 8);
    }
    std::fs::remove_dir_all(folder.path().join("statistics")).unwrap();
    hosts.iter().for_each(|host| {
        host.figures();
    });
    record(2);
    for host in &hosts {
        assert_eq!(host.figures().all.count(Counter::Acquisitions), 4);
    }
}

#[test]
fn a_damaged_or_foreign_file_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    host.figures();
    let path = database(folder.path());
    let foreign = |path: &Path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection
            .execute_batch("CREATE TABLE diary (day TEXT)")
            .unwrap();
    };
    let whole = std::fs::read(&path).unwrap();
    let mut torn = whole.clone();
    torn[4096..].fill(0x5a);
    type Spoil<'a> = &'a dyn Fn(&Path);
    let ways: [(&str, Spoil<'_>); 5] = [
        ("not a database", &|path| {
            std::fs::write(path, "diary ".repeat(999)).unwrap();
        }),
        ("another program's", &|path| {
            std::fs::remove_file(path).unwrap();
            foreign(path);
        }),
        ("damaged in the middle", &|path| {
            std::fs::write(path, &torn).unwrap();
        }),
        ("cut", &|path| {
            std::fs::write(path, &whole[..whole.len() / 2]).unwrap();
        }),
        ("a directory", &|path| {
            std::fs::remove_file(path).unwrap();
            std::fs::create_dir(path).unwrap();
        }),
    ];
    for (what, spoil) in ways {
        spoil(&path);
        host.statistics.record(&[turn(NOW_MS, us(1))]);
        let figures = host.figures();
        assert!(
            figures.all.count(Counter::Acquisitions) >= 2,
            "{what}: {figures:?}"
        );
        assert!(path.is_file(), "{what}");
        let other = instance(folder.path());
        assert_eq!(other.figures(), figures, "{what}");
    }
}

#[test]
fn a_file_of_a_newer_program_is_left_alone_and_figures_are_counted_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    host.figures();
    let path = database(folder.path());
    let set_form = |form: i64| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection
            .pragma_update(None, "user_version", form)
            .unwrap();
    };
    set_form(99);
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    assert_eq!(host.figures().all.count(Counter::Acquisitions), 2);
    assert_eq!(host.figures().all.count(Counter::Acquisitions), 2);
    set_form(1);
    let other = instance(folder.path());
    assert_eq!(
        other.figures().all.count(Counter::Acquisitions),
        2,
        "nothing was lost meanwhile"
    );
}

#[test]
fn a_locked_file_delays_figures_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    let before = host.figures();
    let blocker = rusqlite::Connection::open(database(folder.path())).unwrap();
    blocker.execute_batch("BEGIN EXCLUSIVE").unwrap();
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    assert_eq!(host.figures(), before, "those read last");
    blocker.execute_batch("ROLLBACK").unwrap();
    let other = instance(folder.path());
    assert_eq!(other.figures().all.count(Counter::Acquisitions), 2);
}

#[test]
fn full_journals_are_removed_once_they_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    let batch = vec![turn(NOW_MS, us(7)); 1000];
    let mut count = 0;
    for _ in 0..100 {
        host.statistics.record(&batch);
        count += 1000;
        assert_eq!(host.figures().all.count(Counter::Acquisitions), count);
        assert!(journals(folder.path()).len() <= 2);
    }
    let bytes: u64 = journals(folder.path())
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .sum();
    assert!(bytes < 2 << 20, "{bytes} bytes are left of {count} events");
}

#[test]
fn a_wrong_clock_costs_neither_figures_nor_history() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    let record_at = |at_ms| host.statistics.record(&[turn(at_ms, us(1))]);
    record_at(NOW_MS);
    host.figures();
    // The clock jumps 20 years ahead for a moment, and others fold with it; then back to 1970; then it is right again.
    for wrong_ms in [NOW_MS + 7_300 * DAY_MS, 0, i64::MAX, i64::MIN, -1] {
        record_at(wrong_ms);
        let at_once = instance(folder.path());
        at_once.statistics.fold(wrong_ms, &|_| true);
    }
    record_at(NOW_MS);
    let figures = host.figures();
    assert_eq!(figures.all.count(Counter::Acquisitions), 7);
    assert_eq!(figures.last_acquisition_ms, Some(NOW_MS));
    let points = host.history(NOW_MS - HISTORY_MS_MAX, NOW_MS + 1, 100);
    let seen: u64 = points.iter().map(|point| point.moment.acquisitions).sum();
    assert!(seen >= 2, "the true past is still there: {seen}");
    // Times before the clock was set back are taken for now.
    record_at(NOW_MS + DAY_MS);
    host.figures();
    let points = host.history(NOW_MS - 1000, NOW_MS + 1000, 10);
    assert_eq!(points.last().unwrap().moment.acquisitions, 3);
}

#[test]
fn history_is_bounded_and_reaches_back_as_far_as_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    let minutes = 9 * 24 * 60;
    let start_ms = NOW_MS - minutes * 60_000;
    let events: Vec<Event> = (0..minutes)
        .map(|n| turn(start_ms + n * 60_000, us(n as u64)))
        .collect();
    host.statistics.record(&events);
    // The last two hours are busy every second.
    let busy: Vec<Event> = (0..7_200)
        .map(|n| write(NOW_MS - n * 1000, "ada", RequestEnd::Done, us(n as u64)))
        .collect();
    host.statistics.record(&busy);
    host.figures();
    let rows: BTreeMap<i64, i64> = rusqlite::Connection::open(database(folder.path()))
        .unwrap()
        .prepare("SELECT step_s, count(*) FROM history GROUP BY step_s")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(
        rows,
        BTreeMap::from([
            (1, 3_600),
            (10, 8_640),
            (60, 10_080),
            (600, 1_008),
            (3_600, 168)
        ])
    );
    let week = host.history(NOW_MS - HISTORY_MS_MAX, NOW_MS, 500);
    assert!((450..=501).contains(&week.len()), "{} points", week.len());
    assert!(week.iter().all(|point| point.moment.acquisitions > 0));
    let hour = host.history(NOW_MS - 3_599_000, NOW_MS + 1000, 3600);
    assert_eq!(hour.len(), 3600);
    assert!(hour.iter().all(|point| point.moment.writes == 1));
    let longest = hour[0].moment.queue_wait.max();
    assert_eq!(longest, us(3599), "the oldest second waited longest");
    let coarse = host.history(NOW_MS - 3_000_000, NOW_MS, 10);
    assert!(coarse.len() <= 11);
    let writes: u64 = coarse.iter().map(|point| point.moment.writes).sum();
    assert!((3_000..=3_330).contains(&writes), "{writes}");
    let absurd = host.history(i64::MIN, i64::MAX, usize::MAX);
    assert!(absurd.len() <= 10_081, "{}", absurd.len());
    // A span at the very beginning of all numbers made the start of its steps overflow.
    for (from_ms, to_ms) in [(i64::MIN, i64::MIN + 1), (i64::MAX - 1, i64::MAX), (-9, -8)] {
        let nothing = host.history(from_ms, to_ms, 1);
        assert!(nothing.len() <= 1, "{from_ms} to {to_ms}");
    }
    // Fewer days take effect with the next look; more days keep what is still there.
    host.statistics.keep_days(1);
    host.figures();
    host.statistics.keep_days(7);
    host.figures();
    let kept = host.history(NOW_MS - HISTORY_MS_MAX, NOW_MS, 5_000);
    let seen: u64 = kept.iter().map(|point| point.moment.acquisitions).sum();
    assert!((1_439..=1_440).contains(&seen), "a day in minutes: {seen}");
}

#[test]
fn waits_by_client_and_by_kind_are_those_of_the_time_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    let minute = 60_000;
    let mut by_hand: BTreeMap<(i64, &str), Times> = BTreeMap::new();
    for n in 0..7 * 24 * 60 {
        let client = ["ada", "ben", "cy"][n as usize % 3];
        let (at_ms, wait) = (NOW_MS - n * minute, us(100 + n as u64));
        host.statistics
            .record(&[write(at_ms, client, RequestEnd::Done, wait)]);
        for range in [5, 60, 24 * 60, 7 * 24 * 60] {
            if n < range {
                by_hand.entry((range, client)).or_default().record(wait);
            }
        }
        if n % 1_000 == 0 {
            host.figures();
        }
    }
    host.figures();
    for range in [5, 60, 24 * 60, 7 * 24 * 60] {
        let from_ms = NOW_MS - (range - 1) * minute;
        let told = host.statistics.wait_shares(from_ms, NOW_MS + 1, NOW_MS);
        assert_eq!(
            told.by_client.keys().collect::<Vec<_>>(),
            ["ada", "ben", "cy"]
        );
        let mut all = Times::default();
        for (client, times) in &told.by_client {
            all.add(times);
            let exact = by_hand[&(range, client.as_str())].count();
            // A step that is only partly in the range counts as a whole.
            let more = exact / 48 + 1;
            assert!(
                (exact..=exact + more).contains(&times.count()),
                "{range} {client}"
            );
        }
        assert_eq!(told.by_kind["store"], all, "{range}");
    }
    let past = host
        .statistics
        .wait_shares(0, NOW_MS - HISTORY_MS_MAX, NOW_MS);
    assert!(past.by_client.is_empty(), "{past:?}");
}

#[test]
fn a_crowd_in_one_step_is_summed_up_as_other() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    for n in 0..100 {
        let client = format!("client {n}");
        host.statistics
            .record(&[write(NOW_MS, &client, RequestEnd::Done, us(n))]);
        if n % 7 == 0 {
            host.figures();
        }
    }
    host.figures();
    let told = host
        .statistics
        .wait_shares(NOW_MS, NOW_MS + 1, NOW_MS)
        .by_client;
    assert_eq!(told.len(), WAIT_SHARES_MAX + 1);
    assert_eq!(told["other"].count(), 100 - WAIT_SHARES_MAX as u64);
    assert_eq!(told["client 0"].count(), 1);
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

#[test]
fn nothing_is_made_before_something_happens() {
    let folder = tempfile::tempdir().unwrap();
    let _idle = instance(folder.path());
    assert!(!folder.path().join("statistics").exists());
}

#[test]
fn what_could_not_be_written_is_added_when_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    let dir = folder.path().join("statistics");
    std::fs::write(&dir, "in the way").unwrap();
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    assert_eq!(host.figures().all.count(Counter::Acquisitions), 0);
    std::fs::remove_file(&dir).unwrap();
    assert_eq!(host.figures().all.count(Counter::Acquisitions), 1);
}
