//! Reads words of time, such as `last week` or `between March and May`, as a window of instants.
//!
//! The window is in the user's local time: `yesterday` begins and ends at local midnight, also on days that have 23 or
//! 25 hours. Windows are half-open: `after_ms` belongs to them, `before_ms` does not. Weeks begin on Monday; seasons are
//! those of the northern half of the earth. A name without a year means its latest occurrence that has begun.
//!
//! Pure: the current moment and its time zone come in as one value.

mod asked;
mod calendar;
mod days;
mod find;
mod instant;
mod other;
#[cfg(test)]
mod tests;
mod words;

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, Zoned};

pub(crate) use asked::doubt;
pub use asked::{Asked, AskedError, Doubt, Understood, understand};
pub(crate) use find::{find, leading};
use words::normal_words;

/// Longest phrase that is read, in bytes; far above every real one.
const PHRASE_BYTES_MAX: usize = 200;

/// How far back `now` reaches where it is all that is asked for.
const NOW_MS: i64 = 3_600_000;

/// A span of time, in milliseconds since 1970; an end that is None is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// First moment that belongs to it.
    pub(crate) after_ms: Option<i64>,
    /// First moment that does not belong to it any more.
    pub(crate) before_ms: Option<i64>,
}

impl Window {
    /// All from `after_ms` on.
    fn from_start(after_ms: i64) -> Self {
        Self {
            after_ms: Some(after_ms),
            before_ms: None,
        }
    }

    /// Returns the moments that are in both windows.
    pub(crate) fn and(self, other: Self) -> Self {
        let later = |a: Option<i64>, b: Option<i64>| a.max(b);
        let earlier = |a: Option<i64>, b: Option<i64>| [a, b].into_iter().flatten().min();
        Self {
            after_ms: later(self.after_ms, other.after_ms),
            before_ms: earlier(self.before_ms, other.before_ms),
        }
    }
}

/// Tells that a text is no time that this program can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a date such as `2025-01-31`, or words such as `yesterday`, `3 days ago`, `last week`, `this month`, \
     `last 2 months`, `7d`, `24h`, `march 2024`, `between monday and friday`, `older than 30 days`, `last summer`, `first quarter of 2024`, `yesterday evening`"
)]
pub(crate) struct TimePhraseError;

/// Reads `phrase` as a window around or before `now`.
pub(crate) fn parse(phrase: &str, now: &Zoned) -> Result<Window, TimePhraseError> {
    if phrase.len() > PHRASE_BYTES_MAX {
        return Err(TimePhraseError);
    }
    if let Some(at_ms) = instant::read(phrase.trim(), now) {
        return Ok(from_moment(at_ms));
    }
    let owned = normal_words(phrase);
    let words: Vec<&str> = owned.iter().map(String::as_str).collect();
    window(&words, now).ok_or(TimePhraseError)
}

/// Reads `text` as the beginning of a window: a date means its local midnight, an instant means itself.
pub(crate) fn parse_start(text: &str, now: &Zoned) -> Result<i64, TimePhraseError> {
    if normal_words(text) == ["now"] {
        return Ok(now.timestamp().as_millisecond());
    }
    parse(text, now)?.after_ms.ok_or(TimePhraseError)
}

/// Words between two ends.
const TO: &[&str] = &["to", "until", "till", "through", "-"];

/// Reads `text` as an end that belongs to the span, and writes the moment after it as ISO text.
pub(crate) fn end_of(text: &str, now: &Zoned) -> Option<String> {
    let end_ms = parse(text, now).ok()?.before_ms?;
    let end = Timestamp::from_millisecond(end_ms).ok()?;
    Some(end.to_string())
}

/// Reads words that join two windows or leave an end open, then plain ones.
fn window(words: &[&str], now: &Zoned) -> Option<Window> {
    match words {
        ["between", rest @ ..] => joined(rest, &["and", "to", "-"], now),
        ["from", rest @ ..] => joined(rest, TO, now).or_else(|| plain(rest, now)),
        ["since", rest @ ..] => joined(rest, TO, now).or_else(|| {
            Some(Window {
                before_ms: None,
                ..plain(rest, now)?
            })
        }),
        ["before", rest @ ..] => Some(ended_by(plain(rest, now)?)),
        ["older" | "earlier" | "more", "than", rest @ ..] => Some(ended_by(length(rest, now)?)),
        ["newer" | "younger" | "later" | "less", "than", rest @ ..] => Some(Window {
            before_ms: None,
            ..length(rest, now)?
        }),
        ["until" | "till", rest @ ..] => Some(Window {
            after_ms: None,
            ..plain(rest, now)?
        }),
        ["after", rest @ ..] => Some(Window {
            after_ms: plain(rest, now)?.before_ms,
            before_ms: None,
        }),
        // Nothing is ever stored in the moment of asking.
        ["now"] | ["just" | "right", "now"] => plain(&["now"], now).map(|moment| Window {
            after_ms: moment.after_ms.map(|at_ms| at_ms - NOW_MS),
            ..moment
        }),
        ["now", "-", rest @ ..] | ["now", rest @ ..] => length(rest, now),
        _ => plain(words, now).or_else(|| joined(words, TO, now)),
    }
}

/// All that is before a window.
fn ended_by(window: Window) -> Window {
    Window {
        after_ms: None,
        before_ms: window.after_ms,
    }
}

/// Reads how long ago: `30 days`, also with `ago`, or a date.
fn length(words: &[&str], now: &Zoned) -> Option<Window> {
    let words = words.strip_suffix(&["ago"]).unwrap_or(words);
    plain(words, now)
}

/// Reads `A and B`: from the beginning of A to the end of B.
fn joined(words: &[&str], joints: &[&str], now: &Zoned) -> Option<Window> {
    let places = (1..words.len().saturating_sub(1)).filter(|&i| joints.contains(&words[i]));
    places.into_iter().find_map(|i| {
        let last = plain(&words[i + 1..], now)?;
        let first = plain(&words[..i], now)?;
        let is_ordered = first.after_ms < last.before_ms;
        if !is_ordered && is_relative(&words[..i]) {
            return Some(Window {
                after_ms: last.after_ms,
                before_ms: first.before_ms,
            });
        }
        // `between November and February` means the November before that February.
        let first = if is_ordered {
            first
        } else {
            plain(&words[..i], &moment(last.after_ms?, now)?)?
        };
        (first.after_ms < last.before_ms).then_some(Window {
            after_ms: first.after_ms,
            before_ms: last.before_ms,
        })
    })
}

/// Says whether words count from the moment of asking: `between today and 3 days ago` is the span back to then.
fn is_relative(words: &[&str]) -> bool {
    const FROM_NOW: [&str; 8] = [
        "now",
        "today",
        "yesterday",
        "ago",
        "last",
        "past",
        "previous",
        "this",
    ];
    words.iter().any(|word| FROM_NOW.contains(word))
}

/// Reads one window that is not joined of others.
fn plain(words: &[&str], now: &Zoned) -> Option<Window> {
    current(words, now)
        .or_else(|| written(words, now))
        .or_else(|| hours(words, now))
        .or_else(|| part_of_day(words, now))
        .or_else(|| {
            let days = days::read(words, now.date())?;
            between(days.start, days.end, now)
        })
}

/// Reads `now` as one end of a span.
fn current(words: &[&str], now: &Zoned) -> Option<Window> {
    (words == ["now"]).then(|| from_moment(now.timestamp().as_millisecond()))
}

/// Reads a moment in digits as one end of a span; it may have a blank in it.
fn written(words: &[&str], now: &Zoned) -> Option<Window> {
    let text = matches!(words, [_] | [_, _]).then(|| words.join(" "))?;
    instant::read(&text, now).map(from_moment)
}

/// The second that begins with a moment.
fn from_moment(at_ms: i64) -> Window {
    Window {
        after_ms: Some(at_ms),
        before_ms: Some(at_ms.saturating_add(1000).min(last_ms())),
    }
}

/// Reads `2 hours ago`, `last 30 minutes`, `24 hours`: from then until now.
fn hours(words: &[&str], now: &Zoned) -> Option<Window> {
    let (count, unit) = match words {
        [count, unit, "ago"] | ["last" | "past" | "previous", count, unit] | [count, unit] => {
            match days::count(count) {
                Some(count) => (count, *unit),
                None if matches!(*count, "last" | "past" | "previous") => (1, *unit),
                None => return None,
            }
        }
        _ => return None,
    };
    let unit_ms = match unit.trim_end_matches('s') {
        "hour" => 3_600_000,
        "minute" | "m" => 60_000,
        "second" => 1000,
        _ => return None,
    };
    let now_ms = now.timestamp().as_millisecond();
    let after_ms = now_ms.checked_sub(count.checked_mul(unit_ms)?)?;
    Some(Window {
        after_ms: Some(after_ms),
        before_ms: Some(now_ms + 1),
    })
}

/// Reads `yesterday morning`, `evening of 5 March`, `last night`.
fn part_of_day(words: &[&str], now: &Zoned) -> Option<Window> {
    let (part, day) = match words {
        ["tonight"] => ("night", vec!["today"]),
        ["last", "night"] => ("night", vec!["yesterday"]),
        [part] | ["this", part] => (*part, vec!["today"]),
        [day @ .., part] if hours_of(part).is_some() => (*part, day.to_vec()),
        [part, day @ ..] => (*part, day.to_vec()),
        [] => return None,
    };
    let (from, until) = hours_of(part)?;
    let days = days::read(&day, now.date())?;
    if days.start.tomorrow().ok()? != days.end {
        return None;
    }
    let end = if until <= from { days.end } else { days.start };
    Some(Window {
        after_ms: Some(civil_ms(days.start.at(from, 0, 0, 0), now)?),
        before_ms: Some(civil_ms(end.at(until, 0, 0, 0), now)?),
    })
}

/// First hour of a part of the day, and the first hour after it; a part may last into the next day.
fn hours_of(part: &str) -> Option<(i8, i8)> {
    Some(match part {
        "morning" => (5, 12),
        "noon" | "midday" => (12, 14),
        "afternoon" => (12, 18),
        "evening" => (18, 22),
        "night" => (20, 5),
        "midnight" => (23, 1),
        _ => return None,
    })
}

fn between(start: Date, end: Date, now: &Zoned) -> Option<Window> {
    let midnight = |date: Date| civil_ms(date.at(0, 0, 0, 0), now);
    let before_ms = midnight(end)?;
    Some(Window {
        // Both may be the last moment there is.
        after_ms: Some(midnight(start)?.min(before_ms - 1)),
        before_ms: Some(before_ms),
    })
}

/// The instant of a local time. Where clocks jump over it, the first moment after the jump; where it comes twice, the
/// first. The calendar goes on for a day after the last moment: `9999-12-31`, which stands for no end, means that moment.
fn civil_ms(at: DateTime, now: &Zoned) -> Option<i64> {
    match at.to_zoned(now.time_zone().clone()) {
        Ok(zoned) => Some(zoned.timestamp().as_millisecond()),
        Err(_) => (at.year() == Date::MAX.year()).then_some(last_ms()),
    }
}

/// The last second that can be written as a date.
fn last_ms() -> i64 {
    Timestamp::MAX.as_second() * 1000
}

fn moment(at_ms: i64, now: &Zoned) -> Option<Zoned> {
    Timestamp::from_millisecond(at_ms)
        .ok()
        .map(|at| at.to_zoned(now.time_zone().clone()))
}
