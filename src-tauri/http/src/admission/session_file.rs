//! Sessions on disk: an open page stays signed in when its host restarts.
//!
//! The text has the SHA-256 of each session's token, when it was used last, and a seal made with the admin token. So
//! nobody can sign in with it, and a text that is damaged, foreign, or older than the tokens is refused.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::sessions::{KeptSession, SESSIONS_MAX};
use super::tokens::{Digest, Tokens, read_digest};

/// The first line. Another number means another format.
const HEAD: &str = "commonplace sessions 1";

/// Keeps a text from one host to the next. Only this user may read it, and no two hosts share one.
///
/// All calls may block on the disk for a short time.
pub trait SessionFile: Send + Sync + 'static {
    /// Returns where it is, for the log.
    fn path(&self) -> &Path;

    /// Returns the text that was written last; None if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or others could have read it.
    fn read(&self) -> io::Result<Option<String>>;

    /// Replaces the text with `text`; a crash leaves one of the two.
    ///
    /// # Errors
    /// If the disk refused. Then the old text is removed if possible: a session that has ended must not come back.
    fn write(&self, text: &str) -> io::Result<()>;
}

/// The text is damaged, foreign, or from before a rotation of the tokens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unsealed;

/// Writes sessions as text, sealed with the tokens in force. `now_ms` is in milliseconds since 1970.
pub(crate) fn text_of(sessions: &[KeptSession], tokens: &Tokens, now_ms: i64) -> String {
    let line = |session: &KeptSession| {
        let idle_ms = i64::try_from(session.idle.as_millis()).unwrap_or(i64::MAX);
        let used_ms = now_ms.saturating_sub(idle_ms);
        format!("{} {used_ms}\n", hex::encode(session.digest))
    };
    let lines: String = sessions.iter().map(line).collect();
    let sealed = format!("{HEAD}\n{lines}");
    let seal = hex::encode(tokens.seal(&sealed));
    format!("{sealed}seal {seal}\n")
}

/// Reads sessions back. One that was used after `now_ms` is left out: the clock was set back, and nobody knows how long
/// it has been idle.
///
/// # Errors
/// [`Unsealed`] if this is not exactly what [`text_of`] wrote with these tokens.
pub(crate) fn sessions_in(
    text: &str,
    tokens: &Tokens,
    now_ms: i64,
) -> Result<Vec<KeptSession>, Unsealed> {
    let at = text.rfind("seal ").ok_or(Unsealed)?;
    let (sealed, seal) = text.split_at(at);
    if seal != format!("seal {}\n", hex::encode(tokens.seal(sealed))) {
        return Err(Unsealed);
    }
    let mut lines = sealed.lines();
    if lines.next() != Some(HEAD) {
        return Err(Unsealed);
    }
    let all: Option<Vec<(Digest, i64)>> = lines.map(parse_line).collect();
    let all = all
        .filter(|all| all.len() <= SESSIONS_MAX)
        .ok_or(Unsealed)?;
    let kept = |(digest, used_ms): (Digest, i64)| {
        let idle_ms = u64::try_from(now_ms.checked_sub(used_ms)?).ok()?;
        let idle = Duration::from_millis(idle_ms);
        Some(KeptSession { digest, idle })
    };
    Ok(all.into_iter().filter_map(kept).collect())
}

fn parse_line(line: &str) -> Option<(Digest, i64)> {
    let (digits, used_ms) = line.split_once(' ')?;
    let digest = read_digest(digits)?;
    Some((digest, used_ms.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::tokens::Token;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn tokens(admin: &str) -> Tokens {
        let token = |text: &str| Token::parse(&text.repeat(8)).unwrap();
        Tokens::new(token("agent"), token(admin)).unwrap()
    }

    fn session(n: u8, idle_ms: u64) -> KeptSession {
        KeptSession {
            digest: [n; 32],
            idle: Duration::from_millis(idle_ms),
        }
    }

    #[test]
    fn sessions_come_back_older_by_the_time_between() {
        let tokens = tokens("admin");
        let written = text_of(&[session(1, 5), session(2, 0)], &tokens, NOW_MS);
        let read = sessions_in(&written, &tokens, NOW_MS + 7);
        assert_eq!(read, Ok(vec![session(1, 12), session(2, 7)]));
        let empty = text_of(&[], &tokens, NOW_MS);
        assert_eq!(sessions_in(&empty, &tokens, NOW_MS), Ok(Vec::new()));
    }

    #[test]
    fn a_session_from_the_future_is_left_out() {
        let tokens = tokens("admin");
        let written = text_of(&[session(1, 0), session(2, 9)], &tokens, NOW_MS);
        let read = sessions_in(&written, &tokens, NOW_MS - 9);
        assert_eq!(read, Ok(vec![session(2, 0)]));
    }

    #[test]
    fn a_text_under_other_tokens_is_none_of_ours() {
        let written = text_of(&[session(1, 0)], &tokens("admin"), NOW_MS);
        let read = sessions_in(&written, &tokens("rotated"), NOW_MS);
        assert_eq!(read, Err(Unsealed));
    }

    #[test]
    fn a_text_with_any_byte_changed_left_out_or_added_is_refused() {
        let tokens = tokens("admin");
        let written = text_of(&[session(1, 0), session(0xab, 3)], &tokens, NOW_MS);
        for at in 0..written.len() {
            let mut changed = written.clone().into_bytes();
            changed[at] ^= 1;
            let shorter = [&written[..at], &written[at + 1..]].concat();
            let longer = [&written[..at], "0", &written[at..]].concat();
            let changed = String::from_utf8(changed).unwrap();
            for text in [&changed, &shorter, &longer, &written[..at]] {
                assert_eq!(sessions_in(text, &tokens, NOW_MS), Err(Unsealed), "{text}");
            }
        }
        assert_eq!(sessions_in("", &tokens, NOW_MS), Err(Unsealed));
    }

    #[test]
    fn a_well_sealed_list_that_is_none_is_refused() {
        let tokens = tokens("admin");
        let digits = "0".repeat(64);
        let many = format!("{digits} 1\n").repeat(SESSIONS_MAX + 1);
        for lines in [many.as_str(), "x 1\n", &format!("{digits} x\n"), "\n"] {
            let sealed = format!("{HEAD}\n{lines}");
            let text = format!("{sealed}seal {}\n", hex::encode(tokens.seal(&sealed)));
            assert_eq!(sessions_in(&text, &tokens, 9), Err(Unsealed), "{lines}");
        }
    }
}
