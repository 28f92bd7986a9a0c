//! What happened when: the history behind the charts, and whose the waits were.

use std::collections::BTreeMap;

use commonplace_store::statistics::{
    Counter, Event, HISTORY_MS_MAX, RequestEnd, Span, Times, WAIT_SHARES_MAX,
};

use super::{DAY_MS, NOW_MS, database, instance, turn, us, write};

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
        // One more of each than its time holds, as the oldest and the newest are only partly in it.
        BTreeMap::from([
            (1, 3_601),
            (10, 8_641),
            (60, 10_081),
            (600, 1_009),
            (3_600, 169)
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
    assert!((1_440..=1_441).contains(&seen), "a day in minutes: {seen}");
}

// Of the steps of an hour as many were kept as a week has; but a week by the clock touches one more, so that up to an hour
// at its beginning was missing. With the shares of the waits it was the same, though more were meant to stay.
#[test]
fn a_week_that_begins_within_an_hour_is_there_from_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    let now_ms = NOW_MS + 30 * 60_000;
    let first_ms = now_ms - HISTORY_MS_MAX + 60_000;
    let hours = (0..=7 * 24).map(|hour| (first_ms + hour * 3_600_000).min(now_ms));
    let events: Vec<Event> = hours
        .map(|at_ms| write(at_ms, "ada", RequestEnd::Done, us(5)))
        .collect();
    host.statistics.record(&events);
    host.statistics.fold(now_ms, &|_| true);
    let span = Span {
        from_ms: now_ms - HISTORY_MS_MAX,
        to_ms: now_ms + 1,
        points_max: 24,
    };
    let week = host.statistics.history(span, now_ms);
    let writes: u64 = week.iter().map(|point| point.moment.writes).sum();
    let shares = host
        .statistics
        .wait_shares(span.from_ms, span.to_ms, now_ms);
    let waits = shares.by_client["ada"].count();
    assert_eq!((writes, waits), (169, 169));
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
