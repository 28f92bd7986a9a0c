//! Fetches one file over HTTP into a `.part` file, and goes on where an earlier attempt stopped.
//!
//! What comes out is complete by length, not yet checked by hash: that is `model`'s part.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, Response, StatusCode, header};

use crate::words::with_causes;

use super::{FileError, Step, Tell};

const BLOCK_BYTES: usize = 64 * 1024;

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
    /// For real networks: 90 MB over a bad mobile connection may well be cut a few times.
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
    fn limit(self) -> u64 {
        match self {
            Self::Exactly(bytes) | Self::AtMost(bytes) => bytes,
        }
    }
}

/// A file could not be fetched. The `.part` file keeps what came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DownloadError {
    /// No usable answer: no network, no such host, blocked, or nothing more came.
    #[error("could not fetch {url}: {reason}")]
    Unreachable { url: String, reason: String },
    /// The server answered with something other than the file.
    #[error("could not fetch {url}: the server answered {status}")]
    Status { url: String, status: StatusCode },
    /// The file has another length than it must have: a page of a captive portal, or another version.
    #[error("{url} has another size: {expected} bytes expected, {found} announced or sent")]
    Size {
        url: String,
        expected: u64,
        found: u64,
    },
    /// The disk refused.
    #[error(transparent)]
    File(#[from] FileError),
}

/// How one attempt ended.
enum Attempt {
    Complete,
    /// The connection ended early; the bytes so far are in the file.
    Cut(String),
}

/// Fetches files with the same limits; honours `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
pub(crate) struct Downloader {
    agent: Agent,
    limits: Limits,
}

impl Downloader {
    /// Prepares connections; opens none.
    pub(crate) fn new(limits: Limits) -> Self {
        let config = Agent::config_builder()
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

    /// Fetches `url` into `part`; `name` is told with the progress.
    ///
    /// If `size` is exact and `part` has some bytes from an earlier run, only the rest is asked for; if it
    /// has all of them, nothing is. Blocks; bounded by the limits as long as the server is silent.
    ///
    /// # Errors
    /// See `DownloadError`; after `Unreachable` a later call goes on from where this one stopped.
    pub(crate) fn fetch(
        &self,
        name: &str,
        url: &str,
        part: &Path,
        size: Size,
        tell: &mut Tell<'_>,
    ) -> Result<(), DownloadError> {
        let mut have = usable_bytes(part, size)?;
        if matches!(size, Size::Exactly(total) if total == have) {
            return Ok(());
        }
        for attempt in 1.. {
            let mut show = |done, of| tell(Step::Bytes { name, done, of });
            let outcome = self.attempt(url, part, size, have, &mut show);
            let Attempt::Cut(reason) = outcome? else {
                return Ok(());
            };
            let now = usable_bytes(part, size)?;
            if now <= have || attempt >= self.limits.attempts_max {
                return Err(DownloadError::Unreachable {
                    url: url.to_owned(),
                    reason,
                });
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
        url: &str,
        part: &Path,
        size: Size,
        have: u64,
        show: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Attempt, DownloadError> {
        let mut request = self.agent.get(url);
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let mut response = match request.call() {
            Ok(response) => response,
            Err(error) => return Ok(Attempt::Cut(with_causes(&error))),
        };
        let start = start_of(url, &response, have)?;
        let total = expected_total(url, response.headers(), start, size)?;
        let mut file = open_at(part, start).map_err(FileError::at(part))?;
        let body = response.body_mut().as_reader();
        let ended = copy(body, &mut file, start, size.limit(), |done| {
            show(done, total)
        });
        match ended {
            Ok(done) => judge(url, done, total, size.limit()),
            Err(CopyError::Read(error)) => Ok(Attempt::Cut(with_causes(&error))),
            Err(CopyError::Write(source)) => Err(FileError::at(part)(source).into()),
        }
    }
}

/// Says whether a body that ended by itself brought the whole file.
fn judge(url: &str, done: u64, total: Option<u64>, limit: u64) -> Result<Attempt, DownloadError> {
    if done > limit {
        return Err(DownloadError::Size {
            url: url.to_owned(),
            expected: limit,
            found: done,
        });
    }
    if total.is_some_and(|total| done < total) {
        return Ok(Attempt::Cut("the connection ended early".to_owned()));
    }
    Ok(Attempt::Complete)
}

/// Says how many bytes of `part` can be kept, after throwing away what cannot.
fn usable_bytes(part: &Path, size: Size) -> Result<u64, DownloadError> {
    let have = match fs::metadata(part) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(source) => return Err(FileError::at(part)(source).into()),
    };
    match size {
        Size::Exactly(total) if have <= total => Ok(have),
        _ => {
            fs::remove_file(part).map_err(FileError::at(part))?;
            Ok(0)
        }
    }
}

/// Says at which byte of the file the body begins: where we asked, or at 0 if the server knows no ranges.
fn start_of<B>(url: &str, response: &Response<B>, have: u64) -> Result<u64, DownloadError> {
    let status = response.status();
    let refused = || DownloadError::Status {
        url: url.to_owned(),
        status,
    };
    match status {
        StatusCode::OK => Ok(0),
        StatusCode::PARTIAL_CONTENT => {
            let range =
                text(response.headers(), header::CONTENT_RANGE).and_then(parse_content_range);
            let (start, _) = range.ok_or_else(refused)?;
            if start == have {
                Ok(start)
            } else {
                Err(refused())
            }
        }
        _ => Err(refused()),
    }
}

/// Returns the length of the whole file as far as it is known, and refuses one that cannot be right.
fn expected_total(
    url: &str,
    headers: &HeaderMap,
    start: u64,
    size: Size,
) -> Result<Option<u64>, DownloadError> {
    let announced = text(headers, header::CONTENT_LENGTH)
        .and_then(|length| length.parse::<u64>().ok())
        .map(|rest| start.saturating_add(rest));
    let wrong = |expected, found| DownloadError::Size {
        url: url.to_owned(),
        expected,
        found,
    };
    match (size, announced) {
        (Size::Exactly(total), Some(found)) if found != total => Err(wrong(total, found)),
        (Size::Exactly(total), _) => Ok(Some(total)),
        (Size::AtMost(limit), Some(found)) if found > limit => Err(wrong(limit, found)),
        (Size::AtMost(_), announced) => Ok(announced),
    }
}

/// Reads `bytes 100-199/200` as start and total.
fn parse_content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

/// Copies until the body ends or more than `limit` bytes are there; returns how many are.
fn copy(
    mut body: impl Read,
    file: &mut File,
    start: u64,
    limit: u64,
    mut show: impl FnMut(u64),
) -> Result<u64, CopyError> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut done = start;
    while done <= limit {
        let count = body.read(&mut block).map_err(CopyError::Read)?;
        if count == 0 {
            break;
        }
        file.write_all(&block[..count]).map_err(CopyError::Write)?;
        done += count as u64;
        show(done);
    }
    Ok(done)
}

/// Opens the file for one program at a time: two that write it would spoil it for both.
fn open_at(part: &Path, start: u64) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(part)?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        let reason = "another program is fetching it";
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, reason));
    }
    file.set_len(start)?;
    io::Seek::seek(&mut file, io::SeekFrom::Start(start))?;
    Ok(file)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests;
