//! Sessions of open pages: short-lived tokens with the rights of the admin token.
//!
//! A host keeps no token of a session, only its SHA-256: neither its memory nor its file opens anything.

use std::time::{Duration, Instant};

use subtle::ConstantTimeEq;

use super::tokens::{Digest, Token, digest, digest_of};

/// How long a session lasts without a request.
pub(crate) const SESSION_IDLE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// Most sessions at the same time; one more ends the one that was idle for longest.
pub(crate) const SESSIONS_MAX: usize = 64;

/// The sessions of one host.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Vec<Session>,
}

/// A session without its token.
#[derive(Debug, Clone, Copy)]
struct Session {
    digest: Digest,
    /// When it was used last, or else taken over.
    used: Instant,
    /// How long it had been idle then: a monotonic clock says nothing of the time before this host.
    idle_before: Duration,
}

impl Session {
    fn idle(&self, now: Instant) -> Duration {
        self.idle_before + now.duration_since(self.used)
    }
}

/// A session as it outlives its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeptSession {
    pub(crate) digest: Digest,
    /// How long it has been idle.
    pub(crate) idle: Duration,
}

impl Sessions {
    /// Takes over sessions of an earlier host.
    pub(crate) fn of(kept: &[KeptSession], now: Instant) -> Self {
        let session = |kept: &KeptSession| Session {
            digest: kept.digest,
            used: now,
            idle_before: kept.idle,
        };
        let mut sessions = Self {
            open: kept.iter().map(session).collect(),
        };
        sessions.drop_idle(now);
        sessions.open.truncate(SESSIONS_MAX);
        sessions
    }

    /// Returns the open sessions for the host that comes after this one.
    pub(crate) fn kept(&mut self, now: Instant) -> Vec<KeptSession> {
        self.drop_idle(now);
        let kept = |session: &Session| KeptSession {
            digest: session.digest,
            idle: session.idle(now),
        };
        self.open.iter().map(kept).collect()
    }

    pub(crate) fn begin(&mut self, token: &Token, now: Instant) {
        self.drop_idle(now);
        if self.open.len() >= SESSIONS_MAX {
            self.drop_longest_idle(now);
        }
        self.open.push(Session {
            digest: digest(token.reveal()),
            used: now,
            idle_before: Duration::ZERO,
        });
    }

    /// Tells whether a token is that of an open session, and counts as its use. Compares with all of them, so that the
    /// time it takes reveals nothing.
    pub(crate) fn is_open(&mut self, presented: &str, now: Instant) -> bool {
        self.drop_idle(now);
        let presented = digest(presented);
        let mut found = false;
        for session in &mut self.open {
            if session.digest.ct_eq(&presented).into() {
                session.used = now;
                session.idle_before = Duration::ZERO;
                found = true;
            }
        }
        found
    }

    /// Proves to the page of a session that this host knows it: the SHA-256 of the session's digest and the page's `nonce`.
    /// `name` is the SHA-256 of that digest, so that asking reveals nothing. None if there is no such session. Does not
    /// count as use.
    pub(crate) fn proof(&mut self, name: &Digest, nonce: &Digest, now: Instant) -> Option<Digest> {
        self.drop_idle(now);
        let mut found = None;
        for session in &self.open {
            if digest_of(&[&session.digest]).ct_eq(name).into() {
                found = Some(digest_of(&[&session.digest, nonce]));
            }
        }
        found
    }

    /// Tells whether any session was used after `then`.
    pub(crate) fn is_used_after(&self, then: Instant) -> bool {
        self.open.iter().any(|session| session.used > then)
    }

    /// Ends a session; returns false if there was none.
    pub(crate) fn end(&mut self, presented: &str) -> bool {
        let count = self.open.len();
        let presented = digest(presented);
        self.open
            .retain(|session| !bool::from(session.digest.ct_eq(&presented)));
        self.open.len() < count
    }

    pub(crate) fn end_all(&mut self) {
        self.open.clear();
    }

    fn drop_idle(&mut self, now: Instant) {
        self.open
            .retain(|session| session.idle(now) < SESSION_IDLE_MAX);
    }

    fn drop_longest_idle(&mut self, now: Instant) {
        let longest = (0..self.open.len()).max_by_key(|index| self.open[*index].idle(now));
        if let Some(index) = longest {
            self.open.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn token(n: u8) -> Token {
        Token::from_random([n; 32])
    }

    #[test]
    fn a_session_is_proved_to_who_names_it_and_to_nobody_else() {
        let now = Instant::now();
        let mut sessions = Sessions::default();
        sessions.begin(&token(1), now);
        sessions.begin(&token(2), now);
        let known = digest(token(2).reveal());
        let name = digest_of(&[&known]);
        let nonce = [7; 32];
        let proof = sessions.proof(&name, &nonce, now);
        assert_eq!(proof, Some(digest_of(&[&known, &nonce])));
        assert_ne!(
            proof,
            sessions.proof(&name, &[8; 32], now),
            "each time another"
        );
        assert_eq!(
            sessions.proof(&known, &nonce, now),
            None,
            "who knows the digest needs no proof"
        );
        let late = now + SESSION_IDLE_MAX;
        assert_eq!(sessions.proof(&name, &nonce, late), None, "it has ended");
    }

    #[test]
    fn a_session_lives_while_it_is_used_and_ends_when_idle() {
        let start = Instant::now();
        let mut sessions = Sessions::default();
        sessions.begin(&token(1), start);
        assert!(sessions.is_open(token(1).reveal(), start + 11 * HOUR));
        assert!(sessions.is_open(token(1).reveal(), start + 22 * HOUR));
        assert!(!sessions.is_open(token(1).reveal(), start + 34 * HOUR));
    }

    #[test]
    fn the_time_before_a_restart_counts_until_the_session_is_used_again() {
        let now = Instant::now();
        let kept = |idle| KeptSession {
            digest: digest(token(1).reveal()),
            idle,
        };
        let open_after =
            |idle, later| Sessions::of(&[kept(idle)], now).is_open(token(1).reveal(), now + later);
        assert!(open_after(11 * HOUR, Duration::ZERO));
        assert!(!open_after(11 * HOUR, HOUR), "an hour before and after");
        assert!(!open_after(12 * HOUR, Duration::ZERO));
        let mut used = Sessions::of(&[kept(11 * HOUR)], now);
        assert!(used.is_open(token(1).reveal(), now));
        assert_eq!(used.kept(now + HOUR), [kept(HOUR)]);
    }

    #[test]
    fn ending_one_session_leaves_the_others() {
        let now = Instant::now();
        let mut sessions = Sessions::default();
        sessions.begin(&token(1), now);
        sessions.begin(&token(2), now);
        assert!(sessions.end(token(1).reveal()));
        assert!(!sessions.is_open(token(1).reveal(), now));
        assert!(sessions.is_open(token(2).reveal(), now));
    }

    #[test]
    fn the_session_idle_for_longest_makes_room() {
        let now = Instant::now();
        let mut sessions = Sessions::default();
        for n in 0..u8::try_from(SESSIONS_MAX).unwrap() {
            sessions.begin(&token(n), now + Duration::from_secs(u64::from(n)));
        }
        sessions.begin(&token(200), now + Duration::from_secs(100));
        let later = now + Duration::from_secs(101);
        assert!(!sessions.is_open(token(0).reveal(), later));
        assert!(sessions.is_open(token(1).reveal(), later));
    }
}
