//! The token files: who may use MCP, and who may do everything.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use commonplace_http::{Token, Tokens};

use crate::system::private_file::{self, PrivateFileError};
use crate::system::random::random_hex;

/// File of the token that opens MCP only.
pub(crate) const AGENT: &str = "agent.token";
/// File of the token that opens everything.
pub(crate) const ADMIN: &str = "admin.token";

/// What a token begins with; the first ones were 64 hexadecimal digits alone, and stay in force until they are rotated.
const TOKEN_START: &str = "commonplace_";

/// Tells why the tokens could not be read or made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenFileError {
    #[cfg(unix)]
    #[error("{0}, or make new tokens with `commonplace token --rotate`")]
    NotPrivate(PrivateFileError),
    #[error(transparent)]
    File(PrivateFileError),
    #[error(
        "the tokens in `{dir}` cannot be used: {reason}; make new ones with `commonplace token --rotate`"
    )]
    Unusable { dir: PathBuf, reason: String },
}

impl From<PrivateFileError> for TokenFileError {
    fn from(error: PrivateFileError) -> Self {
        match error {
            #[cfg(unix)]
            PrivateFileError::NotPrivate { .. } => Self::NotPrivate(error),
            #[cfg(unix)]
            PrivateFileError::KeepsNoModes { .. } => Self::File(error),
            PrivateFileError::Io { .. } => Self::File(error),
        }
    }
}

/// Both tokens as texts. Never logged, never in `Debug`.
pub(crate) struct TokenTexts {
    pub(crate) agent: String,
    pub(crate) admin: String,
}

impl TokenTexts {
    /// Reads the tokens of a store, making those that are not there.
    pub(crate) fn ensure(dir: &Path) -> Result<Self, TokenFileError> {
        Ok(Self {
            agent: ensure_one(&dir.join(AGENT))?,
            admin: ensure_one(&dir.join(ADMIN))?,
        })
    }

    /// Reads the tokens of a store; an error if they are not there.
    pub(crate) fn read(dir: &Path) -> Result<Self, TokenFileError> {
        Ok(Self {
            agent: read_one(&dir.join(AGENT))?,
            admin: read_one(&dir.join(ADMIN))?,
        })
    }

    /// Makes new tokens. A running host takes them into use within a second; the old ones end.
    pub(crate) fn rotate(dir: &Path) -> Result<Self, TokenFileError> {
        private_file::make_dir(dir)?;
        Ok(Self {
            agent: write_new(&dir.join(AGENT))?,
            admin: write_new(&dir.join(ADMIN))?,
        })
    }

    /// Turns them into what the guard compares with.
    pub(crate) fn checked(&self, dir: &Path) -> Result<Tokens, TokenFileError> {
        let unusable = |error: commonplace_http::TokenError| TokenFileError::Unusable {
            dir: dir.to_owned(),
            reason: error.to_string(),
        };
        let (agent, admin) = (Token::parse(&self.agent), Token::parse(&self.admin));
        Tokens::new(agent.map_err(unusable)?, admin.map_err(unusable)?).map_err(unusable)
    }
}

/// Returns when the token files were last changed, to notice a rotation.
pub(crate) fn changed(dir: &Path) -> Option<(SystemTime, SystemTime)> {
    let time = |name| {
        std::fs::metadata(dir.join(name))
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    Some((time(AGENT)?, time(ADMIN)?))
}

fn ensure_one(path: &Path) -> Result<String, PrivateFileError> {
    match read_one(path) {
        Err(error) if error.is(ErrorKind::NotFound) => {
            let token = new_token();
            match private_file::create(path, &format!("{token}\n")) {
                // Not the one just made, if another instance made one in this moment too.
                Ok(()) => read_one(path),
                // Another instance made it in this moment.
                Err(error) if error.is(ErrorKind::AlreadyExists) => read_one(path),
                Err(error) => Err(error),
            }
        }
        result => result,
    }
}

fn read_one(path: &Path) -> Result<String, PrivateFileError> {
    Ok(private_file::read(path)?.trim().to_owned())
}

fn write_new(path: &Path) -> Result<String, PrivateFileError> {
    let token = new_token();
    private_file::replace(path, &format!("{token}\n"))?;
    Ok(token)
}

/// Makes a token. It says whose it is, so that one in a text is told from a checksum and kept out of memories.
fn new_token() -> String {
    format!("{TOKEN_START}{}", random_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_made_once_and_change_only_by_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let first = TokenTexts::ensure(dir.path()).unwrap();
        let again = TokenTexts::ensure(dir.path()).unwrap();
        assert_eq!((&first.agent, &first.admin), (&again.agent, &again.admin));
        assert_ne!(first.agent, first.admin);
        for token in [&first.agent, &first.admin] {
            let text = format!("what is {token} for?");
            let redacted = commonplace_mcp::redact::redact(&text);
            assert_eq!(redacted.found, ["commonplace token"], "{text}");
        }
        let rotated = TokenTexts::rotate(dir.path()).unwrap();
        assert_ne!(first.agent, rotated.agent);
        assert_eq!(TokenTexts::read(dir.path()).unwrap().admin, rotated.admin);
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            2,
            "no temporary file is left"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_token_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        TokenTexts::ensure(dir.path()).unwrap();
        let path = dir.path().join(ADMIN);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let Err(error) = TokenTexts::ensure(dir.path()) else {
            panic!("others can read it")
        };
        let said = error.to_string();
        assert!(
            said.contains("(mode 644)") && said.contains("--rotate"),
            "{said}"
        );
    }
}
