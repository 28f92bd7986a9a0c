//! Who may do what: tokens, one-time codes and sessions together.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::codes::{CODE_LIFE, Codes, Redeemed};
use super::session_file::{SessionFile, Unsealed, sessions_in, text_of};
use super::sessions::Sessions;
use super::tokens::{Digest, Token, Tokens};
use commonplace_api::about::PageAddress;

/// Longest time between two saves while sessions are used. A page asks every few seconds, and not every request may
/// write; a session that ends this much too early after a restart is one that was not used for hours.
const SAVE_EVERY: Duration = Duration::from_secs(10 * 60);

/// Time and randomness, as values.
#[derive(Clone)]
pub struct Surroundings {
    /// A clock that never goes back.
    pub now: Arc<dyn Fn() -> Instant + Send + Sync>,
    /// The time of day, in milliseconds since 1970: the only one that two hosts have in common.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// 32 random bytes that cannot be guessed, new at each call.
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
    /// The token is wrong, or no longer valid.
    Unknown,
    /// A client that may use the MCP tools.
    Agent,
    /// A person: the admin token, or the session of a page.
    Admin,
}

/// The tokens, codes and sessions of one host; cheap to clone, all clones are the same ones.
#[derive(Clone)]
pub struct Access {
    shared: Arc<Shared>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access(hidden)")
    }
}

struct Shared {
    /// Every secret that gives access.
    keys: Mutex<Keys>,
    /// Where sessions are saved for the next host; None if they are not.
    file: Option<Arc<dyn SessionFile>>,
    /// Held while the file is written, so that the newest list is the last one. Taken before `keys`.
    saving: Mutex<()>,
    /// Counts the rotations; event streams end when it moves.
    rotations: watch::Sender<u64>,
    surroundings: Surroundings,
}

#[derive(Debug)]
struct Keys {
    tokens: Tokens,
    codes: Codes,
    sessions: Sessions,
    /// When the sessions were last saved, or would have been.
    saved: Instant,
}

impl Access {
    /// Starts with these tokens and no sessions; those that begin end with this host.
    #[must_use]
    pub fn new(tokens: Tokens, surroundings: Surroundings) -> Self {
        Self::with(tokens, surroundings, None)
    }

    /// Starts with these tokens and the sessions that an earlier host left in `file`, and keeps them there.
    ///
    /// A file that cannot be read or was not written with these tokens holds no sessions; the log says so. If it cannot be
    /// written, sessions end with this host. Blocks on the disk for a short time.
    #[must_use]
    pub fn keeping(tokens: Tokens, surroundings: Surroundings, file: Arc<dyn SessionFile>) -> Self {
        Self::with(tokens, surroundings, Some(file))
    }

    fn with(
        tokens: Tokens,
        surroundings: Surroundings,
        file: Option<Arc<dyn SessionFile>>,
    ) -> Self {
        let now = (surroundings.now)();
        let left = file.as_deref();
        let sessions = left.map(|file| left_in(file, &tokens, &surroundings));
        let keys = Keys {
            tokens,
            codes: Codes::default(),
            sessions: sessions.unwrap_or_default(),
            saved: now,
        };
        let shared = Shared {
            keys: Mutex::new(keys),
            file,
            saving: Mutex::new(()),
            rotations: watch::Sender::new(0),
            surroundings,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Makes an address that opens the page of the host on `port` once within 60 s.
    #[must_use]
    pub fn page_address(&self, port: u16) -> PageAddress {
        PageAddress {
            url: format!("http://127.0.0.1:{port}/#code={}", self.issue_code()),
            expires_in_s: CODE_LIFE.as_secs(),
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
    /// Blocks on the disk for a short time if sessions are kept.
    pub fn rotate(&self, tokens: Tokens) {
        let mut keys = self.keys();
        keys.tokens = tokens;
        keys.codes.forget_all();
        keys.sessions.end_all();
        drop(keys);
        self.shared.rotations.send_modify(|count| *count += 1);
        self.save_sessions();
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

    /// Tells whether this is the admin token itself, and not the session of a page.
    pub(crate) fn is_admin_token(&self, presented: &str) -> bool {
        self.keys().tokens.is_admin(presented)
    }

    /// Uses a code up and begins a session for it.
    pub(crate) fn redeem(&self, code: &str) -> Result<Token, Redeemed> {
        let now = self.now();
        let mut keys = self.keys();
        match keys.codes.redeem(code, now) {
            Redeemed::Valid => {
                let session = Token::from_random((self.shared.surroundings.random)());
                keys.sessions.begin(&session, now);
                Ok(session)
            }
            bad => Err(bad),
        }
    }

    /// Proves to a page that this host knows its session; None if it does not.
    pub(crate) fn prove_session(&self, name: &Digest, nonce: &Digest) -> Option<Digest> {
        let now = self.now();
        self.keys().sessions.proof(name, nonce, now)
    }

    /// Ends a session; returns false if the token was not that of a session.
    pub(crate) fn end_session(&self, presented: &str) -> bool {
        self.keys().sessions.end(presented)
    }

    /// Tells whether sessions were used and the last save is too long ago. Returns true once for each save.
    pub(crate) fn is_save_due(&self) -> bool {
        let now = self.now();
        let mut keys = self.keys();
        let is_late = now.duration_since(keys.saved) >= SAVE_EVERY;
        let is_due = is_late && keys.sessions.is_used_after(keys.saved);
        if is_due {
            keys.saved = now;
        }
        is_due
    }

    /// Saves the sessions for the next host. Blocks on the disk; does nothing if they are not kept.
    pub(crate) fn save_sessions(&self) {
        let Some(file) = &self.shared.file else {
            return;
        };
        // It guards no value that a panic could leave half changed.
        let saving = self.shared.saving.lock();
        let _saving = saving.unwrap_or_else(PoisonError::into_inner);
        let (now, now_ms) = (self.now(), (self.shared.surroundings.now_ms)());
        let text = {
            let mut keys = self.keys();
            keys.saved = now;
            let sessions = keys.sessions.kept(now);
            text_of(&sessions, &keys.tokens, now_ms)
        };
        if let Err(error) = file.write(&text) {
            tracing::warn!(path = %file.path().display(), %error, "could not save the sessions of open pages; if this host restarts, they ask for a key");
        }
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

/// Reads the sessions that an earlier host left.
fn left_in(file: &dyn SessionFile, tokens: &Tokens, surroundings: &Surroundings) -> Sessions {
    let path = file.path().display();
    let text = match file.read() {
        Ok(Some(text)) => text,
        Ok(None) => return Sessions::default(),
        Err(error) => {
            tracing::warn!(%path, %error, "could not read the sessions of open pages; they ask for a key once");
            return Sessions::default();
        }
    };
    match sessions_in(&text, tokens, (surroundings.now_ms)()) {
        Ok(kept) => Sessions::of(&kept, (surroundings.now)()),
        Err(Unsealed) => {
            tracing::warn!(%path, "the sessions of open pages are damaged or from before the tokens were rotated; pages ask for a key once");
            Sessions::default()
        }
    }
}
