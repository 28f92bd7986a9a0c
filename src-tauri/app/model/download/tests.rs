//! What a bad connection does to a download, and what of it is kept.

use std::fs;
use std::net::TcpListener;
use std::time::Instant;

use super::*;
use crate::model::Endpoint;
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
struct Left {
    dir: tempfile::TempDir,
    size: Size,
}

impl Left {
    /// With `before` as what an earlier run left, if it left something.
    fn new(size: Size, before: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let this = Self { dir, size };
        if !before.is_empty() {
            fs::write(this.parts().part, before).unwrap();
        }
        this
    }

    fn parts(&self) -> Parts {
        Parts::of("file", self.dir.path())
    }

    fn fetch(&self, url: &FileUrl, limits: Limits) -> Result<Fetched, DownloadError> {
        let downloader = Downloader::new(limits, false);
        downloader.fetch("file", url, &self.parts(), self.size, &mut |_| ())
    }

    /// What is in the part.
    fn bytes(&self) -> Vec<u8> {
        fs::read(self.parts().part).unwrap()
    }
}

/// The address of the file at a server.
fn file_at(base_url: &str) -> FileUrl {
    Endpoint::parse(base_url).unwrap().file("file")
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
        let file = Left::new(exactly(&content), before);
        let fetched = file.fetch(&file_at(&server.url("")), PATIENT).unwrap();
        let bytes = fs::read(fetched.path).unwrap();
        assert_eq!(bytes, content, "after {} bytes", before.len());
        assert_eq!(server.ranges(), asked, "after {} bytes", before.len());
    }
}

#[test]
fn a_file_that_is_not_there_is_named_with_the_servers_answer() {
    let server = TestServer::start(b"", vec![Answer::NotFound]);
    let url = file_at(&server.url(""));
    let file = Left::new(Size::Exactly(10), b"");
    let error = file.fetch(&url, PATIENT).unwrap_err().to_string();
    assert!(
        error.contains(&url.to_string()) && error.contains("404"),
        "{error}"
    );
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
    let file = Left::new(exactly(&content), b"");
    let started = Instant::now();
    let error = file
        .fetch(&file_at(&server.url("")), impatient)
        .unwrap_err();
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
    let url = file_at(&format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    let file = Left::new(Size::Exactly(10), b"");
    let error = file.fetch(&url, PATIENT).unwrap_err();
    assert!(
        matches!(error, DownloadError::Unreachable { .. }),
        "{error}"
    );
}

#[test]
fn a_page_of_another_size_is_refused_before_it_is_read() {
    let server = TestServer::start(b"<html>please log in</html>", vec![Answer::Whole]);
    let file = Left::new(Size::Exactly(90_000_000), b"");
    let error = file.fetch(&file_at(&server.url("")), PATIENT).unwrap_err();
    assert!(
        matches!(error, DownloadError::Size { found: 26, .. }),
        "{error}"
    );
}

#[test]
fn a_file_without_known_size_is_limited_and_never_resumed() {
    let content = content();
    let server = TestServer::start(&content, vec![Answer::Whole, Answer::Whole]);
    let url = file_at(&server.url(""));
    let file = Left::new(Size::AtMost(content.len() as u64), b"from another day");
    file.fetch(&url, PATIENT).unwrap();
    assert_eq!(file.bytes(), content);
    let file = Left::new(Size::AtMost(1000), b"");
    let error = file.fetch(&url, PATIENT).unwrap_err();
    assert!(
        error.to_string().contains("at most 1000 bytes expected"),
        "{error}"
    );
    assert_eq!(server.ranges(), [None, None]);
}

#[test]
fn an_answer_from_the_start_costs_nothing_of_the_part() {
    let content = content();
    let page = vec![b'<'; 200_000];
    let have = &content[..100_000];
    for (sent, answer, before, left) in [
        // A page of a captive portal, shorter and longer than the part, and longer than the file.
        (&page[..500], Answer::WholeWithoutLength, have, have),
        (&page[..], Answer::WholeWithoutLength, have, have),
        (&[b'<'; 300_001][..], Answer::WholeWithoutLength, have, have),
        // The file itself, cut.
        (&content[..], Answer::CutWithoutRanges(50_000), have, have),
        (
            &content[..],
            Answer::CutWithoutRanges(150_000),
            have,
            &content[..150_000],
        ),
        // Nothing is there to be kept.
        (&page[..500], Answer::WholeWithoutLength, &[], &page[..500]),
    ] {
        let server = TestServer::start(sent, vec![answer, Answer::NotFound]);
        let file = Left::new(exactly(&content), before);
        let error = file.fetch(&file_at(&server.url("")), PATIENT).err();
        assert!(error.is_some(), "{answer:?} was taken for the file");
        assert!(file.bytes() == left, "the part is another after {answer:?}");
        assert!(!file.parts().fresh.exists(), "left over after {answer:?}");
    }
}

#[test]
fn only_what_came_with_two_answers_is_resumed() {
    let content = content();
    for (before, answer, is_resumed) in [
        (0, Answer::Whole, false),
        (10, Answer::Whole, true),
        (10, Answer::WholeWithoutRanges, false),
        (10, Answer::WholeWithoutLength, false),
    ] {
        let server = TestServer::start(&content, vec![answer]);
        let file = Left::new(exactly(&content), &content[..before]);
        let fetched = file.fetch(&file_at(&server.url("")), PATIENT).unwrap();
        assert_eq!(fetched.is_resumed, is_resumed, "{answer:?}");
        assert!(fs::read(fetched.path).unwrap() == content, "{answer:?}");
    }
}

#[test]
fn a_part_of_a_file_of_another_size_is_refused() {
    let content = content();
    let server = TestServer::start(&content, vec![Answer::PartOf(300_001)]);
    let file = Left::new(exactly(&content), &content[..10]);
    let error = file.fetch(&file_at(&server.url("")), PATIENT).unwrap_err();
    assert!(
        matches!(error, DownloadError::Size { found: 300_001, .. }),
        "{error}"
    );
    assert_eq!(file.bytes(), &content[..10]);
}

#[test]
fn a_server_with_too_much_to_do_says_when_to_try_again() {
    let server = TestServer::start(b"", vec![Answer::Later]);
    let file = Left::new(Size::Exactly(10), b"");
    let error = file.fetch(&file_at(&server.url("")), PATIENT).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("503") && said.contains("try again in 120 s"),
        "{said}"
    );
}

#[test]
fn nothing_is_asked_for_unencrypted_where_that_was_not_wanted() {
    let server = TestServer::start(b"0123456789", vec![Answer::Whole]);
    let (url, file) = (file_at(&server.url("")), Left::new(Size::Exactly(10), b""));
    let downloader = Downloader::new(PATIENT, true);
    let fetched = downloader.fetch("file", &url, &file.parts(), file.size, &mut |_| ());
    let said = fetched.unwrap_err().to_string();
    assert!(said.contains("https only"), "{said}");
    assert_eq!(server.ranges().len(), 0, "the server was asked");
}

#[test]
fn no_error_has_the_password_of_an_address() {
    let secret = "http://me:secret@127.0.0.1:1";
    let moved = Answer::MovedTo("http://me:secret@127.0.0.1:1/");
    let server = TestServer::start(b"", vec![moved, Answer::NotFound]);
    let with_password = server.url("").replace("//", "//me:secret@");
    for (url, https_only) in [
        (secret, true),
        (secret, false),
        (&with_password, false),
        (&with_password, false),
    ] {
        let (url, file) = (file_at(url), Left::new(Size::Exactly(10), b""));
        let downloader = Downloader::new(PATIENT, https_only);
        let fetched = downloader.fetch("file", &url, &file.parts(), file.size, &mut |_| ());
        let error = fetched.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains("secret"), "{said}");
        assert!(said.contains("127.0.0.1"), "{said}");
    }
}
