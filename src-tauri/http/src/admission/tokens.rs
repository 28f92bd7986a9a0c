//! The two bearer tokens of a store and how they are compared.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// Fewest characters of a token: 32 random bytes are 43 characters of base64url.
const TOKEN_CHARS_MIN: usize = 32;

/// A SHA-256.
pub(crate) type Digest = [u8; 32];

/// Tells why a text cannot serve as a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Too short to be safe, perhaps an empty file.
    #[error(
        "the token has {chars} characters and at least 32 are needed; `commonplace token --rotate` writes new ones"
    )]
    TooShort {
        /// Its length.
        chars: usize,
    },
    /// Contains something that cannot stand in an HTTP header.
    #[error(
        "the token has characters that cannot stand in an HTTP header; `commonplace token --rotate` writes new ones"
    )]
    NotPrintable,
    /// Agents would have the rights of the dashboard.
    #[error(
        "agent token and admin token are the same; `commonplace token --rotate` writes new ones"
    )]
    Same,
}

/// A bearer token. Its text appears in no log: `Debug` hides it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Takes the text of a token, such as the content of a token file; white space around it is dropped.
    ///
    /// # Errors
    /// [`TokenError::TooShort`] and [`TokenError::NotPrintable`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.len() < TOKEN_CHARS_MIN {
            return Err(TokenError::TooShort {
                chars: text.chars().count(),
            });
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::NotPrintable);
        }
        Ok(Self(text.to_owned()))
    }

    /// Compares in a time that does not depend on where the texts differ.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }

    /// Makes a token of 32 random bytes, written as 64 hexadecimal digits.
    pub(crate) fn from_random(bytes: [u8; 32]) -> Self {
        Self(hex::encode(bytes))
    }

    /// Returns its text, for the one place that hands it out.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// The tokens of one store: `agent` opens `/mcp` only, `admin` opens everything.
#[derive(Debug, Clone)]
pub struct Tokens {
    agent: Token,
    admin: Token,
}

impl Tokens {
    /// Pairs two different tokens.
    ///
    /// # Errors
    /// [`TokenError::Same`].
    pub fn new(agent: Token, admin: Token) -> Result<Self, TokenError> {
        if agent.matches(admin.reveal()) {
            return Err(TokenError::Same);
        }
        Ok(Self { agent, admin })
    }

    pub(crate) fn is_agent(&self, presented: &str) -> bool {
        self.agent.matches(presented)
    }

    pub(crate) fn is_admin(&self, presented: &str) -> bool {
        self.admin.matches(presented)
    }

    /// Returns the seal of `text`, which only somebody with the admin token can make.
    ///
    /// What is hashed with the token has a fixed length, against length extension.
    pub(crate) fn seal(&self, text: &str) -> Digest {
        let sealing = Sha256::new().chain_update(self.admin.reveal());
        sealing.chain_update(digest(text)).finalize().into()
    }
}

pub(crate) fn digest(text: &str) -> Digest {
    Sha256::digest(text).into()
}

/// Hashes parts of a fixed length, one after the other.
pub(crate) fn digest_of(parts: &[&Digest]) -> Digest {
    let hashing = parts
        .iter()
        .fold(Sha256::new(), |hashing, part| hashing.chain_update(part));
    hashing.finalize().into()
}

/// Reads a digest from 64 hexadecimal digits.
pub(crate) fn read_digest(text: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    hex::decode_to_slice(text, &mut digest).ok()?;
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn an_empty_token_file_cannot_become_a_token() {
        assert_eq!(
            Token::parse("  \n").unwrap_err(),
            TokenError::TooShort { chars: 0 },
            "an empty token would match an empty header"
        );
    }

    #[test]
    fn a_token_with_a_line_break_inside_is_refused() {
        let text = format!("{LONG}\n{LONG}");
        assert_eq!(Token::parse(&text).unwrap_err(), TokenError::NotPrintable);
    }

    #[test]
    fn a_token_matches_its_whole_text_only() {
        let token = Token::parse(&format!("{LONG}\n")).unwrap();
        assert!(token.matches(LONG));
        assert!(!token.matches(&LONG[1..]), "a part is not the token");
        assert!(!token.matches(&format!("{LONG}0")), "more is not the token");
        assert!(!token.matches(""));
    }

    #[test]
    fn one_token_cannot_serve_both_purposes() {
        let token = Token::parse(LONG).unwrap();
        assert_eq!(
            Tokens::new(token.clone(), token).unwrap_err(),
            TokenError::Same
        );
    }

    #[test]
    fn debug_output_never_shows_a_token() {
        let token = Token::parse(LONG).unwrap();
        assert!(!format!("{token:?}").contains(LONG));
    }
}
