//! What the head of an answer says about the body that follows.

use ureq::http::{HeaderMap, Response, StatusCode, header};

use super::{DownloadError, FileUrl, Size};
use crate::words::one_line;

/// More of a date is none.
const RETRY_AFTER_CHARS_MAX: usize = 40;

/// An answer that has the file, or the part of it that was asked for.
#[derive(Debug)]
pub(super) struct Answer {
    /// At which byte of the file the body begins: where we asked, or at 0 if the server knows no ranges.
    pub(super) start: u64,
    /// The length of the complete file, as far as it is known.
    pub(super) total: Option<u64>,
    /// The server says itself that the file has this length.
    pub(super) is_size_announced: bool,
}

impl Answer {
    /// Reads the head of the answer to a request from byte `have` on.
    ///
    /// # Errors
    /// If it is not the file, or one that cannot be right.
    pub(super) fn read<B>(
        url: &FileUrl,
        response: &Response<B>,
        have: u64,
        size: Size,
    ) -> Result<Self, DownloadError> {
        let headers = response.headers();
        let (start, of) = match response.status() {
            StatusCode::OK => (0, None),
            StatusCode::PARTIAL_CONTENT => text(headers, header::CONTENT_RANGE)
                .and_then(parse_content_range)
                .filter(|(start, _)| *start == have)
                .ok_or_else(|| refused(url, response))?,
            _ => return Err(refused(url, response)),
        };
        let by_length = text(headers, header::CONTENT_LENGTH)
            .and_then(|length| length.parse::<u64>().ok())
            .map(|rest| start.saturating_add(rest));
        let fits = |found: &u64| match size {
            Size::Exactly(total) => *found == total,
            Size::AtMost(limit) => *found <= limit,
        };
        if let Some(found) = [of, by_length]
            .into_iter()
            .flatten()
            .find(|found| !fits(found))
        {
            return Err(DownloadError::Size {
                url: url.clone(),
                expected: size,
                found,
            });
        }
        let announced = by_length.or(of);
        let total = match size {
            Size::Exactly(total) => Some(total),
            Size::AtMost(_) => announced,
        };
        Ok(Self {
            start,
            total,
            is_size_announced: announced.is_some(),
        })
    }
}

fn refused<B>(url: &FileUrl, response: &Response<B>) -> DownloadError {
    let (url, status) = (url.clone(), response.status());
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let when = retry_after(text(response.headers(), header::RETRY_AFTER));
            DownloadError::Later { url, status, when }
        }
        _ => DownloadError::Status { url, status },
    }
}

/// Reads seconds or a date.
fn retry_after(text: Option<&str>) -> String {
    match text.map(str::trim) {
        None | Some("") => "later".to_owned(),
        Some(text) => match text.parse::<u32>() {
            Ok(seconds) => format!("in {seconds} s"),
            Err(_) => format!("after {}", one_line(text, RETRY_AFTER_CHARS_MAX)),
        },
    }
}

/// Reads `bytes 100-199/200` as start and total.
fn parse_content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read() {
        for (text, read) in [
            ("bytes 100-199/200", Some((100, Some(200)))),
            ("bytes 0-9/*", Some((0, None))),
            ("bytes */200", None),
            ("pages 1-2/3", None),
        ] {
            assert_eq!(parse_content_range(text), read, "{text}");
        }
    }

    #[test]
    fn a_server_says_when_to_try_again() {
        for (text, when) in [
            (None, "later"),
            (Some(" "), "later"),
            (Some("120"), "in 120 s"),
            (
                Some("Wed, 21 Oct 2026 07:28:00 GMT"),
                "after Wed, 21 Oct 2026 07:28:00 GMT",
            ),
        ] {
            assert_eq!(retry_after(text), when);
        }
    }
}
