//! Why a run stopped.

use std::io;
use std::path::{Path, PathBuf};

use commonplace_api::call::AnswerError;

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// There is no program where one was said or ought to be.
    #[error("no program at `{}`", .0.display())]
    NoProgram(PathBuf),
    /// A program could not be started at all.
    #[error("could not start `{program}`: {source}")]
    Start { program: String, source: io::Error },
    /// It ended, or said something else.
    #[error("`{program}` did not get ready: {reason}\n{said}")]
    NotReady {
        program: String,
        reason: String,
        said: String,
    },
    /// The command line of a rival is none.
    #[error("`{line}` is no command: {reason}")]
    NoCommand { line: String, reason: &'static str },
    /// A file or directory could not be read or made.
    #[error("could not use `{}`: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    /// The host was not to be reached.
    #[error("the connection to port {port} failed: {source}")]
    Connection { port: u16, source: io::Error },
    /// It refused to tell its state.
    #[error("`/api/status`: {0}")]
    Status(#[from] AnswerError),
    /// It started, but lists no tools.
    #[error("the host did not list its tools: {0}")]
    Tools(String),
    /// A benchmark of a layer did not print what is read here.
    #[error("`{line}` printed no line `{wanted}`:\n{printed}")]
    NoFigure {
        line: String,
        wanted: &'static str,
        printed: String,
    },
    /// The other instance did not take the lock, or not give it back.
    #[error("the instance that holds the write lock ended or said something else than `{0}`")]
    Holder(&'static str),
    /// What must never be.
    #[error("{0} acknowledged writes were lost; see the table above")]
    Lost(u64),
    /// For a command that promises to meet them.
    #[error("{0} limits were not met; see the table above")]
    Missed(usize),
}

impl BenchError {
    /// Says which file could not be used.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }
}
