//! Finds a time phrase inside a question, as old clients of `recall_memory` ask it.

use jiff::Zoned;

use super::days::count;
use super::words::normal_words;
use super::{Window, parse};

/// Most words that a phrase inside a question has.
const WORDS_MAX: usize = 8;
/// Most words of a question that are looked at.
const QUESTION_WORDS_MAX: usize = 100;

/// A time phrase inside a longer text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundPhrase {
    /// The phrase as it was written.
    pub(crate) phrase: String,
    /// What it means.
    pub(crate) window: Window,
    /// The text without it.
    pub(crate) rest: String,
}

/// Finds the longest time phrase in `text`; None if there is none beyond doubt.
///
/// A single word counts only if it can mean nothing but a time: `may` and `march` are also verbs, `fall` is also a thing
/// that programs do. `in march` and `last fall` count.
pub(crate) fn find(text: &str, now: &Zoned) -> Option<FoundPhrase> {
    let words: Vec<&str> = text.split_whitespace().take(QUESTION_WORDS_MAX).collect();
    (1..=words.len().min(WORDS_MAX)).rev().find_map(|length| {
        (0..=words.len() - length).find_map(|start| {
            let slice = &words[start..start + length];
            let window = is_beyond_doubt(slice)
                .then(|| parse(&slice.join(" "), now).ok())
                .flatten()?;
            let rest = [&words[..start], &words[start + length..]]
                .concat()
                .join(" ");
            Some(FoundPhrase {
                phrase: slice.join(" "),
                window,
                rest,
            })
        })
    })
}

/// Finds the longest time phrase at the beginning of `text`, where a time is expected; None if there is none.
///
/// `may`, `fall`, `spring` and short names of weekdays count only if nothing else is there: `spring boot` is no season.
pub(crate) fn leading(text: &str, now: &Zoned) -> Option<FoundPhrase> {
    let words: Vec<&str> = text.split_whitespace().take(QUESTION_WORDS_MAX).collect();
    (1..=words.len().min(WORDS_MAX)).rev().find_map(|length| {
        let (phrase, rest) = words.split_at(length);
        let is_doubtful =
            rest.len() + 1 == words.len() && !rest.is_empty() && is_other_word(phrase[0]);
        let window = (!is_doubtful)
            .then(|| parse(&phrase.join(" "), now).ok())
            .flatten()?;
        Some(FoundPhrase {
            phrase: phrase.join(" "),
            window,
            rest: rest.join(" "),
        })
    })
}

fn is_other_word(word: &str) -> bool {
    let word = word.to_lowercase();
    let others = [
        "may", "fall", "spring", "mar", "mon", "wed", "fri", "sat", "sun",
    ];
    others.contains(&word.as_str())
}

fn is_beyond_doubt(slice: &[&str]) -> bool {
    let first = slice[0].to_lowercase();
    let last = slice[slice.len() - 1].to_lowercase();
    let is_joining =
        |word: &str| matches!(word, "the" | "of" | "a" | "an" | "at" | "over" | "around");
    if slice.len() > 1 {
        return !is_doubtful(slice)
            && !is_joining(&first)
            && !matches!(
                last.as_str(),
                "the" | "of" | "on" | "in" | "at" | "during" | "over"
            );
    }
    let word = first.trim_matches(|c: char| c.is_ascii_punctuation());
    matches!(
        word,
        "today" | "yesterday" | "tonight" | "recently" | "lately"
    ) || (word.len() == 10 && word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('-'))
}

/// Says whether words mean a time only where a time is asked for: memories are not of the future, `the 5 day plan` is a
/// plan, and `upgrade from 3 to 4` a version.
fn is_doubtful(slice: &[&str]) -> bool {
    let words = normal_words(&slice.join(" "));
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    let is_span = matches!(
        words[..].first().map(String::as_str),
        Some("from" | "between" | "since")
    );
    let is_length = matches!(&words[..], [n, _] if count(n).is_some());
    is_length || ["next", "tomorrow", "than", "now"].into_iter().any(has) || (has("to") && !is_span)
}
