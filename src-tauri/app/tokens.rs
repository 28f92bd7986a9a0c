//! The token files: who may use MCP, and who may do everything.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use commonplace_http::{Token, Tokens};

/// File of the token that opens MCP only.
pub(crate) const AGENT: &str = "agent.token";
/// File of the token that opens everything.
pub(crate) const ADMIN: &str = "admin.token";

/// Tells why the tokens could not be read or made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenFileError {
    #[error("could not {operation} `{path}`: {source}; check that this user may write there")]
    Io {
        operation: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[cfg(unix)]
    #[error(
        "`{path}` can be read by other users (mode {mode:03o}): make it private with `chmod 600`, or make new tokens with `commonplace token --rotate`"
    )]
    NotPrivate { path: PathBuf, mode: u32 },
    #[error(
        "the tokens in `{dir}` cannot be used: {reason}; make new ones with `commonplace token --rotate`"
    )]
    Unusable { dir: PathBuf, reason: String },
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
        let path = dir.to_owned();
        crate::platform::make_private_dir(dir).map_err(|source| TokenFileError::Io {
            operation: "make",
            path,
            source,
        })?;
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

fn ensure_one(path: &Path) -> Result<String, TokenFileError> {
    match read_one(path) {
        Err(TokenFileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            create_new(path).or_else(|error| match &error {
                // Another instance made it in this moment.
                TokenFileError::Io { source, .. }
                    if source.kind() == std::io::ErrorKind::AlreadyExists =>
                {
                    read_one(path)
                }
                _ => Err(error),
            })
        }
        result => result,
    }
}

fn read_one(path: &Path) -> Result<String, TokenFileError> {
    let io = |operation| {
        let path = path.to_owned();
        move |source| TokenFileError::Io {
            operation,
            path,
            source,
        }
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path)
            .map_err(io("look at"))?
            .permissions()
            .mode()
            & 0o777;
        if mode & 0o077 != 0 {
            return Err(TokenFileError::NotPrivate {
                path: path.to_owned(),
                mode,
            });
        }
    }
    let text = std::fs::read_to_string(path).map_err(io("read"))?;
    Ok(text.trim().to_owned())
}

/// Makes a token file that must not exist yet. Written under another name first, so that nobody reads half of it.
fn create_new(path: &Path) -> Result<String, TokenFileError> {
    let (temporary, token) = write_temporary(path)?;
    let linked = std::fs::hard_link(&temporary, path);
    let removed = std::fs::remove_file(&temporary);
    let io = |operation| {
        move |source| TokenFileError::Io {
            operation,
            path: path.to_owned(),
            source,
        }
    };
    linked.map_err(io("make"))?;
    removed.map_err(io("tidy up beside"))?;
    Ok(token)
}

fn write_new(path: &Path) -> Result<String, TokenFileError> {
    let (temporary, token) = write_temporary(path)?;
    std::fs::rename(&temporary, path).map_err(|source| TokenFileError::Io {
        operation: "replace",
        path: path.to_owned(),
        source,
    })?;
    Ok(token)
}

fn write_temporary(path: &Path) -> Result<(PathBuf, String), TokenFileError> {
    let token = random_token();
    let temporary = path.with_extension(format!("{}.new", &random_token()[..16]));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || {
        let mut file = options.open(&temporary)?;
        writeln!(file, "{token}")?;
        file.sync_all()
    };
    write().map_err(|source| TokenFileError::Io {
        operation: "write",
        path: temporary.clone(),
        source,
    })?;
    Ok((temporary, token))
}

/// Returns 32 random bytes in hexadecimal digits.
fn random_token() -> String {
    random_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Returns 32 random bytes.
pub(crate) fn random_bytes() -> [u8; 32] {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).expect("the system has a random source");
    bytes
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
        assert!(matches!(
            TokenTexts::ensure(dir.path()),
            Err(TokenFileError::NotPrivate { mode: 0o644, .. })
        ));
    }
}
