//! How many tokens a text takes, about.
//!
//! The unit is a quarter of a token, about one ASCII character. Other alphabets take more for a character. The figures are
//! rough on purpose: every model counts differently.

/// Room for text, in quarters of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room(usize);

impl Room {
    pub(super) const fn tokens(tokens: usize) -> Self {
        Self(tokens * 4)
    }

    /// Takes the room for a text; false if there is not enough left, and then none is taken.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let left = self.0.checked_sub(cost(text));
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

/// Returns what a text takes.
fn cost(text: &str) -> usize {
    let cost = |c: char| match c {
        '\0'..='\u{7f}' => 1,
        '\u{80}'..='\u{2e7f}' => 2,
        _ => 4,
    };
    text.chars().map(cost).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_until_none_is_left_and_a_long_text_takes_none() {
        let mut room = Room::tokens(2);
        assert!(room.take("abcd"));
        assert!(!room.take("abcde"));
        assert!(room.take("abcd"));
        assert!(!room.take("a"));
    }

    #[test]
    fn letters_that_models_split_up_take_more() {
        assert_eq!(cost("word"), 4);
        assert_eq!(cost("слово"), 10);
        assert_eq!(cost("日本語"), 12);
    }
}
