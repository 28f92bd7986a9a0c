//! A small HTTP server for tests: it answers each connection as it was told, then ends.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What the server does with one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// Sends the file, or the asked part of it.
    Whole,
    /// Sends the whole file whatever is asked for.
    WholeWithoutRanges,
    /// Sends the whole file whatever is asked for, and does not say how long it is.
    WholeWithoutLength,
    /// Announces the whole file whatever is asked for, sends this many bytes of it, and closes.
    CutWithoutRanges(usize),
    /// Sends the asked part, of a file that has this many bytes.
    PartOf(usize),
    /// Announces the file, sends this many bytes of it, and closes.
    CutAfter(usize),
    /// Announces the file, sends this many bytes of it, and then nothing until the client leaves.
    SilentAfter(usize),
    /// Says 404.
    NotFound,
    /// Says 503, and that in 120 s there may be more.
    Later,
    /// Sends the client on to this address.
    MovedTo(&'static str),
}

/// How long a silent answer lasts at most; ends a hung test and is never waited for otherwise.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(20);
/// How long a connection is waited for at most; ends a hung test and is never waited for otherwise.
const ACCEPT_MAX: Duration = Duration::from_secs(60);

/// A server on a port of its own; it ends when it is dropped.
pub(crate) struct TestServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread and the test both see.
#[derive(Default)]
struct Shared {
    is_stopped: AtomicBool,
    /// The Range header of each request, in order; pushed before the answer is sent.
    ranges: Mutex<Vec<Option<String>>>,
}

impl TestServer {
    /// Serves `content` under every path, to as many connections as there are answers.
    pub(crate) fn start(content: &[u8], answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind a port");
        let address = listener.local_addr().expect("the port's number");
        let content = content.to_vec();
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for answer in answers {
                let Some(stream) = accept(&listener, &seen) else {
                    return;
                };
                serve(stream, &content, answer, &seen);
            }
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// Returns an address on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the Range header of each request so far.
    pub(crate) fn ranges(&self) -> Vec<Option<String>> {
        self.shared
            .ranges
            .lock()
            .expect("the server does not panic")
            .clone()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits for a connection; None if the test is over first.
fn accept(listener: &TcpListener, shared: &Shared) -> Option<TcpStream> {
    listener
        .set_nonblocking(true)
        .expect("accept without waiting");
    let until = Instant::now() + ACCEPT_MAX;
    while !shared.is_stopped.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                // Some systems pass the mode on.
                stream.set_nonblocking(false).expect("read with waiting");
                return Some(stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                assert!(Instant::now() < until, "no connection came");
                thread::yield_now();
            }
            Err(error) => panic!("could not accept a connection: {error}"),
        }
    }
    None
}

fn serve(stream: TcpStream, content: &[u8], answer: Answer, shared: &Shared) {
    stream
        .set_read_timeout(Some(SILENCE_MAX))
        .expect("limit the waiting");
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let range = read_range(&mut reader);
    shared
        .ranges
        .lock()
        .expect("no other thread panics")
        .push(range.clone());
    let wants_part = range.is_some()
        && !matches!(
            answer,
            Answer::WholeWithoutRanges | Answer::WholeWithoutLength | Answer::CutWithoutRanges(_)
        );
    let start = if wants_part {
        start_of(range.as_deref())
    } else {
        0
    };
    let body = &content[start..];
    let head = match answer {
        Answer::NotFound => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n".to_owned(),
        Answer::Later => {
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 120\r\nContent-Length: 0\r\n"
                .to_owned()
        }
        Answer::MovedTo(url) => {
            format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n")
        }
        Answer::WholeWithoutLength => "HTTP/1.1 200 OK\r\n".to_owned(),
        _ if wants_part => format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{}\r\n",
            body.len(),
            content.len().saturating_sub(1),
            match answer {
                Answer::PartOf(total) => total,
                _ => content.len(),
            },
        ),
        _ => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len()),
    };
    let sent = match answer {
        Answer::Whole
        | Answer::WholeWithoutRanges
        | Answer::WholeWithoutLength
        | Answer::PartOf(_) => body,
        Answer::CutAfter(count) | Answer::SilentAfter(count) | Answer::CutWithoutRanges(count) => {
            &body[..count]
        }
        Answer::NotFound | Answer::Later | Answer::MovedTo(_) => &[],
    };
    write(&stream, &head, sent);
    if matches!(answer, Answer::SilentAfter(_)) {
        // Ends when the client closes its side.
        let _ = reader.read_to_end(&mut Vec::new());
    }
}

/// A client that leaves early is part of some tests, so a failed write is no failure here.
fn write(mut stream: &TcpStream, head: &str, body: &[u8]) {
    let _ = stream
        .write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())
        .and_then(|()| stream.write_all(body));
}

fn read_range(reader: &mut impl BufRead) -> Option<String> {
    let mut range = None;
    loop {
        let mut line = String::new();
        let count = reader.read_line(&mut line).expect("read the request");
        let line = line.trim_end();
        if count == 0 || line.is_empty() {
            return range;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("range")
        {
            range = Some(value.trim().to_owned());
        }
    }
}

fn start_of(range: Option<&str>) -> usize {
    let start = range.and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()
    });
    start.expect("a range of the form `bytes=N-`")
}
