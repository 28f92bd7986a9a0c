//! Sessions of open pages: short-lived tokens with the rights of the admin token, kept in memory only.

use std::time::{Duration, Instant};

use crate::tokens::Token;

/// How long a session lives without a request.
pub(crate) const SESSION_IDLE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// Sessions at once; the one idle for longest goes when there is one more.
const SESSIONS_MAX: usize = 64;

/// The sessions of one host. A restart ends them all.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Vec<(Token, Instant)>,
}

impl Sessions {
    pub(crate) fn begin(&mut self, token: Token, now: Instant) {
        self.drop_idle(now);
        if self.open.len() >= SESSIONS_MAX {
            self.drop_longest_idle();
        }
        self.open.push((token, now));
    }

    /// Tells whether a token is that of an open session, and counts as its use. Compares with all of them, so that the
    /// time tells nothing.
    pub(crate) fn is_open(&mut self, presented: &str, now: Instant) -> bool {
        self.drop_idle(now);
        let mut found = false;
        for (token, used) in &mut self.open {
            if token.matches(presented) {
                *used = now;
                found = true;
            }
        }
        found
    }

    /// Ends a session; returns false if there was none.
    pub(crate) fn end(&mut self, presented: &str) -> bool {
        let count = self.open.len();
        self.open.retain(|(token, _)| !token.matches(presented));
        self.open.len() < count
    }

    pub(crate) fn end_all(&mut self) {
        self.open.clear();
    }

    fn drop_idle(&mut self, now: Instant) {
        self.open
            .retain(|(_, used)| now.duration_since(*used) < SESSION_IDLE_MAX);
    }

    fn drop_longest_idle(&mut self) {
        let oldest = (0..self.open.len()).min_by_key(|index| self.open[*index].1);
        if let Some(index) = oldest {
            self.open.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(n: u8) -> Token {
        Token::from_random([n; 32])
    }

    #[test]
    fn a_session_lives_while_it_is_used_and_ends_when_idle() {
        let start = Instant::now();
        let mut sessions = Sessions::default();
        sessions.begin(token(1), start);
        let hour = Duration::from_secs(3600);
        assert!(sessions.is_open(token(1).reveal(), start + 11 * hour));
        assert!(sessions.is_open(token(1).reveal(), start + 22 * hour));
        assert!(!sessions.is_open(token(1).reveal(), start + 34 * hour));
    }

    #[test]
    fn ending_one_session_leaves_the_others() {
        let now = Instant::now();
        let mut sessions = Sessions::default();
        sessions.begin(token(1), now);
        sessions.begin(token(2), now);
        assert!(sessions.end(token(1).reveal()));
        assert!(!sessions.is_open(token(1).reveal(), now));
        assert!(sessions.is_open(token(2).reveal(), now));
    }

    #[test]
    fn the_session_idle_for_longest_makes_room() {
        let now = Instant::now();
        let mut sessions = Sessions::default();
        for n in 0..u8::try_from(SESSIONS_MAX).unwrap() {
            sessions.begin(token(n), now + Duration::from_secs(u64::from(n)));
        }
        sessions.begin(token(200), now + Duration::from_secs(100));
        let later = now + Duration::from_secs(101);
        assert!(!sessions.is_open(token(0).reveal(), later));
        assert!(sessions.is_open(token(1).reveal(), later));
    }
}
