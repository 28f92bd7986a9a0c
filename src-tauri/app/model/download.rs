//! Fetches one file over HTTP into a `.part` file, and goes on where an earlier attempt stopped.
//!
//! What comes out is complete by length, not yet checked by hash: that is `model`'s part. An answer that begins at the start
//! although the rest was asked for costs nothing of what is there: it goes into a file of its own.

mod answer;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{StatusCode, header};

use super::endpoint::without_userinfo;
use super::parts::{self, CopyError, Parts};
use super::{FileError, FileUrl, Step, Tell};
use crate::words::with_causes;
use answer::Answer;

/// How long to wait for a server, and how often to go on after a cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For the name and the connection each; a blocked network should be known soon.
    pub(crate) connect: Duration,
    /// For the next bytes, however many.
    pub(crate) stall: Duration,
    /// Attempts in all; each must bring at least one byte, or it is the last.
    pub(crate) attempts_max: u32,
}

impl Limits {
    /// For real networks: 91 MB over a bad mobile connection may well be cut a few times.
    pub(crate) const REAL: Self = Self {
        connect: Duration::from_secs(8),
        stall: Duration::from_secs(20),
        attempts_max: 20,
    };
}

/// What is known of the file's length.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Size {
    /// Known to the byte; only such a file is resumed, because its content is known too.
    Exactly(u64),
    /// Unknown, but not more than this.
    AtMost(u64),
}

impl Size {
    /// Returns the most bytes that the file may have.
    pub(crate) fn limit(self) -> u64 {
        match self {
            Self::Exactly(bytes) | Self::AtMost(bytes) => bytes,
        }
    }

    /// Says whether a file of so many bytes can be the one.
    pub(crate) fn fits(self, bytes: u64) -> bool {
        match self {
            Self::Exactly(exactly) => bytes == exactly,
            Self::AtMost(most) => bytes <= most,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(bytes) => write!(f, "{bytes}"),
            Self::AtMost(bytes) => write!(f, "at most {bytes}"),
        }
    }
}

/// A file could not be fetched. The `.part` file keeps what came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DownloadError {
    /// No usable answer: no network, no such host, blocked, or nothing more came.
    #[error("could not fetch {url}: {reason}")]
    Unreachable { url: FileUrl, reason: String },
    /// The server answered with something other than the file.
    #[error("could not fetch {url}: the server answered {status}")]
    Status { url: FileUrl, status: StatusCode },
    /// The server has too much to do, or is away for a while.
    #[error(
        "could not fetch {url}: the server answered {status}; try again {when}: it goes on where it stopped"
    )]
    Later {
        url: FileUrl,
        status: StatusCode,
        /// As in "try again later".
        when: String,
    },
    /// The file has another length than it must have: a page of a captive portal, or another version.
    #[error("{url} has another size: {expected} bytes expected, {found} announced or sent")]
    Size {
        url: FileUrl,
        expected: Size,
        found: u64,
    },
    /// The disk refused.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A file that came, complete by length.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its first bytes came with another answer than its last, so that they may be of another file.
    pub(crate) is_resumed: bool,
}

/// How one attempt ended.
enum Attempt {
    Complete(Fetched),
    /// The connection ended early; the bytes so far are in the file.
    Cut(String),
}

/// Fetches files with the same limits; honours `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
pub(crate) struct Downloader {
    agent: Agent,
    limits: Limits,
}

impl Downloader {
    /// Prepares connections; opens none. What begins with `https_only` stays encrypted wherever a server sends it on to.
    pub(crate) fn new(limits: Limits, https_only: bool) -> Self {
        let config = Agent::config_builder()
            .https_only(https_only)
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect))
            .timeout_recv_response(Some(limits.stall))
            .timeout_per_read(Some(limits.stall))
            .http_status_as_error(false)
            // Ranges count the bytes of the file, so they must travel as they are.
            .accept_encoding("identity")
            .user_agent(concat!("commonplace/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.new_agent(),
            limits,
        }
    }

    /// Fetches `url` into one of `parts`; `name` is told with the progress.
    ///
    /// If `size` is exact and there is a part from an earlier run, only the rest is asked for; if it is complete, nothing
    /// is. Blocks; bounded by the limits as long as the server is silent.
    ///
    /// # Errors
    /// See `DownloadError`; after `Unreachable` and `Later` another call goes on from where this one stopped.
    pub(crate) fn fetch(
        &self,
        name: &str,
        url: &FileUrl,
        parts: &Parts,
        size: Size,
        tell: &mut Tell<'_>,
    ) -> Result<Fetched, DownloadError> {
        let mut have = usable_bytes(parts, size)?;
        if matches!(size, Size::Exactly(total) if total == have) {
            return Ok(Fetched {
                path: parts.part.clone(),
                is_resumed: true,
            });
        }
        for attempt in 1.. {
            let mut show = |done, of| tell(Step::Bytes { name, done, of });
            let reason = match self.attempt(url, parts, size, have, &mut show)? {
                Attempt::Complete(fetched) => return Ok(fetched),
                Attempt::Cut(reason) => reason,
            };
            let now = usable_bytes(parts, size)?;
            if now <= have || attempt >= self.limits.attempts_max {
                let url = url.clone();
                return Err(DownloadError::Unreachable { url, reason });
            }
            tell(Step::Note(format!(
                "{name}: {reason}; going on at byte {now}"
            )));
            have = now;
        }
        unreachable!("the loop ends by itself at attempts_max")
    }

    /// Asks for the file from byte `have` on, and takes what comes.
    fn attempt(
        &self,
        url: &FileUrl,
        parts: &Parts,
        size: Size,
        have: u64,
        show: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Attempt, DownloadError> {
        let mut request = self.agent.get(url.secret());
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let mut response = match request.call() {
            Ok(response) => response,
            Err(error) => return Ok(cut(&error)),
        };
        let answer = Answer::read(url, &response, have, size)?;
        let body = response.body_mut().as_reader();
        if answer.start == have {
            return take(url, body, &parts.part, &answer, size, show);
        }
        let attempt = take(url, body, &parts.fresh, &answer, size, show);
        match attempt {
            Ok(Attempt::Complete(_)) => {}
            // Of a page in the file's stead nothing is worth more than the part, however long it is.
            Ok(Attempt::Cut(_)) if answer.is_size_announced => parts.keep_longer()?,
            _ => parts::remove(&parts.fresh)?,
        }
        attempt
    }
}

/// Writes a body into `path`, and says whether it brought the whole file.
fn take(
    url: &FileUrl,
    body: impl Read,
    path: &Path,
    answer: &Answer,
    size: Size,
    show: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Attempt, DownloadError> {
    let mut file = parts::open_at(path, answer.start).map_err(FileError::at(path))?;
    let copied = parts::copy(body, &mut file, answer.start, size.limit(), |done| {
        show(done, answer.total)
    });
    let done = match copied {
        Ok(done) => done,
        Err(CopyError::Read(error)) => return Ok(cut(&error)),
        Err(CopyError::Write(source)) => return Err(FileError::at(path)(source).into()),
    };
    if done > size.limit() {
        return Err(DownloadError::Size {
            url: url.clone(),
            expected: size,
            found: done,
        });
    }
    if answer.total.is_some_and(|total| done < total) {
        return Ok(Attempt::Cut("the connection ended early".to_owned()));
    }
    Ok(Attempt::Complete(Fetched {
        path: path.to_owned(),
        is_resumed: answer.start > 0,
    }))
}

fn cut(error: &dyn std::error::Error) -> Attempt {
    Attempt::Cut(without_userinfo(&with_causes(error)))
}

/// Says how many bytes of the part can be kept, after throwing away what cannot.
fn usable_bytes(parts: &Parts, size: Size) -> Result<u64, FileError> {
    match (size, parts.part_bytes()?) {
        (Size::Exactly(total), have) if have <= total => Ok(have),
        _ => {
            parts::remove(&parts.part)?;
            Ok(0)
        }
    }
}

#[cfg(test)]
mod tests;
