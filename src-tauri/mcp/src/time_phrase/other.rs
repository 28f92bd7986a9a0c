//! Phrases that may be read in two ways: `03/04/2025` is in April in some countries and in March in others, and `6m` may be
//! minutes or months.

use jiff::Zoned;

use super::Window;
use super::words::normal_words;

/// Reads `phrase` in the other way than [`super::parse`] does; None if there is no other way.
pub(super) fn other_reading(phrase: &str, now: &Zoned) -> Option<Window> {
    let words = normal_words(phrase);
    let others: Vec<String> = words.iter().map(|word| other(word)).collect();
    if words == others {
        return None;
    }
    let read = |words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        super::window(&words, now)
    };
    let (first, second) = (read(&words)?, read(&others)?);
    (first != second).then_some(second)
}

/// Returns the same word with month and day changed, or months for minutes.
fn other(word: &str) -> String {
    if word == "m" {
        return "months".to_owned();
    }
    changed(word, '/')
        .or_else(|| changed(word, '-'))
        .unwrap_or_else(|| word.to_owned())
}

/// Dots are left alone: who writes them puts the day first.
fn changed(word: &str, separator: char) -> Option<String> {
    let parts: Vec<&str> = word.split(separator).collect();
    let (first, second, year) = match parts.as_slice() {
        [first, second] if separator == '/' => (first, second, None),
        [first, second, year] => (first, second, Some(year)),
        _ => return None,
    };
    let is_month = |part: &str| (1..=12).contains(&part.parse::<u8>().unwrap_or(0));
    if !is_month(first) || !is_month(second) {
        return None;
    }
    let year = year.map_or_else(String::new, |year| format!("{separator}{year}"));
    Some(format!("{second}{separator}{first}{year}"))
}
