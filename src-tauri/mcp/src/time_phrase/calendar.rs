//! Days, weeks, months, seasons and feasts as half-open spans of dates.

use jiff::Span;
use jiff::civil::{Date, Weekday, date};

/// A span of whole days; `end` does not belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    pub(super) start: Date,
    pub(super) end: Date,
}

impl Days {
    pub(super) fn new(start: Date, end: Date) -> Self {
        Self { start, end }
    }

    /// One single day; the last one of the calendar ends with itself.
    pub(super) fn one(day: Date) -> Option<Self> {
        Some(Self::new(day, day.tomorrow().unwrap_or(Date::MAX)))
    }
}

/// A length that calendars count in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "day" | "days" => Self::Day,
            "week" | "weeks" => Self::Week,
            "month" | "months" => Self::Month,
            "quarter" | "quarters" => Self::Quarter,
            "year" | "years" => Self::Year,
            _ => return None,
        })
    }

    /// The day `count` units after `day`; None beyond the calendar's end.
    pub(super) fn add(self, day: Date, count: i64) -> Option<Date> {
        let span = Span::new();
        let span = match self {
            Self::Day => span.try_days(count),
            Self::Week => span.try_weeks(count),
            Self::Month => span.try_months(count),
            Self::Quarter => span.try_months(count.checked_mul(3)?),
            Self::Year => span.try_years(count),
        };
        day.checked_add(span.ok()?).ok()
    }

    /// The whole week, month, quarter or year that `day` is in.
    pub(super) fn around(self, day: Date) -> Option<Days> {
        let start = match self {
            Self::Day => day,
            Self::Week => Self::Day.add(day, -i64::from(day.weekday().to_monday_zero_offset()))?,
            Self::Month => day.first_of_month(),
            Self::Quarter => date(day.year(), (day.month() - 1) / 3 * 3 + 1, 1),
            Self::Year => day.first_of_year(),
        };
        Some(Days::new(start, self.add(start, 1).unwrap_or(Date::MAX)))
    }
}

/// The number of a month by its name or first three letters.
pub(super) fn month(word: &str) -> Option<i8> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let is_it = |name: &&str| {
        word == *name || word == &name[..3] || (*name == "september" && word == "sept")
    };
    NAMES.iter().position(is_it).map(|i| i as i8 + 1)
}

/// A day of the week by its name or first three letters.
pub(super) fn weekday(word: &str) -> Option<Weekday> {
    const NAMES: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    NAMES
        .iter()
        .find(|(name, _)| word == *name || word == &name[..3])
        .map(|(_, day)| *day)
}

/// The season of that name that begins in `year`.
pub(super) fn season(word: &str, year: i16) -> Option<Days> {
    let (start, end) = match word {
        "spring" => (Date::new(year, 3, 20), Date::new(year, 6, 21)),
        "summer" => (Date::new(year, 6, 21), Date::new(year, 9, 23)),
        "fall" | "autumn" => (Date::new(year, 9, 23), Date::new(year, 12, 21)),
        "winter" => (
            Date::new(year, 12, 21),
            Date::new(year.checked_add(1)?, 3, 20),
        ),
        _ => return None,
    };
    Some(Days::new(start.ok()?, end.ok()?))
}

/// The feast of that name in `year`; Christmas has three days, New Year begins on its eve.
pub(super) fn holiday(words: &[&str], year: i16) -> Option<Days> {
    let day = |month, day| Date::new(year, month, day).ok();
    match words {
        ["christmas"] => Some(Days::new(day(12, 24)?, day(12, 27)?)),
        ["christmas", "eve"] => Days::one(day(12, 24)?),
        ["christmas", "day"] => Days::one(day(12, 25)?),
        ["new", "year" | "years"] => Some(Days::new(
            Date::new(year.checked_sub(1)?, 12, 31).ok()?,
            day(1, 2)?,
        )),
        ["new", "year" | "years", "eve"] => Days::one(day(12, 31)?),
        ["new", "year" | "years", "day"] => Days::one(day(1, 1)?),
        ["valentine" | "valentines"] | ["valentine" | "valentines", "day"] => {
            Days::one(day(2, 14)?)
        }
        ["halloween"] => Days::one(day(10, 31)?),
        ["thanksgiving"] => Days::one(
            day(11, 1)?
                .nth_weekday_of_month(4, Weekday::Thursday)
                .ok()?,
        ),
        _ => None,
    }
}
