//! Why a client was not connected, disconnected or checked.

use std::path::{Path, PathBuf};

use commonplace_api::Refusal;

use crate::plugin::PluginError;

/// Tells why a client was not connected, disconnected or checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("this user has no home directory, so no client has a configuration")]
    NoHome,
    #[error("could not find this program's path: {0}")]
    NoProgram(std::io::Error),
    /// Nothing was changed, and a person may do it. The lines are empty if there are none.
    #[error("{reason}{}", below(.lines))]
    ByHand { reason: String, lines: String },
    #[error(
        "Claude Code (`claude`) was not found on the PATH; run this where it is{}",
        below(.line)
    )]
    NoClaude { line: String },
    #[error("could not {operation} `{path}`: {source}; nothing else was changed")]
    Io {
        operation: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    /// Claude Code refused, in its own words.
    #[error("{0}")]
    Claude(String),
    #[error(transparent)]
    Plugin(#[from] PluginError),
    #[error(
        "{title} has no entry of this store that could be started; `commonplace connect {word}` adds it, and where it is \
         connected over HTTP, `commonplace doctor` asks the host over HTTP"
    )]
    NothingToStart {
        title: &'static str,
        word: &'static str,
    },
    #[error("the entry of {title} does not work: {reason}")]
    NotFound { title: &'static str, reason: String },
    #[error(
        "stored and found again through the entry of {title}, but the text could not be removed: {reason}; `commonplace \
         delete --tag {tag}` deletes it"
    )]
    NotRemoved {
        title: &'static str,
        reason: String,
        tag: &'static str,
    },
}

impl ConnectError {
    pub(super) fn io(
        operation: &'static str,
        path: &Path,
    ) -> impl Fn(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            operation,
            path: path.clone(),
            source,
        }
    }
}

impl From<ConnectError> for Refusal {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::ByHand { reason, lines } => Self::ByHand { reason, lines },
            ConnectError::NoClaude { line } => Self::ByHand {
                reason: "Claude Code (`claude`) was not found on the PATH; run this where it is"
                    .to_owned(),
                lines: line,
            },
            other => Self::failed(other),
        }
    }
}

fn below(lines: &str) -> String {
    match lines {
        "" => String::new(),
        lines => format!(":\n{lines}"),
    }
}
