//! Reads words that name whole days.

use jiff::civil::{Date, ISOWeekDate, Weekday};

use super::calendar::{Days, Unit, holiday, month, season, weekday};

/// Years that a bare number may mean.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2199;

/// Reads `words` as days, seen from `today`.
pub(super) fn read(words: &[&str], today: Date) -> Option<Days> {
    relative(words, today)
        .or_else(|| units(words, today))
        .or_else(|| written_date(words, today))
        .or_else(|| latest_weekday(words, today))
        .or_else(|| occurrence(words, today))
}

/// Reads a count: a number, its word, or `a`.
pub(super) fn count(word: &str) -> Option<i64> {
    const WORDS: [&str; 13] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve",
    ];
    match word {
        "a" | "an" => Some(1),
        "couple" => Some(2),
        "few" | "several" => Some(3),
        _ => word
            .parse::<u32>()
            .ok()
            .map(i64::from)
            .or_else(|| WORDS.iter().position(|w| w == &word).map(|i| i as i64)),
    }
}

/// Reads `yesterday` and its like.
fn relative(words: &[&str], today: Date) -> Option<Days> {
    match words {
        ["today"] => Days::one(today),
        ["yesterday"] => Days::one(today.yesterday().ok()?),
        ["tomorrow"] => Days::one(today.tomorrow().ok()?),
        ["day", "before", "yesterday"] => Days::one(Unit::Day.add(today, -2)?),
        ["day", "after", "tomorrow"] => Days::one(Unit::Day.add(today, 2)?),
        ["recent" | "recently" | "lately"] => back(Unit::Day, 7, today),
        _ => None,
    }
}

/// Reads what counts in days, weeks, months, quarters and years.
fn units(words: &[&str], today: Date) -> Option<Days> {
    match words {
        [n, unit, "ago"] => {
            let unit = Unit::parse(unit)?;
            unit.around(unit.add(today, -count(n)?)?)
        }
        ["last" | "past" | "previous", n, unit] => back(Unit::parse(unit)?, count(n)?, today),
        ["next", unit] => {
            let unit = Unit::parse(unit)?;
            unit.around(unit.add(today, 1)?)
        }
        ["past", unit] => back(Unit::parse(unit)?, 1, today),
        ["last" | "previous", unit] => {
            let unit = Unit::parse(unit)?;
            unit.around(unit.add(today, -1)?)
        }
        ["this" | "current", unit] => Unit::parse(unit)?.around(today),
        [n, unit] => back(Unit::parse(unit)?, count(n)?, today),
        _ => None,
    }
}

/// The last `count` units up to and with today.
fn back(unit: Unit, count: i64, today: Date) -> Option<Days> {
    Some(Days::new(unit.add(today, -count)?, today.tomorrow().ok()?))
}

/// Reads a date in digits: ISO, a year with a month, a year, or day/month with or without a year.
fn written_date(words: &[&str], today: Date) -> Option<Days> {
    let [word] = words else { return None };
    if let Some(year) = year(word) {
        return Unit::Year.around(Date::new(year, 1, 1).ok()?);
    }
    if let Some(week) = iso_week(word) {
        return Some(week);
    }
    if word.len() == 8 && word.bytes().all(|b| b.is_ascii_digit()) {
        return Days::one(word.parse().ok()?);
    }
    let separator = word.chars().find(|c| matches!(c, '-' | '/' | '.'))?;
    let parts: Vec<i16> = word
        .split(separator)
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let has_year_first = word.find(separator) == Some(4);
    match parts.as_slice() {
        [y, m, d] if has_year_first => Days::one(day(*y, *m, *d)?),
        [y, m] if has_year_first => Unit::Month.around(day(*y, *m, 1)?),
        [d, m, y] => {
            let year = if *y < 100 { y + 2000 } else { *y };
            Days::one(day(year, *m, *d).or_else(|| day(year, *d, *m))?)
        }
        [d, m] if separator == '/' => {
            let in_year = |year| {
                day(year, *m, *d)
                    .or_else(|| day(year, *d, *m))
                    .and_then(Days::one)
            };
            latest(in_year, today.year(), |days| days.start <= today)
        }
        _ => None,
    }
}

/// Reads `2025-w05` and `2025-w05-3`.
fn iso_week(word: &str) -> Option<Days> {
    let (year, rest) = word.split_once('w')?;
    let year = year.strip_suffix('-').unwrap_or(year).parse().ok()?;
    let (week, day) = match rest.split_once('-') {
        Some((week, day)) => (week, Some(day.parse().ok()?)),
        None => (rest, None),
    };
    let weekday = Weekday::from_monday_one_offset(day.unwrap_or(1)).ok()?;
    let first = ISOWeekDate::new(year, week.parse().ok()?, weekday)
        .ok()?
        .date();
    match day {
        Some(_) => Days::one(first),
        None => Unit::Week.around(first),
    }
}

fn day(year: i16, month: i16, day: i16) -> Option<Date> {
    Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()
}

fn year(word: &str) -> Option<i16> {
    word.parse()
        .ok()
        .filter(|year| word.len() == 4 && YEARS.contains(year))
}

/// Reads `monday` as the latest one up to today, `last monday` as the latest before today, `next monday` as the one after.
fn latest_weekday(words: &[&str], today: Date) -> Option<Days> {
    if let ["next", word] = words {
        let days_until = i64::from(today.weekday().until(weekday(word)?));
        let days_until = if days_until == 0 { 7 } else { days_until };
        return Days::one(Unit::Day.add(today, days_until)?);
    }
    let (word, from) = match words {
        [word] | ["this", word] => (*word, today),
        ["last" | "past" | "previous", word] => (*word, today.yesterday().ok()?),
        _ => return None,
    };
    let wanted = weekday(word)?;
    let days_since = i64::from(wanted.until(from.weekday()));
    Days::one(Unit::Day.add(from, -days_since)?)
}

/// Reads a name that comes back each year, with or without saying which year.
fn occurrence(words: &[&str], today: Date) -> Option<Days> {
    match words {
        [name @ .., "this", "year"] => in_year(name, today.year()),
        [name @ .., "last", "year"] => in_year(name, today.year() - 1),
        [name @ .., last] if !name.is_empty() && year(last).is_some() => in_year(name, year(last)?),
        ["this", name @ ..] => in_year(name, today.year()),
        ["last" | "past" | "previous", name @ ..] => latest(
            |year| in_year(name, year),
            today.year(),
            |days| days.end <= today,
        ),
        name => latest(
            |year| in_year(name, year),
            today.year(),
            |days| days.start <= today,
        ),
    }
}

/// The latest occurrence that passes. New Year of the coming year may have begun; 29 February may be four years back.
fn latest(
    in_year: impl Fn(i16) -> Option<Days>,
    this_year: i16,
    passes: impl Fn(&Days) -> bool,
) -> Option<Days> {
    (-4..=1)
        .rev()
        .filter_map(|offset| in_year(this_year + offset))
        .find(passes)
}

/// The days that `name` means in `year`.
fn in_year(name: &[&str], year: i16) -> Option<Days> {
    if let Some(days) = holiday(name, year) {
        return Some(days);
    }
    match name {
        [word] => {
            if let Some(number) = word.strip_prefix('q') {
                return part_of_year(number.parse().ok()?, 4, year);
            }
            match month(word) {
                Some(month) => Unit::Month.around(Date::new(year, month, 1).ok()?),
                None => season(word, year),
            }
        }
        [nth, "half"] => part_of_year(ordinal(nth)?, 2, year),
        [nth, "quarter"] => part_of_year(ordinal(nth)?, 4, year),
        [a, b] => {
            let (month, day) = month(a)
                .zip(ordinal(b))
                .or_else(|| month(b).zip(ordinal(a)))?;
            Days::one(Date::new(year, month, day).ok()?)
        }
        _ => None,
    }
}

/// The `nth` of `parts` equal parts of a year, counted from 1.
fn part_of_year(nth: i8, parts: i8, year: i16) -> Option<Days> {
    let months = 12 / parts;
    (1..=parts).contains(&nth).then_some(())?;
    let start = Date::new(year, (nth - 1) * months + 1, 1).ok()?;
    Some(Days::new(start, Unit::Month.add(start, i64::from(months))?))
}

/// Reads `first`, `2nd`, `3`.
fn ordinal(word: &str) -> Option<i8> {
    const WORDS: [&str; 4] = ["first", "second", "third", "fourth"];
    let digits = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|end| word.strip_suffix(end))
        .unwrap_or(word);
    digits
        .parse()
        .ok()
        .or_else(|| WORDS.iter().position(|w| w == &word).map(|i| i as i8 + 1))
}
