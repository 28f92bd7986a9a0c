//! One-time codes: how the page gets its session without a token in its address.
//!
//! The tray and `commonplace open` open `http://127.0.0.1:PORT/#code=…`. A fragment reaches no server and no log; the page
//! hands the code in and gets a session for it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::tokens::Token;

/// How long a code is valid.
pub(crate) const CODE_LIFE: Duration = Duration::from_secs(60);
/// Most codes that are valid at the same time; one more ends the oldest.
const CODES_MAX: usize = 16;
/// Wrong codes within [`CODE_LIFE`] after which further ones are told to wait. A valid one is taken all the same: it has
/// 256 random bits and cannot be guessed, and whoever tries must not lock out whoever has it.
const WRONG_MAX: usize = 10;

/// The result of presenting a code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Redeemed {
    /// It was valid and is used up now.
    Valid,
    /// It is unknown, used, or too old.
    Wrong,
    /// Too many wrong ones came before; ask again after this time.
    TooMany(Duration),
}

/// Codes that were issued and not used.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    issued: VecDeque<(Token, Instant)>,
    wrong: VecDeque<Instant>,
}

impl Codes {
    pub(crate) fn add(&mut self, code: Token, now: Instant) {
        self.issued.truncate(CODES_MAX - 1);
        self.issued.push_front((code, now));
    }

    /// Uses a code up. Compares with all of them, so that the time it takes reveals nothing.
    pub(crate) fn redeem(&mut self, presented: &str, now: Instant) -> Redeemed {
        self.issued
            .retain(|(_, at)| now.duration_since(*at) < CODE_LIFE);
        let count = self.issued.len();
        self.issued.retain(|(code, _)| !code.matches(presented));
        if self.issued.len() < count {
            return Redeemed::Valid;
        }
        self.wrong.retain(|at| now.duration_since(*at) < CODE_LIFE);
        if self.wrong.len() >= WRONG_MAX {
            return Redeemed::TooMany(CODE_LIFE - now.duration_since(self.wrong[0]));
        }
        self.wrong.push_back(now);
        Redeemed::Wrong
    }

    pub(crate) fn forget_all(&mut self) {
        self.issued.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(n: u8) -> Token {
        Token::from_random([n; 32])
    }

    #[test]
    fn a_code_is_valid_once() {
        let now = Instant::now();
        let mut codes = Codes::default();
        codes.add(code(1), now);
        assert_eq!(codes.redeem(code(1).reveal(), now), Redeemed::Valid);
        assert_eq!(
            codes.redeem(code(1).reveal(), now),
            Redeemed::Wrong,
            "it was used"
        );
    }

    #[test]
    fn a_code_is_valid_for_a_minute() {
        let now = Instant::now();
        let mut codes = Codes::default();
        codes.add(code(1), now);
        let later = now + CODE_LIFE;
        assert_eq!(codes.redeem(code(1).reveal(), later), Redeemed::Wrong);
    }

    #[test]
    fn who_guesses_is_told_to_wait_and_who_has_the_code_is_let_in_meanwhile() {
        let now = Instant::now();
        let mut codes = Codes::default();
        for _ in 0..WRONG_MAX {
            assert_eq!(codes.redeem("guess", now), Redeemed::Wrong);
        }
        let later = now + CODE_LIFE / 2;
        codes.add(code(1), later);
        let refused = codes.redeem("guess", later);
        assert_eq!(refused, Redeemed::TooMany(CODE_LIFE / 2));
        assert_eq!(codes.redeem(code(1).reveal(), later), Redeemed::Valid);
        assert_eq!(
            codes.redeem("guess", now + CODE_LIFE),
            Redeemed::Wrong,
            "a minute later"
        );
    }

    #[test]
    fn the_oldest_code_goes_when_too_many_are_out() {
        let now = Instant::now();
        let mut codes = Codes::default();
        for n in 0..=u8::try_from(CODES_MAX).unwrap() {
            codes.add(code(n), now);
        }
        assert_eq!(codes.redeem(code(0).reveal(), now), Redeemed::Wrong);
        assert_eq!(codes.redeem(code(1).reveal(), now), Redeemed::Valid);
    }
}
