//! Reads a moment that is written in digits: ISO 8601, the form of mails and HTTP, time since 1970.

use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::{Timestamp, Zoned};

use super::civil_ms;

/// Seconds since 1970 end here (the year 5138), and milliseconds begin (March 1973).
const SECONDS_END: f64 = 1e11;
/// Milliseconds since 1970 end here: the year 2286.
const MILLISECONDS_END: f64 = 1e13;

/// Reads `text` as a moment, in milliseconds since 1970. Without a zone it is one of the zone of `now`.
pub(super) fn read(text: &str, now: &Zoned) -> Option<i64> {
    if let Some(at_ms) = since_1970(text) {
        return Some(at_ms);
    }
    let begins_with_year = text.len() > 10 && text.bytes().take(4).all(|b| b.is_ascii_digit());
    if !begins_with_year {
        let at = rfc2822::parse(text).ok()?;
        return Some(at.timestamp().as_millisecond());
    }
    let iso = as_iso(text);
    if let Ok(at) = iso.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    if let Ok(at) = iso.parse::<Zoned>() {
        return Some(at.timestamp().as_millisecond());
    }
    let has_time = iso.contains('t');
    // What ends with `z` comes here if it is after the last moment.
    let civil = iso.strip_suffix('z').unwrap_or(&iso);
    let at: DateTime = has_time.then(|| civil.parse().ok()).flatten()?;
    civil_ms(at, now)
}

/// Reads seconds or milliseconds since 1970. Eight digits are a date.
fn since_1970(text: &str) -> Option<i64> {
    let is_number = text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = is_number.then(|| text.parse().ok()).flatten()?;
    match number {
        n if n < SECONDS_END => Some((n * 1000.0) as i64),
        n if n < MILLISECONDS_END => Some(n as i64),
        _ => None,
    }
}

/// Writes `2025/01/31 10:30` as `2025-01-31t10:30`.
fn as_iso(text: &str) -> String {
    let (date, rest) = text.split_at(text.floor_char_boundary(10));
    let date = date.replace('/', "-");
    let rest = rest.to_lowercase();
    let rest = match rest.strip_prefix(' ') {
        Some(time) if time.starts_with(|c: char| c.is_ascii_digit()) => format!("t{time}"),
        _ => rest,
    };
    // `10:30:45 +0100`
    let rest = rest
        .replace(" +", "+")
        .replace(" -", "-")
        .replace(" utc", "z");
    date + &rest
}
