//! Keeps answers short: how much room a text takes, and how room is shared among memories.
//!
//! The unit is a quarter of a token, about one ASCII character. Other alphabets take more tokens for a character, so
//! they cost more; the figures are rough on purpose, since every model counts differently.

use crate::arguments::Choice;

/// Room of an answer by default: about 2,000 tokens.
pub(crate) const SHORT: usize = 8_000;
/// Room of an answer whose caller asked for full texts: about 12,000 tokens. Claude Code puts an answer of more than 50,000
/// characters into a file and shows the model its first 2 KB (run of 2.1.332).
pub(crate) const FULL: usize = 48_000;
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

    /// Room for the memories of an answer with up to `hits` of them.
    pub(crate) fn room(self, hits: usize) -> usize {
        match self {
            Self::Short => SHORT * hits.max(HITS_IN_SHORT) / HITS_IN_SHORT - FRAME,
            Self::Full => FULL - FRAME,
        }
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
        '\0'..='\u{7f}' => 1,
        '\u{80}'..='\u{2e7f}' => 2,
        _ => 4,
    }
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

/// Shares `room` among texts of the given costs: what a short text leaves over goes to the longer ones.
///
/// Returns one share for each text that is shown. Texts at the end are left out if a share would fall below [`LEAST`];
/// the first one is always shown. Each text also takes `overhead` for what is shown around it.
pub(crate) fn shares(costs: &[usize], overhead: usize, room: usize) -> Vec<usize> {
    let least: usize = overhead + LEAST;
    let mut shown = 0;
    let mut taken = 0;
    for cost in costs {
        taken += overhead + (*cost).min(LEAST);
        if taken > room && shown > 0 {
            break;
        }
        shown += 1;
    }
    let mut left = room.saturating_sub(shown * overhead).max(least - overhead);
    let mut order: Vec<usize> = (0..shown).collect();
    order.sort_by_key(|&i| costs[i]);
    let mut shares = vec![0; shown];
    for (done, &i) in order.iter().enumerate() {
        let fair = left / (shown - done);
        shares[i] = costs[i].min(fair);
        left -= shares[i];
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_words_and_says_so() {
        assert_eq!(shorten("short", 100), None);
        let cut = shorten(&"word ".repeat(100), 104).unwrap();
        assert!(cut.ends_with("word…") && cost(&cut) <= 104, "{cut}");
        assert_eq!(
            shorten(&"x".repeat(50), 14).unwrap(),
            format!("{}…", "x".repeat(12)),
            "one long word is cut anywhere"
        );
        assert_eq!(shorten("日本語日本語", 14).unwrap(), "日本語…");
        assert_eq!(shorten("日本語", 1).unwrap(), "…");
    }

    #[test]
    fn what_short_texts_leave_over_goes_to_long_ones() {
        assert_eq!(shares(&[10, 1000, 20], 0, 630), [10, 600, 20]);
        assert_eq!(shares(&[1000, 1000], 50, 1100), [500, 500]);
        assert_eq!(shares(&[10, 20], 50, 8000), [10, 20], "all fit");
        assert_eq!(shares(&[], 50, 8000), [0; 0]);
    }

    #[test]
    fn texts_that_would_become_crumbs_are_left_out_but_never_the_first() {
        let many = shares(&[1000; 100], 200, 8000);
        assert_eq!(many.len(), 26);
        assert!(many.iter().all(|share| *share >= LEAST));
        assert_eq!(shares(&[1_000_000, 5], 200, 100), [LEAST]);
    }
}
