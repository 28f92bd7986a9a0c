//! Keeps answers short: how much room a text takes, and how room is shared among memories.
//!
//! The unit is a quarter of a token, about one ASCII character. Other alphabets take more tokens for a character, so
//! they cost more; the figures are rough on purpose, since every model counts differently. They are never less than the
//! bytes that a text takes in JSON, so that what keeps to its room keeps to the limits of clients ([`Reach`]) too.

use serde_json::Value;

use crate::arguments::Choice;
use crate::readers::Reach;

/// Room of an answer by default: about 2,000 tokens.
pub(crate) const SHORT: usize = 8_000;
/// Hits up to which the default room is kept; who asks for more gets room for more.
const HITS_IN_SHORT: usize = 20;
/// Room that heading and notes take; memories share the rest.
const FRAME: usize = 500;
/// Least room that is worth showing a memory in.
pub(crate) const LEAST: usize = 100;

/// How much of each memory is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Long texts are shortened.
    #[default]
    Short,
    /// Texts are shown whole.
    Full,
}

impl Detail {
    /// The words of the argument `detail`.
    pub(crate) const WORDS: Choice<Self> = Choice {
        words: &[("short", Self::Short), ("full", Self::Full)],
        old_words: &[],
    };

    /// Room for the memories of an answer with up to `hits` of them, at a client that takes so much.
    pub(crate) fn room(self, hits: usize, reach: Reach) -> usize {
        let asked = match self {
            Self::Short => SHORT * hits.max(HITS_IN_SHORT) / HITS_IN_SHORT,
            Self::Full => usize::MAX,
        };
        asked.min(reach.room()) - FRAME
    }
}

/// Returns the room that `text` takes.
pub(crate) fn cost(text: &str) -> usize {
    text.chars().map(char_cost).sum()
}

fn char_cost(c: char) -> usize {
    match c {
        // Written with a backslash in JSON.
        '"' | '\\' | '\n' | '\t' | '\r' => 2,
        '\0'..='\u{1f}' => 6,
        ' '..='\u{7f}' => 1,
        '\u{80}'..='\u{7ff}' => 2,
        '\u{800}'..='\u{2e7f}' => 3,
        _ => 4,
    }
}

/// Returns the room that a JSON value takes as it is written.
pub(crate) fn cost_of_json(value: &Value) -> usize {
    let is_ascii = |c: &char| c.is_ascii();
    let written = value.to_string();
    let ascii = written.chars().filter(is_ascii).count();
    let wide = written.chars().filter(|c| !is_ascii(c)).map(char_cost);
    ascii + wide.sum::<usize>()
}

/// Splits `text` where `room` ends; the first part may be empty.
pub(crate) fn split(text: &str, room: usize) -> (&str, &str) {
    let mut left = room;
    let fits = |&(_, c): &(usize, char)| {
        let cost = char_cost(c);
        let is_room = cost <= left;
        left = left.saturating_sub(cost);
        is_room
    };
    let last = text.char_indices().take_while(fits).last();
    text.split_at(last.map_or(0, |(at, c)| at + c.len_utf8()))
}

/// Cuts `text` to `room`, at a space if one is near, and marks the cut with `…`; None if it fits as it is.
pub(crate) fn shorten(text: &str, room: usize) -> Option<String> {
    if cost(text) <= room {
        return None;
    }
    let (kept, _) = split(text, room.saturating_sub(char_cost('…')));
    let at_space = kept
        .rfind(char::is_whitespace)
        .filter(|i| *i > kept.len() * 3 / 4)
        .unwrap_or(kept.len());
    Some(format!("{}…", kept[..at_space].trim_end()))
}

/// Says for how many texts of the given costs there is room, if none is cut below [`LEAST`]: at least for the first.
pub(crate) fn fitting(costs: &[usize], overheads: &[usize], room: usize) -> usize {
    let mut taken = 0;
    let fit = costs.iter().zip(overheads).take_while(|(cost, overhead)| {
        taken += *overhead + (*cost).min(&LEAST);
        taken <= room
    });
    fit.count().max(1).min(costs.len())
}

/// Shares `room` among texts of the given costs: what a short text leaves over goes to the longer ones.
pub(crate) fn fair(costs: &[usize], room: usize) -> Vec<usize> {
    let mut left = room;
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by_key(|&i| costs[i]);
    let mut shares = vec![0; costs.len()];
    for (done, &i) in order.iter().enumerate() {
        let fair = left / (costs.len() - done);
        shares[i] = costs[i].min(fair);
        left -= shares[i];
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_is_cut_between_words_and_says_so() {
        assert_eq!(shorten("short", 100), None);
        let cut = shorten(&"word ".repeat(100), 104).unwrap();
        assert!(cut.ends_with("word…") && cost(&cut) <= 104, "{cut}");
        assert_eq!(
            shorten(&"x".repeat(50), 15).unwrap(),
            format!("{}…", "x".repeat(12)),
            "one long word is cut anywhere"
        );
        assert_eq!(shorten("日本語日本語", 15).unwrap(), "日本語…");
        assert_eq!(shorten("日本語", 1).unwrap(), "…");
    }

    #[test]
    fn what_short_texts_leave_over_goes_to_long_ones() {
        assert_eq!(fair(&[10, 1000, 20], 630), [10, 600, 20]);
        assert_eq!(fair(&[1000, 1000], 1000), [500, 500]);
        assert_eq!(fair(&[10, 20], 8000), [10, 20], "all fit");
        assert_eq!(fair(&[], 8000), [0; 0]);
    }

    #[test]
    fn texts_that_would_become_crumbs_are_left_out_but_never_the_first() {
        assert_eq!(fitting(&[1000; 100], &[200; 100], 8000), 26);
        assert_eq!(fitting(&[10; 100], &[200; 100], 8000), 38, "short ones");
        assert_eq!(fitting(&[1_000_000, 5], &[200; 2], 100), 1);
        assert_eq!(fitting(&[], &[], 100), 0);
    }

    #[test]
    fn a_text_takes_at_least_the_bytes_that_it_has_in_json() {
        for text in ["plain", "\"\\\n\t", "é߿", "ࠀ…—“”ไทย", "日本語", "🦀👩‍👩‍👧"]
        {
            let json = json!(text).to_string().len() - 2;
            assert!(cost(text) >= json, "{text:?}: {} < {json}", cost(text));
            assert!(cost_of_json(&json!([text])) >= json + 4, "{text:?}");
        }
        assert_eq!(cost_of_json(&json!({"a": "\n"})), 10);
    }
}
