//! Phrases and what they mean, as one table; then the days on which clocks change.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::*;

fn at(text: &str) -> Zoned {
    text.parse().unwrap()
}

/// A Wednesday.
fn now() -> Zoned {
    at("2025-11-19T15:30:00[Europe/Berlin]")
}

/// Writes a window in the local time of `now`, without the parts that are zero.
fn shown(window: Window, now: &Zoned) -> String {
    let part = |ms: Option<i64>| match ms {
        None => "*".to_owned(),
        Some(ms) => {
            let local = Timestamp::from_millisecond(ms)
                .unwrap()
                .to_zoned(now.time_zone().clone());
            let text = local.strftime("%Y-%m-%d %H:%M").to_string();
            text.trim_end_matches(" 00:00").to_owned()
        }
    };
    format!("{} to {}", part(window.after_ms), part(window.before_ms))
}

fn meaning(phrase: &str, now: &Zoned) -> String {
    parse(phrase, now).map_or_else(|_| "?".to_owned(), |window| shown(window, now))
}

#[test]
fn phrases_mean_what_a_person_means() {
    let table = [
        // days
        ("today", "2025-11-19 to 2025-11-20"),
        ("Yesterday?", "2025-11-18 to 2025-11-19"),
        ("the day before yesterday", "2025-11-17 to 2025-11-18"),
        ("3 days ago", "2025-11-16 to 2025-11-17"),
        ("a day ago", "2025-11-18 to 2025-11-19"),
        ("recently", "2025-11-12 to 2025-11-20"),
        ("lately", "2025-11-12 to 2025-11-20"),
        ("monday", "2025-11-17 to 2025-11-18"),
        ("on wednesday", "2025-11-19 to 2025-11-20"),
        ("last wednesday", "2025-11-12 to 2025-11-13"),
        ("last fri", "2025-11-14 to 2025-11-15"),
        // weeks, months, years
        ("last week", "2025-11-10 to 2025-11-17"),
        ("this week", "2025-11-17 to 2025-11-24"),
        ("two weeks ago", "2025-11-03 to 2025-11-10"),
        ("last 2 weeks", "2025-11-05 to 2025-11-20"),
        ("in the last few days", "2025-11-16 to 2025-11-20"),
        ("a couple of days ago", "2025-11-17 to 2025-11-18"),
        ("past week", "2025-11-12 to 2025-11-20"),
        ("this month", "2025-11-01 to 2025-12-01"),
        ("last month", "2025-10-01 to 2025-11-01"),
        ("2 months ago", "2025-09-01 to 2025-10-01"),
        ("last 3 months", "2025-08-19 to 2025-11-20"),
        ("this year", "2025-01-01 to 2026-01-01"),
        ("last year", "2024-01-01 to 2025-01-01"),
        ("5 years ago", "2020-01-01 to 2021-01-01"),
        ("last quarter", "2025-07-01 to 2025-10-01"),
        // hours
        ("2 hours ago", "2025-11-19 13:30 to 2025-11-19 15:30"),
        ("last 30 minutes", "2025-11-19 15:00 to 2025-11-19 15:30"),
        ("past hour", "2025-11-19 14:30 to 2025-11-19 15:30"),
        // names
        ("march", "2025-03-01 to 2025-04-01"),
        ("in December", "2024-12-01 to 2025-01-01"),
        ("november", "2025-11-01 to 2025-12-01"),
        ("last november", "2024-11-01 to 2024-12-01"),
        ("March 2024", "2024-03-01 to 2024-04-01"),
        ("january of last year", "2024-01-01 to 2024-02-01"),
        ("5 march 2024", "2024-03-05 to 2024-03-06"),
        ("March 5th, 2024", "2024-03-05 to 2024-03-06"),
        ("dec 24", "2024-12-24 to 2024-12-25"),
        ("february 29", "2024-02-29 to 2024-03-01"),
        ("summer", "2025-06-21 to 2025-09-23"),
        ("last summer", "2025-06-21 to 2025-09-23"),
        ("last fall", "2024-09-23 to 2024-12-21"),
        ("this autumn", "2025-09-23 to 2025-12-21"),
        ("winter", "2024-12-21 to 2025-03-20"),
        ("winter 2023", "2023-12-21 to 2024-03-20"),
        ("christmas", "2024-12-24 to 2024-12-27"),
        ("last Christmas", "2024-12-24 to 2024-12-27"),
        ("new year", "2024-12-31 to 2025-01-02"),
        ("new year's eve", "2024-12-31 to 2025-01-01"),
        ("valentine's day", "2025-02-14 to 2025-02-15"),
        ("halloween", "2025-10-31 to 2025-11-01"),
        ("thanksgiving", "2024-11-28 to 2024-11-29"),
        ("thanksgiving 2025", "2025-11-27 to 2025-11-28"),
        ("first half of 2024", "2024-01-01 to 2024-07-01"),
        ("second half of last year", "2024-07-01 to 2025-01-01"),
        ("third quarter", "2025-07-01 to 2025-10-01"),
        ("1st quarter of 2023", "2023-01-01 to 2023-04-01"),
        ("q4 2024", "2024-10-01 to 2025-01-01"),
        // digits
        ("2024-02-29", "2024-02-29 to 2024-03-01"),
        ("2024-02", "2024-02-01 to 2024-03-01"),
        ("2024", "2024-01-01 to 2025-01-01"),
        ("5/3", "2025-03-05 to 2025-03-06"),
        ("5/12", "2024-12-05 to 2024-12-06"),
        ("25/3/2024", "2024-03-25 to 2024-03-26"),
        ("3/25/24", "2024-03-25 to 2024-03-26"),
        ("25.03.2024", "2024-03-25 to 2024-03-26"),
        (
            "2025-01-26T10:30:45Z",
            "2025-01-26 11:30 to 2025-01-26 11:30",
        ),
        (
            "2025-01-26 10:30:45",
            "2025-01-26 10:30 to 2025-01-26 10:30",
        ),
        ("1737884000", "2025-01-26 10:33 to 2025-01-26 10:33"),
        // parts of a day
        ("yesterday morning", "2025-11-18 05:00 to 2025-11-18 12:00"),
        ("this afternoon", "2025-11-19 12:00 to 2025-11-19 18:00"),
        ("evening of 5 march", "2025-03-05 18:00 to 2025-03-05 22:00"),
        ("last night", "2025-11-18 20:00 to 2025-11-19 05:00"),
        ("midnight", "2025-11-19 23:00 to 2025-11-20 01:00"),
        ("noon", "2025-11-19 12:00 to 2025-11-19 14:00"),
        // as models and programs write them
        ("7d", "2025-11-12 to 2025-11-20"),
        ("7 days", "2025-11-12 to 2025-11-20"),
        ("last 7d", "2025-11-12 to 2025-11-20"),
        ("7d ago", "2025-11-12 to 2025-11-13"),
        ("now-7d", "2025-11-12 to 2025-11-20"),
        ("now - 7d", "2025-11-12 to 2025-11-20"),
        ("24h", "2025-11-18 15:30 to 2025-11-19 15:30"),
        ("last 24 hrs", "2025-11-18 15:30 to 2025-11-19 15:30"),
        ("10 mins ago", "2025-11-19 15:20 to 2025-11-19 15:30"),
        ("30m", "2025-11-19 15:00 to 2025-11-19 15:30"),
        ("90 secs ago", "2025-11-19 15:28 to 2025-11-19 15:30"),
        ("2w", "2025-11-05 to 2025-11-20"),
        ("3mo", "2025-08-19 to 2025-11-20"),
        ("1y", "2024-11-19 to 2025-11-20"),
        ("last_week", "2025-11-10 to 2025-11-17"),
        ("last-week", "2025-11-10 to 2025-11-17"),
        ("LAST_2_WEEKS", "2025-11-05 to 2025-11-20"),
        ("3-days-ago", "2025-11-16 to 2025-11-17"),
        ("`yesterday`", "2025-11-18 to 2025-11-19"),
        ("now", "2025-11-19 14:30 to 2025-11-19 15:30"),
        ("tomorrow", "2025-11-20 to 2025-11-21"),
        ("next week", "2025-11-24 to 2025-12-01"),
        ("next friday", "2025-11-21 to 2025-11-22"),
        ("next wednesday", "2025-11-26 to 2025-11-27"),
        ("20250131", "2025-01-31 to 2025-02-01"),
        ("2025/01/31", "2025-01-31 to 2025-02-01"),
        ("2025-1-5", "2025-01-05 to 2025-01-06"),
        ("25-03-2024", "2024-03-25 to 2024-03-26"),
        ("05-mar-2024", "2024-03-05 to 2024-03-06"),
        ("2025-W05", "2025-01-27 to 2025-02-03"),
        ("2025-W05-3", "2025-01-29 to 2025-01-30"),
        ("2025-01-26T10:30", "2025-01-26 10:30 to 2025-01-26 10:30"),
        (
            "2025-01-26t10:30:45z",
            "2025-01-26 11:30 to 2025-01-26 11:30",
        ),
        ("2025/01/26 10:30", "2025-01-26 10:30 to 2025-01-26 10:30"),
        (
            "2025-01-26 10:30:45.123456",
            "2025-01-26 10:30 to 2025-01-26 10:30",
        ),
        (
            "2025-01-26T10:30:45+05:30",
            "2025-01-26 06:00 to 2025-01-26 06:00",
        ),
        (
            "2025-01-26T10:30:45+0530",
            "2025-01-26 06:00 to 2025-01-26 06:00",
        ),
        (
            "2025-01-26 10:30:45 UTC",
            "2025-01-26 11:30 to 2025-01-26 11:30",
        ),
        (
            "2025-01-26T10:30[Asia/Tokyo]",
            "2025-01-26 02:30 to 2025-01-26 02:30",
        ),
        (
            "Sun, 26 Jan 2025 10:30:45 GMT",
            "2025-01-26 11:30 to 2025-01-26 11:30",
        ),
        ("1737884000123", "2025-01-26 10:33 to 2025-01-26 10:33"),
        ("1737884000.5", "2025-01-26 10:33 to 2025-01-26 10:33"),
        // joined and open
        ("monday to tuesday", "2025-11-17 to 2025-11-19"),
        ("2025-01-01 to 2025-01-31", "2025-01-01 to 2025-02-01"),
        ("2025-01-01 - 2025-01-31", "2025-01-01 to 2025-02-01"),
        ("2025-01-01..2025-01-31", "2025-01-01 to 2025-02-01"),
        ("2025-01-01/2025-01-31", "2025-01-01 to 2025-02-01"),
        ("2025-01-01 \u{2013} 2025-01-31", "2025-01-01 to 2025-02-01"),
        ("March to May", "2025-03-01 to 2025-06-01"),
        (
            "between 2025-01-01T10:00 and 2025-01-01T11:00",
            "2025-01-01 10:00 to 2025-01-01 11:00",
        ),
        ("2 weeks ago to yesterday", "2025-11-03 to 2025-11-19"),
        ("between today and 3 days ago", "2025-11-16 to 2025-11-20"),
        ("today to yesterday", "2025-11-18 to 2025-11-20"),
        ("friday to monday", "2025-11-14 to 2025-11-18"),
        ("yesterday to now", "2025-11-18 to 2025-11-19 15:30"),
        ("from monday until now", "2025-11-17 to 2025-11-19 15:30"),
        ("since monday until tuesday", "2025-11-17 to 2025-11-19"),
        ("since 7d", "2025-11-12 to *"),
        ("since 2 hours ago", "2025-11-19 13:30 to *"),
        ("since 2025-01-01T10:00", "2025-01-01 10:00 to *"),
        ("older than 30 days", "* to 2025-10-20"),
        ("more than 2 months ago", "* to 2025-09-19"),
        ("older than 2024-05-01", "* to 2024-05-01"),
        ("newer than 2 weeks", "2025-11-05 to *"),
        ("before now", "* to 2025-11-19 15:30"),
        (
            "between 2025-01-01 and 2025-01-31",
            "2025-01-01 to 2025-02-01",
        ),
        ("between March and May", "2025-03-01 to 2025-06-01"),
        ("between november and february", "2024-11-01 to 2025-03-01"),
        ("from monday to tuesday", "2025-11-17 to 2025-11-19"),
        ("from last week", "2025-11-10 to 2025-11-17"),
        ("since monday", "2025-11-17 to *"),
        ("before 2024", "* to 2024-01-01"),
        ("after 2023", "2024-01-01 to *"),
        ("until yesterday", "* to 2025-11-19"),
    ];
    let now = now();
    let wrong: Vec<_> = table
        .iter()
        .map(|(phrase, wanted)| (phrase, wanted, meaning(phrase, &now)))
        .filter(|(_, wanted, got)| *wanted != got)
        .collect();
    assert!(wrong.is_empty(), "phrase, wanted, got: {wrong:#?}");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let now = now();
    let long = "yesterday ".repeat(100);
    let table = [
        "",
        "foo",
        "last",
        "ago",
        "between",
        "between monday",
        "99999999999 years ago",
        "4000000 years ago",
        "2025-02-30",
        "13/13/2024",
        "fifth quarter",
        "9th quarter",
        "q5",
        "last week morning",
        "between 2025-01-02 and 2025-01-01",
        "-3 days ago",
        "7x",
        "to",
        "monday to",
        "now to then",
        "2025-W60",
        "20251331",
        "99991231235959",
        "12345",
        &long,
    ];
    for phrase in table {
        assert_eq!(
            parse(phrase, &now),
            Err(TimePhraseError),
            "given {phrase:?}"
        );
    }
}

#[test]
fn the_beginning_of_a_phrase_is_what_after_and_before_mean() {
    let now = now();
    let table = [
        ("7d", "2025-11-12 00:00:00"),
        ("24h", "2025-11-18 15:30:00"),
        ("now", "2025-11-19 15:30:00"),
        ("tomorrow", "2025-11-20 00:00:00"),
        ("last_week", "2025-11-10 00:00:00"),
        ("10 mins ago", "2025-11-19 15:20:00"),
        ("2025-01-31", "2025-01-31 00:00:00"),
        ("1737884000123", "2025-01-26 10:33:20"),
    ];
    for (text, wanted) in table {
        let at = moment(parse_start(text, &now).unwrap(), &now).unwrap();
        let shown = at.strftime("%Y-%m-%d %H:%M:%S").to_string();
        assert_eq!(shown, wanted, "given {text}");
    }
    assert_eq!(parse_start("before 2024", &now), Err(TimePhraseError));
}

#[test]
fn what_two_countries_read_differently_has_another_reading() {
    let now = now();
    let table = [
        ("03/04/2025", Some("2025-03-04 to 2025-03-05")),
        ("3/4", Some("2025-03-04 to 2025-03-05")),
        ("03-04-2025", Some("2025-03-04 to 2025-03-05")),
        ("03/04/25", Some("2025-03-04 to 2025-03-05")),
        ("since 03/04/2025", Some("2025-03-04 to *")),
        (
            "between 03/04/2025 and 05/06/2025",
            Some("2025-03-04 to 2025-05-07"),
        ),
        ("6m", Some("2025-05-19 to 2025-11-20")),
        ("older than 6m", Some("* to 2025-05-19")),
        ("04/04/2025", None),
        ("25/03/2025", None),
        ("03/25/2025", None),
        ("03.04.2025", None),
        ("2025-03-04", None),
        ("2025/03/04", None),
        ("6mo", None),
        ("6 min", None),
        ("last week", None),
        ("foo", None),
    ];
    for (phrase, wanted) in table {
        let other = other::other_reading(phrase, &now).map(|window| shown(window, &now));
        assert_eq!(other.as_deref(), wanted, "given {phrase}");
    }
}

#[test]
fn what_was_understood_is_shown_in_the_zone_of_the_person() {
    let now = now();
    let asked = |phrase: &'static str| Asked {
        phrase: Some(("time_expr", phrase)),
        ..Asked::default()
    };
    let table = [
        (
            "last week",
            "2025-11-10 00:00 to 2025-11-17 00:00 (Europe/Berlin)",
        ),
        ("since monday", "since 2025-11-17 00:00 (Europe/Berlin)"),
        ("before 2024", "before 2024-01-01 00:00 (Europe/Berlin)"),
    ];
    for (phrase, wanted) in table {
        let understood = understand(asked(phrase), &now).unwrap();
        assert_eq!(understood.shown(&now).as_deref(), Some(wanted));
    }
    assert_eq!(
        understand(Asked::default(), &now).unwrap().shown(&now),
        None
    );
    let fixed = now.with_time_zone(TimeZone::fixed(jiff::tz::offset(-3)));
    let understood = understand(asked("today"), &fixed).unwrap();
    assert_eq!(
        understood.shown(&fixed).as_deref(),
        Some("2025-11-19 00:00 to 2025-11-20 00:00 (UTC-03:00)")
    );
}

#[test]
fn a_doubt_names_both_readings() {
    let now = now();
    let asked = Asked {
        phrase: Some(("time_expr", "6m")),
        before: Some(("before", "03/04/2026")),
        ..Asked::default()
    };
    let doubts = understand(asked, &now).unwrap().doubts;
    let notes: Vec<_> = doubts.iter().map(Doubt::note).collect();
    assert_eq!(
        notes,
        [
            "`time_expr`: `6m` was read as 2025-11-19, not as 2025-05-19 to 2025-11-19; write dates as YYYY-MM-DD to be sure",
            "`before`: `03/04/2026` was read as 2026-04-03, not as 2026-03-04; write dates as YYYY-MM-DD to be sure",
        ]
    );
    assert_eq!(
        doubts[1].refusal(),
        "`before`: `03/04/2026` can be read as 2026-04-03 or as 2026-03-04, and nothing was done: write the one that is \
         meant, dates as YYYY-MM-DD"
    );
}

#[test]
fn days_on_which_clocks_change_have_23_or_25_hours() {
    let hours = |phrase: &str, now: &Zoned| {
        let window = parse(phrase, now).unwrap();
        (window.before_ms.unwrap() - window.after_ms.unwrap()) / 3_600_000
    };
    let spring = at("2025-03-31T12:00:00[Europe/Berlin]");
    assert_eq!(hours("yesterday", &spring), 23);
    let autumn = at("2025-10-27T12:00:00[Europe/Berlin]");
    assert_eq!(hours("yesterday", &autumn), 25);
    assert_eq!(hours("last week", &autumn), 7 * 24 + 1);
    // In Beirut clocks go from 00:00 to 01:00: the day begins at 01:00.
    let beirut = at("2025-03-30T12:00:00[Asia/Beirut]");
    assert_eq!(meaning("today", &beirut), "2025-03-30 01:00 to 2025-03-31");
}

#[test]
fn years_end_and_begin_without_a_gap() {
    let new_year = at("2026-01-01T00:00:00[UTC]");
    let table = [
        ("yesterday", "2025-12-31 to 2026-01-01"),
        ("last month", "2025-12-01 to 2026-01-01"),
        ("last year", "2025-01-01 to 2026-01-01"),
        ("this week", "2025-12-29 to 2026-01-05"),
        ("last quarter", "2025-10-01 to 2026-01-01"),
        ("december", "2025-12-01 to 2026-01-01"),
        ("new year", "2025-12-31 to 2026-01-02"),
        ("christmas", "2025-12-24 to 2025-12-27"),
        ("winter", "2025-12-21 to 2026-03-20"),
    ];
    for (phrase, wanted) in table {
        assert_eq!(meaning(phrase, &new_year), wanted, "given {phrase}");
    }
    let eve = at("2025-12-31T23:59:00[UTC]");
    assert_eq!(
        meaning("new year", &eve),
        "2025-12-31 to 2026-01-02",
        "it has begun on its eve"
    );
}

#[test]
fn the_window_is_local_and_the_instants_are_not() {
    let auckland = now().with_time_zone(TimeZone::get("Pacific/Auckland").unwrap());
    assert_eq!(
        meaning("today", &auckland),
        "2025-11-20 to 2025-11-21",
        "it is tomorrow there"
    );
    let berlin = parse("2025-01-01", &now()).unwrap();
    let wanted: Timestamp = "2024-12-31T23:00:00Z".parse().unwrap();
    assert_eq!(berlin.after_ms, Some(wanted.as_millisecond()));
}

#[test]
fn windows_combine_to_what_is_in_both() {
    let (a, b) = (
        Window {
            after_ms: Some(1),
            before_ms: None,
        },
        Window {
            after_ms: Some(2),
            before_ms: Some(9),
        },
    );
    assert_eq!(a.and(b), b);
    assert_eq!(Window::default().and(a), a);
}

#[test]
fn a_phrase_is_found_inside_a_question() {
    let now = now();
    let table = [
        (
            "what did we decide last week about auth?",
            Some(("last week", "what did we decide about auth?")),
        ),
        ("yesterday", Some(("yesterday", ""))),
        (
            "the deploy from 3 days ago failed",
            Some(("from 3 days ago", "the deploy failed")),
        ),
        (
            "decisions between March and May on caching",
            Some(("between March and May", "decisions on caching")),
        ),
        (
            "what happened in march",
            Some(("in march", "what happened")),
        ),
        ("the 5 day plan", None),
        ("what is planned for next week", None),
        ("backups older than 30 days", None),
        ("upgrade python 3 to 4", None),
        ("what do I do right now", None),
        ("we march on", None),
        ("programs may fall over", None),
        ("python tips", None),
        ("", None),
    ];
    for (question, wanted) in table {
        let found = find(question, &now).map(|found| (found.phrase, found.rest));
        let wanted = wanted.map(|(phrase, rest)| (phrase.to_owned(), rest.to_owned()));
        assert_eq!(found, wanted, "given {question:?}");
    }
}

/// Programs write it where they mean no end.
#[test]
fn the_last_day_of_the_calendar_is_a_time() {
    let now = now();
    let asked = |before| Asked {
        before: Some(("before", before)),
        ..Asked::default()
    };
    for text in [
        "9999-12-31",
        "9999-12-31T23:59:59",
        "9999-12-31T23:59:59Z",
        "9999-12-31 23:59",
    ] {
        let understood = understand(asked(text), &now).unwrap();
        let shown = understood.shown(&now).unwrap();
        assert!(shown.starts_with("before 9999-12-30 "), "{text}: {shown}");
        assert!(parse(text, &now).is_ok(), "{text}");
    }
    assert!(understand(asked("9999-12"), &now).is_ok());
    assert!(understand(asked("9998-12-31"), &now).is_ok());
    assert!(understand(asked("10000-01-01"), &now).is_err());
}

/// It was 11:00, where the span around it began.
#[test]
fn noon_as_an_end_is_twelve_o_clock() {
    let now = now();
    let asked = Asked {
        after: Some(("after", "yesterday noon")),
        before: Some(("before", "noon")),
        phrase: None,
    };
    let shown = understand(asked, &now).unwrap().shown(&now);
    let wanted = "2025-11-18 12:00 to 2025-11-19 12:00 (Europe/Berlin)";
    assert_eq!(shown.as_deref(), Some(wanted));
}
