//! What a bad connection does to a download, and what of it is kept.

use std::net::TcpListener;
use std::time::Instant;

use super::*;
use crate::test_server::{Answer, SILENCE_MAX, TestServer};

/// Long enough never to matter; the one test about silence has its own.
const PATIENT: Limits = Limits {
    connect: Duration::from_secs(5),
    stall: Duration::from_secs(30),
    attempts_max: 4,
};

fn content() -> Vec<u8> {
    (0..300_000_u32).map(|n| (n % 251) as u8).collect()
}

fn exactly(content: &[u8]) -> Size {
    Size::Exactly(content.len() as u64)
}

#[test]
fn a_connection_cut_midway_is_resumed_at_the_byte_where_it_stopped() {
    let content = content();
    let server = TestServer::start(&content, vec![Answer::CutAfter(100_000), Answer::Whole]);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let part = dir.path().join("file.part");
    Downloader::new(PATIENT)
        .fetch("file", &server.url("/file"), &part, exactly(&content))
        .expect("the second attempt brings the rest");
    assert_eq!(
        fs::read(&part).expect("read the file"),
        content,
        "the pieces do not fit"
    );
    let ranges = server.ranges();
    assert_eq!(
        ranges,
        [None, Some("bytes=100000-".to_owned())],
        "the rest was not asked for"
    );
}

#[test]
fn a_later_run_goes_on_with_the_part_of_an_earlier_one() {
    let content = content();
    let server = TestServer::start(&content, vec![Answer::Whole]);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let part = dir.path().join("file.part");
    fs::write(&part, &content[..123_456]).expect("write the part");
    Downloader::new(PATIENT)
        .fetch("file", &server.url("/file"), &part, exactly(&content))
        .expect("the server sends the rest");
    assert_eq!(fs::read(&part).expect("read the file"), content);
    assert_eq!(server.ranges(), [Some("bytes=123456-".to_owned())]);
}

#[test]
fn a_complete_part_asks_the_server_nothing() {
    let content = content();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let part = dir.path().join("file.part");
    fs::write(&part, &content).expect("write the part");
    Downloader::new(PATIENT)
        .fetch("file", "http://127.0.0.1:1/file", &part, exactly(&content))
        .expect("no request is needed");
}

#[test]
fn a_server_without_ranges_sends_the_whole_file_again() {
    let content = content();
    let server = TestServer::start(&content, vec![Answer::WholeWithoutRanges]);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let part = dir.path().join("file.part");
    fs::write(&part, b"something old").expect("write the part");
    Downloader::new(PATIENT)
        .fetch("file", &server.url("/file"), &part, exactly(&content))
        .expect("the whole file comes");
    assert_eq!(
        fs::read(&part).expect("read the file"),
        content,
        "old bytes were kept"
    );
}

#[test]
fn a_file_that_is_not_there_is_named_with_the_servers_answer() {
    let server = TestServer::start(b"", vec![Answer::NotFound]);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let url = server.url("/file");
    let error = Downloader::new(PATIENT)
        .fetch(
            "file",
            &url,
            &dir.path().join("file.part"),
            Size::Exactly(10),
        )
        .expect_err("the server has no such file");
    let text = error.to_string();
    assert!(
        text.contains(&url) && text.contains("404"),
        "unclear: {text}"
    );
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let impatient = Limits {
        stall: Duration::from_secs(1),
        ..PATIENT
    };
    let content = content();
    let server = TestServer::start(
        &content,
        vec![Answer::SilentAfter(50_000), Answer::SilentAfter(0)],
    );
    let dir = tempfile::tempdir().expect("a temporary directory");
    let part = dir.path().join("file.part");
    let started = Instant::now();
    let error = Downloader::new(impatient)
        .fetch("file", &server.url("/file"), &part, exactly(&content))
        .expect_err("nothing more comes");
    assert!(
        started.elapsed() < SILENCE_MAX,
        "the server ended the wait, not the limit"
    );
    assert!(
        matches!(error, DownloadError::Unreachable { .. }),
        "wrong kind: {error}"
    );
    let kept = fs::metadata(&part).expect("the part is kept").len();
    assert_eq!(kept, 50_000, "what came must be kept for a later run");
    assert_eq!(
        server.ranges().len(),
        2,
        "an attempt that brought something is followed by another"
    );
}

#[test]
fn a_port_where_nobody_listens_is_an_error_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a port");
    let port = listener.local_addr().expect("its number").port();
    drop(listener);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let url = format!("http://127.0.0.1:{port}/file");
    let error = Downloader::new(PATIENT)
        .fetch(
            "file",
            &url,
            &dir.path().join("file.part"),
            Size::Exactly(10),
        )
        .expect_err("nobody listens");
    assert!(
        matches!(error, DownloadError::Unreachable { .. }),
        "wrong kind: {error}"
    );
}

#[test]
fn a_page_of_another_size_is_refused_before_it_is_read() {
    let server = TestServer::start(b"<html>please log in</html>", vec![Answer::Whole]);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let error = Downloader::new(PATIENT)
        .fetch(
            "file",
            &server.url("/f"),
            &dir.path().join("f.part"),
            Size::Exactly(90_000_000),
        )
        .expect_err("this is not the file");
    assert!(
        matches!(error, DownloadError::Size { found: 26, .. }),
        "wrong kind: {error}"
    );
}

#[test]
fn a_file_without_known_size_is_limited_and_never_resumed() {
    let content = content();
    let server = TestServer::start(&content, vec![Answer::Whole, Answer::Whole]);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let part = dir.path().join("file.part");
    fs::write(&part, b"from another day").expect("write the part");
    let downloader = Downloader::new(PATIENT);
    let limit = Size::AtMost(content.len() as u64);
    downloader
        .fetch("file", &server.url("/file"), &part, limit)
        .expect("it fits the limit");
    assert_eq!(fs::read(&part).expect("read the file"), content);
    let error = downloader
        .fetch("file", &server.url("/file"), &part, Size::AtMost(1000))
        .expect_err("it is larger than the limit");
    assert!(
        matches!(error, DownloadError::Size { expected: 1000, .. }),
        "wrong kind: {error}"
    );
    assert_eq!(server.ranges(), [None, None]);
}

#[test]
fn content_ranges_are_read() {
    assert_eq!(
        parse_content_range("bytes 100-199/200"),
        Some((100, Some(200)))
    );
    assert_eq!(parse_content_range("bytes 0-9/*"), Some((0, None)));
    assert_eq!(parse_content_range("bytes */200"), None);
    assert_eq!(parse_content_range("pages 1-2/3"), None);
}
