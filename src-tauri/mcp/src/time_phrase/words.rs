//! Brings a phrase into words, whatever stands between them and however units are shortened.

use super::days::count;

/// Brings a phrase into words: lower case, no punctuation, no words that only join, units in full.
///
/// `last_week`, `last-week` and `Last week?` are the same words; so are `7d` and `7 days`. Of the short units only `m` stays
/// as it is, since it may be minutes or months.
pub(super) fn normal_words(phrase: &str) -> Vec<String> {
    const JOINING: [&str; 9] = [
        "the", "of", "on", "in", "at", "during", "around", "over", "within",
    ];
    let lower = with_joints(&phrase.to_lowercase()).replace(['\u{2019}', '\''], "");
    let words = lower.split(|c: char| c.is_whitespace() || matches!(c, ',' | '_'));
    let is_around = |c: char| matches!(c, '?' | '!' | '.' | ';' | ':' | '"' | '`' | '(' | ')');
    let words = words.map(|word| word.trim_matches(is_around));
    let words = words.flat_map(parts).flat_map(number_and_unit);
    let mut words: Vec<String> = words
        .filter(|word| !word.is_empty() && !JOINING.contains(word))
        .map(str::to_owned)
        .collect();
    // `a few days`, `a couple days`: the article adds nothing.
    for i in (1..words.len()).rev() {
        if words[i - 1] == "a" && matches!(words[i].as_str(), "few" | "couple") {
            words.remove(i - 1);
        }
    }
    for i in 0..words.len() {
        let is_counted = i > 0 && count(&words[i - 1]).is_some();
        if let Some(unit) = unit(&words[i], is_counted) {
            words[i] = unit.to_owned();
        }
    }
    words
}

/// Writes `to` for the signs that stand between two dates: `2025-01-01..2025-01-31`, `2025-01-01/2025-01-31`, a dash.
fn with_joints(phrase: &str) -> String {
    let joined = ["..", "\u{2013}", "\u{2014}", "\u{2192}", "->"]
        .iter()
        .fold(phrase.to_owned(), |text, sign| text.replace(sign, " to "));
    // The form of ISO 8601.
    match joined.split_once('/') {
        Some((first, last)) if first.contains('-') && last.contains('-') => {
            format!("{first} to {last}")
        }
        _ => joined,
    }
}

/// Takes a word apart at its hyphens, unless they are those of a date.
fn parts(word: &str) -> Vec<&str> {
    let begins_with_year = word
        .split_once('-')
        .is_some_and(|(year, _)| year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit()));
    let has_letter = word.chars().any(char::is_alphabetic);
    match has_letter && !begins_with_year {
        true => word.split('-').collect(),
        false => vec![word],
    }
}

/// Takes `7d` apart; `5th` stays whole.
fn number_and_unit(word: &str) -> Vec<&str> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = word.split_at(digits);
    let is_unit = digits > 0 && (rest == "m" || unit(rest, true).is_some());
    match is_unit {
        true => vec![number, rest],
        false => vec![word],
    }
}

/// Units, each with its short names.
const UNITS: [(&str, &[&str]); 8] = [
    ("seconds", &["secs", "sec", "s"]),
    ("minutes", &["mins", "min"]),
    ("hours", &["hrs", "hr", "h"]),
    ("days", &["d"]),
    ("weeks", &["wks", "wk", "w"]),
    ("months", &["mths", "mth", "mos", "mo"]),
    ("quarters", &["qtrs", "qtr"]),
    ("years", &["yrs", "yr", "y"]),
];

/// Returns a unit in full; None if the word is none. A single letter is one only behind a number, and a word in full stays
/// as it is elsewhere: `last year`, `the day before yesterday`.
fn unit(word: &str, is_counted: bool) -> Option<&'static str> {
    let is_short = |others: &[&str]| others.contains(&word) && (is_counted || word.len() > 1);
    let is_full =
        |unit: &str| is_counted && unit.trim_end_matches('s') == word.trim_end_matches('s');
    let found = UNITS
        .iter()
        .find(|(unit, others)| is_short(others) || is_full(unit));
    found.map(|(unit, _)| *unit)
}
