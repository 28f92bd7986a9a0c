//! Reads words of time, such as `last week` or `between March and May`, as a window of instants.
//!
//! The window is in the user's local time: `yesterday` begins and ends at local midnight, also on days that have 23 or
//! 25 hours. Windows are half-open: `after_ms` belongs to them, `before_ms` does not. Weeks begin on Monday; seasons are
//! those of the northern half of the earth. A name without a year means its latest occurrence that has begun.
//!
//! Pure: the current moment and its time zone come in as one value.

mod calendar;
mod days;
mod find;
#[cfg(test)]
mod tests;

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, Zoned};

pub(crate) use find::find;

/// Longest phrase that is read, in bytes; far above every real one.
const PHRASE_BYTES_MAX: usize = 200;

/// A span of time, in milliseconds since 1970; an end that is None is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// First moment that belongs to it.
    pub(crate) after_ms: Option<i64>,
    /// First moment that does not belong to it any more.
    pub(crate) before_ms: Option<i64>,
}

impl Window {
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
     `last 2 months`, `march 2024`, `between monday and friday`, `last summer`, `first quarter of 2024`, `yesterday evening`"
)]
pub(crate) struct TimePhraseError;

/// Reads `phrase` as a window around or before `now`.
pub(crate) fn parse(phrase: &str, now: &Zoned) -> Result<Window, TimePhraseError> {
    if phrase.len() > PHRASE_BYTES_MAX {
        return Err(TimePhraseError);
    }
    if let Some(at_ms) = instant(phrase.trim(), now) {
        return Ok(Window {
            after_ms: Some(at_ms),
            before_ms: Some(at_ms.saturating_add(1000)),
        });
    }
    let owned = normal_words(phrase);
    let words: Vec<&str> = owned.iter().map(String::as_str).collect();
    window(&words, now).ok_or(TimePhraseError)
}

/// Reads `text` as the beginning of a window: a date means its local midnight, an instant means itself.
pub(crate) fn parse_start(text: &str, now: &Zoned) -> Result<i64, TimePhraseError> {
    parse(text, now)?.after_ms.ok_or(TimePhraseError)
}

/// Brings a phrase into words: lower case, no punctuation, no words that only join.
fn normal_words(phrase: &str) -> Vec<String> {
    const JOINING: [&str; 9] = [
        "the", "of", "on", "in", "at", "during", "around", "over", "within",
    ];
    let lower = phrase.to_lowercase().replace(['\u{2019}', '\''], "");
    let mut words: Vec<String> = lower
        .split(|c: char| c.is_whitespace() || c == ',')
        .map(|word| {
            word.trim_matches(|c: char| matches!(c, '?' | '!' | '.' | ';' | ':' | '"' | '(' | ')'))
        })
        .filter(|word| !word.is_empty() && !JOINING.contains(word))
        .map(str::to_owned)
        .collect();
    // `a few days`, `a couple days`: the article adds nothing.
    for i in (1..words.len()).rev() {
        if words[i - 1] == "a" && matches!(words[i].as_str(), "few" | "couple") {
            words.remove(i - 1);
        }
    }
    words
}

/// Reads an ISO date with a time, or seconds since 1970.
fn instant(text: &str, now: &Zoned) -> Option<i64> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    if text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        let seconds: f64 = text.parse().ok()?;
        return (seconds < 1e11).then_some((seconds * 1000.0) as i64);
    }
    let has_time = text.len() > 10 && text.as_bytes().get(4) == Some(&b'-') && text.contains(':');
    let at: DateTime = has_time
        .then(|| text.replacen(' ', "T", 1).parse().ok())
        .flatten()?;
    civil_ms(at, now)
}

/// Reads words that join two windows or leave an end open, then plain ones.
fn window(words: &[&str], now: &Zoned) -> Option<Window> {
    match words {
        ["between", rest @ ..] => joined(rest, &["and"], now),
        ["from", rest @ ..] => {
            joined(rest, &["to", "until", "till", "through", "-"], now).or_else(|| plain(rest, now))
        }
        ["since", rest @ ..] => Some(Window {
            before_ms: None,
            ..plain(rest, now)?
        }),
        ["before", rest @ ..] => Some(Window {
            after_ms: None,
            before_ms: plain(rest, now)?.after_ms,
        }),
        ["until" | "till", rest @ ..] => Some(Window {
            after_ms: None,
            ..plain(rest, now)?
        }),
        ["after", rest @ ..] => Some(Window {
            after_ms: plain(rest, now)?.before_ms,
            before_ms: None,
        }),
        _ => plain(words, now),
    }
}

/// Reads `A and B`: from the beginning of A to the end of B.
fn joined(words: &[&str], joints: &[&str], now: &Zoned) -> Option<Window> {
    let places = (1..words.len().saturating_sub(1)).filter(|&i| joints.contains(&words[i]));
    places.into_iter().find_map(|i| {
        let last = plain(&words[i + 1..], now)?;
        let first = plain(&words[..i], now)?;
        let is_ordered = first.after_ms < last.before_ms;
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

/// Reads one window that is not joined of others.
fn plain(words: &[&str], now: &Zoned) -> Option<Window> {
    hours(words, now)
        .or_else(|| part_of_day(words, now))
        .or_else(|| {
            let days = days::read(words, now.date())?;
            between(days.start, days.end, now)
        })
}

/// Reads `2 hours ago`, `last 30 minutes`: from then until now.
fn hours(words: &[&str], now: &Zoned) -> Option<Window> {
    let (count, unit) = match words {
        [count, unit, "ago"] | ["last" | "past", count, unit] => (days::count(count)?, *unit),
        ["last" | "past", unit] => (1, *unit),
        _ => return None,
    };
    let unit_ms = match unit.trim_end_matches('s') {
        "hour" => 3_600_000,
        "minute" => 60_000,
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
        "noon" | "midday" => (11, 14),
        "afternoon" => (12, 18),
        "evening" => (18, 22),
        "night" => (20, 5),
        "midnight" => (23, 1),
        _ => return None,
    })
}

fn between(start: Date, end: Date, now: &Zoned) -> Option<Window> {
    let midnight = |date: Date| civil_ms(date.at(0, 0, 0, 0), now);
    Some(Window {
        after_ms: Some(midnight(start)?),
        before_ms: Some(midnight(end)?),
    })
}

/// The instant of a local time. Where clocks jump over it, the first moment after the jump; where it comes twice, the
/// first.
fn civil_ms(at: DateTime, now: &Zoned) -> Option<i64> {
    at.to_zoned(now.time_zone().clone())
        .ok()
        .map(|zoned| zoned.timestamp().as_millisecond())
}

fn moment(at_ms: i64, now: &Zoned) -> Option<Zoned> {
    Timestamp::from_millisecond(at_ms)
        .ok()
        .map(|at| at.to_zoned(now.time_zone().clone()))
}
