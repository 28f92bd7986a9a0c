//! What a bad connection does to a download, and what of it is kept.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Instant;

use super::*;
use crate::model::test_server::{Answer, SILENCE_MAX, TestServer};

/// Long enough never to matter; the one test about silence has its own.
const PATIENT: Limits = Limits {
    connect: Duration::from_secs(5),
    stall: Duration::from_secs(30),
    attempts_max: 4,
};

fn content() -> Vec<u8> {
    (0..300_000_u32).map(|n| (n % 251) as u8).collect()
}

/// The file that a test fetches, in a directory of its own.
struct Fetched {
    dir: tempfile::TempDir,
    size: Size,
}

impl Fetched {
    /// With `before` as what an earlier run left, if it left something.
    fn new(size: Size, before: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let this = Self { dir, size };
        if !before.is_empty() {
            fs::write(this.part(), before).unwrap();
        }
        this
    }

    fn part(&self) -> PathBuf {
        self.dir.path().join("file.part")
    }

    fn fetch(&self, url: &str, limits: Limits) -> Result<(), DownloadError> {
        let downloader = Downloader::new(limits);
        downloader.fetch("file", url, &self.part(), self.size, &mut |_| ())
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.part()).unwrap()
    }
}

fn exactly(content: &[u8]) -> Size {
    Size::Exactly(content.len() as u64)
}

#[test]
fn only_the_bytes_that_are_not_there_are_asked_for() {
    let content = content();
    let cut = vec![Answer::CutAfter(100_000), Answer::Whole];
    let from = |start: u64| Some(format!("bytes={start}-"));
    for (before, answers, asked) in [
        (&[][..], cut, vec![None, from(100_000)]),
        (
            &content[..123_456],
            vec![Answer::Whole],
            vec![from(123_456)],
        ),
        (&content[..], vec![], vec![]),
        (
            b"something old",
            vec![Answer::WholeWithoutRanges],
            vec![from(13)],
        ),
    ] {
        let server = TestServer::start(&content, answers);
        let file = Fetched::new(exactly(&content), before);
        file.fetch(&server.url("/file"), PATIENT).unwrap();
        assert_eq!(file.bytes(), content, "after {} bytes", before.len());
        assert_eq!(server.ranges(), asked, "after {} bytes", before.len());
    }
}

#[test]
fn a_file_that_is_not_there_is_named_with_the_servers_answer() {
    let server = TestServer::start(b"", vec![Answer::NotFound]);
    let url = server.url("/file");
    let file = Fetched::new(Size::Exactly(10), b"");
    let error = file.fetch(&url, PATIENT).unwrap_err().to_string();
    assert!(error.contains(&url) && error.contains("404"), "{error}");
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let impatient = Limits {
        stall: Duration::from_secs(1),
        ..PATIENT
    };
    let content = content();
    let answers = vec![Answer::SilentAfter(50_000), Answer::SilentAfter(0)];
    let server = TestServer::start(&content, answers);
    let file = Fetched::new(exactly(&content), b"");
    let started = Instant::now();
    let error = file.fetch(&server.url("/file"), impatient).unwrap_err();
    assert!(
        started.elapsed() < SILENCE_MAX,
        "the server ended the wait, not the limit"
    );
    assert!(
        matches!(error, DownloadError::Unreachable { .. }),
        "{error}"
    );
    assert_eq!(file.bytes().len(), 50_000, "what came is kept");
    assert_eq!(
        server.ranges().len(),
        2,
        "an attempt that brought something is followed by another"
    );
}

#[test]
fn a_port_where_nobody_listens_is_an_error_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    drop(listener);
    let file = Fetched::new(Size::Exactly(10), b"");
    let error = file.fetch(&url, PATIENT).unwrap_err();
    assert!(
        matches!(error, DownloadError::Unreachable { .. }),
        "{error}"
    );
}

#[test]
fn a_page_of_another_size_is_refused_before_it_is_read() {
    let server = TestServer::start(b"<html>please log in</html>", vec![Answer::Whole]);
    let file = Fetched::new(Size::Exactly(90_000_000), b"");
    let error = file.fetch(&server.url("/f"), PATIENT).unwrap_err();
    assert!(
        matches!(error, DownloadError::Size { found: 26, .. }),
        "{error}"
    );
}

#[test]
fn a_file_without_known_size_is_limited_and_never_resumed() {
    let content = content();
    let server = TestServer::start(&content, vec![Answer::Whole, Answer::Whole]);
    let url = server.url("/file");
    let file = Fetched::new(Size::AtMost(content.len() as u64), b"from another day");
    file.fetch(&url, PATIENT).unwrap();
    assert_eq!(file.bytes(), content);
    let file = Fetched::new(Size::AtMost(1000), b"");
    let error = file.fetch(&url, PATIENT).unwrap_err();
    assert!(
        matches!(error, DownloadError::Size { expected: 1000, .. }),
        "{error}"
    );
    assert_eq!(server.ranges(), [None, None]);
}

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
