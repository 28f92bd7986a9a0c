//! The time that somebody asks for with three arguments: a phrase, a beginning and an end, all of which must hold.
//!
//! Tools and commands share it, so that both read the same words in the same way.

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::{TimePhraseError, Window, moment, other, parse, parse_start};

/// What was given; None where nothing was.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// When, in words such as `last week`, and what its argument is called.
    pub phrase: Option<(&'static str, &'a str)>,
    /// From when on, and what its argument is called.
    pub after: Option<(&'static str, &'a str)>,
    /// Until when, and what its argument is called.
    pub before: Option<(&'static str, &'a str)>,
}

/// How it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Understood {
    /// First moment, in milliseconds since 1970; None is open.
    pub after_ms: Option<i64>,
    /// First moment that does not belong to it any more; None is open.
    pub before_ms: Option<i64>,
    /// What could have been read in another way too.
    pub doubts: Vec<Doubt>,
}

/// A text that can be read in two ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    argument: &'static str,
    given: String,
    taken: String,
    other: String,
}

impl Doubt {
    /// Says which way was taken.
    pub fn note(&self) -> String {
        let Self {
            argument,
            given,
            taken,
            other,
        } = self;
        format!(
            "`{argument}`: `{given}` was read as {taken}, not as {other}; write dates as YYYY-MM-DD to be sure"
        )
    }

    /// Refuses to take one of them.
    pub fn refusal(&self) -> String {
        let Self {
            argument,
            given,
            taken,
            other,
        } = self;
        format!(
            "`{argument}`: `{given}` can be read as {taken} or as {other}, and nothing was done: write the one that is \
             meant, dates as YYYY-MM-DD"
        )
    }
}

/// Tells why a time cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskedError {
    /// An argument is no time.
    #[error("{argument} must be {TimePhraseError}; got `{given}`")]
    Unreadable {
        /// What it is called.
        argument: &'static str,
        /// What was given.
        given: String,
    },
    /// Nothing is both after the one and before the other.
    #[error("the time asked for is empty: `after` must be earlier than `before`")]
    Empty,
}

/// Reads what was asked for, seen from `now`.
///
/// # Errors
/// If one of them cannot be read, or nothing can meet all of them.
pub fn understand(asked: Asked<'_>, now: &Zoned) -> Result<Understood, AskedError> {
    let mut doubts = Vec::new();
    let mut read = |given: Option<(&'static str, &str)>, is_start: bool| {
        let Some((argument, text)) = given else {
            return Ok(None);
        };
        let window = match is_start {
            true => parse_start(text, now).map(Window::from_start),
            false => parse(text, now),
        };
        let window = window.map_err(|_| AskedError::Unreadable {
            argument,
            given: text.to_owned(),
        })?;
        doubts.extend(doubt_of(argument, text, window, is_start, now));
        Ok(Some(window))
    };
    let phrase = read(asked.phrase, false)?.unwrap_or_default();
    let after_ms = read(asked.after, true)?.and_then(|window| window.after_ms);
    let before_ms = read(asked.before, true)?.and_then(|window| window.after_ms);
    let Window {
        after_ms,
        before_ms,
    } = phrase.and(Window {
        after_ms,
        before_ms,
    });
    match (after_ms, before_ms) {
        (Some(after), Some(before)) if after >= before => Err(AskedError::Empty),
        _ => Ok(Understood {
            after_ms,
            before_ms,
            doubts,
        }),
    }
}

/// Says in which two ways `text` can be read, if it is a span that can be.
pub(crate) fn doubt(argument: &'static str, text: &str, now: &Zoned) -> Option<Doubt> {
    doubt_of(argument, text, parse(text, now).ok()?, false, now)
}

fn doubt_of(
    argument: &'static str,
    text: &str,
    taken: Window,
    is_start: bool,
    now: &Zoned,
) -> Option<Doubt> {
    let other = other::other_reading(text, now)?;
    let dates = |window: Window| match is_start {
        true => window.after_ms.map(|at_ms| date(at_ms, now)),
        false => Some(dates(window, now)),
    };
    Some(Doubt {
        argument,
        given: text.to_owned(),
        taken: dates(taken)?,
        other: dates(other)?,
    })
}

/// Writes a window as its days.
fn dates(window: Window, now: &Zoned) -> String {
    let first = window.after_ms.map(|at_ms| date(at_ms, now));
    let last = window.before_ms.map(|at_ms| date(at_ms - 1, now));
    match (first, last) {
        (Some(first), Some(last)) if first == last => first,
        (first, last) => span(first, last),
    }
}

fn span(first: Option<String>, last: Option<String>) -> String {
    match (first, last) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        (Some(first), None) => format!("since {first}"),
        (None, Some(last)) => format!("before {last}"),
        (None, None) => "any time".to_owned(),
    }
}

fn date(at_ms: i64, now: &Zoned) -> String {
    moment(at_ms, now).map_or_else(|| "?".to_owned(), |at| at.date().to_string())
}

impl Understood {
    /// Writes the span in the time zone of `now`, with its name; None if any time is meant.
    pub fn shown(&self, now: &Zoned) -> Option<String> {
        let at = |at_ms: i64| {
            let at = moment(at_ms, now);
            at.map_or_else(
                || "?".to_owned(),
                |at| at.strftime("%Y-%m-%d %H:%M").to_string(),
            )
        };
        let (after, before) = (self.after_ms.map(at), self.before_ms.map(at));
        (after.is_some() || before.is_some())
            .then(|| format!("{} ({})", span(after, before), zone(now.time_zone(), now)))
    }
}

/// The name of a time zone, or how far it is from UTC.
fn zone(zone: &TimeZone, now: &Zoned) -> String {
    let name = zone.iana_name().map(str::to_owned);
    name.unwrap_or_else(|| format!("UTC{}", now.strftime("%:z")))
}
