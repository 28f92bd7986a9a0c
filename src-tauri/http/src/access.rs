//! Who may do what: tokens, one-time codes and sessions together.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::codes::{Codes, Redeemed};
use crate::sessions::Sessions;
use crate::tokens::{Token, Tokens};

/// Time and randomness, as values.
#[derive(Clone)]
pub struct Surroundings {
    /// A clock that never goes back.
    pub now: Arc<dyn Fn() -> Instant + Send + Sync>,
    /// 32 bytes nobody can guess, new at each call.
    pub random: Arc<dyn Fn() -> [u8; 32] + Send + Sync>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings")
    }
}

/// Who presented a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// Nobody we know: the token is wrong or old.
    Unknown,
    /// A client that may use the MCP tools.
    Agent,
    /// A person: the admin token, or the session of a page.
    Admin,
}

/// The keys of one host; cheap to clone, all clones are the same keys.
#[derive(Debug, Clone)]
pub struct Access {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Everything that can open something.
    keys: Mutex<Keys>,
    /// Counts the rotations; event streams end when it moves.
    rotations: watch::Sender<u64>,
    surroundings: Surroundings,
}

#[derive(Debug)]
struct Keys {
    tokens: Tokens,
    codes: Codes,
    sessions: Sessions,
}

impl Access {
    /// Starts with these tokens and no sessions.
    #[must_use]
    pub fn new(tokens: Tokens, surroundings: Surroundings) -> Self {
        let keys = Keys {
            tokens,
            codes: Codes::default(),
            sessions: Sessions::default(),
        };
        let shared = Shared {
            keys: Mutex::new(keys),
            rotations: watch::Sender::new(0),
            surroundings,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Makes a code that opens the page once within 60 s.
    ///
    /// Put it into the fragment of the address (`/#code=…`) and nowhere else.
    #[must_use]
    pub fn issue_code(&self) -> String {
        let code = Token::from_random((self.shared.surroundings.random)());
        let text = code.reveal().to_owned();
        let now = self.now();
        self.keys().codes.add(code, now);
        text
    }

    /// Takes new tokens into use at once. The old ones, all codes and all sessions end, and so do open event streams.
    pub fn rotate(&self, tokens: Tokens) {
        let mut keys = self.keys();
        keys.tokens = tokens;
        keys.codes.forget_all();
        keys.sessions.end_all();
        drop(keys);
        self.shared.rotations.send_modify(|count| *count += 1);
    }

    pub(crate) fn identify(&self, presented: &str) -> Bearer {
        let now = self.now();
        let mut keys = self.keys();
        if keys.tokens.is_agent(presented) {
            return Bearer::Agent;
        }
        if keys.tokens.is_admin(presented) || keys.sessions.is_open(presented, now) {
            return Bearer::Admin;
        }
        Bearer::Unknown
    }

    /// Uses a code up and begins a session for it.
    pub(crate) fn redeem(&self, code: &str) -> Result<Token, Redeemed> {
        let now = self.now();
        let mut keys = self.keys();
        match keys.codes.redeem(code, now) {
            Redeemed::Good => {
                let session = Token::from_random((self.shared.surroundings.random)());
                keys.sessions.begin(session.clone(), now);
                Ok(session)
            }
            bad => Err(bad),
        }
    }

    /// Ends a session; returns false if the token was not that of a session.
    pub(crate) fn end_session(&self, presented: &str) -> bool {
        self.keys().sessions.end(presented)
    }

    pub(crate) fn rotations(&self) -> watch::Receiver<u64> {
        self.shared.rotations.subscribe()
    }

    fn now(&self) -> Instant {
        (self.shared.surroundings.now)()
    }

    /// A panic elsewhere cannot leave these lists half changed in a way that opens anything, so a poisoned lock is used.
    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.shared
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
