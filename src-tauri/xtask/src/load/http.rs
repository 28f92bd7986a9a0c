//! One kept-open HTTP/1.1 connection, as light as it can be: the generator shares the cores with what it measures.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Ends a run that hangs; the host itself gives up after less.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// A head longer than this is not an answer of ours.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const BLOCK_BYTES: usize = 32 * 1024;

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The connection failed or fell silent.
    #[error("the connection to port {port} failed: {source}")]
    Io { port: u16, source: io::Error },
    /// It ended in the middle of an answer, or before it.
    #[error("the host closed the connection on port {port}")]
    Closed { port: u16 },
    /// The answer is not HTTP/1.1 as we know it.
    #[error("the answer is not understood: {0}")]
    Malformed(&'static str),
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// The host closes the connection after it.
    is_last: bool,
}

/// A connection to a port of this machine; opens again by itself after the host announced the end.
pub(crate) struct Connection {
    port: u16,
    stream: Option<TcpStream>,
    received: Vec<u8>,
    block: Vec<u8>,
}

impl Connection {
    /// Connects; small requests are sent at once.
    pub(crate) fn open(port: u16) -> Result<Self, HttpError> {
        let stream = connect(port).map_err(|source| HttpError::Io { port, source })?;
        Ok(Self {
            port,
            stream: Some(stream),
            received: Vec::new(),
            block: vec![0; BLOCK_BYTES],
        })
    }

    /// Sends a request, head and body in one write, and reads the answer.
    ///
    /// After an error the next call opens a new connection. Nothing is sent twice.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Response, HttpError> {
        let port = self.port;
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(port).map_err(|source| HttpError::Io { port, source })?,
        };
        self.received.clear();
        stream
            .write_all(request)
            .map_err(|source| HttpError::Io { port, source })?;
        let response = self.read(&mut stream)?;
        if !response.is_last {
            self.stream = Some(stream);
        }
        Ok(response)
    }

    fn read(&mut self, stream: &mut TcpStream) -> Result<Response, HttpError> {
        let port = self.port;
        loop {
            let count = stream
                .read(&mut self.block)
                .map_err(|source| HttpError::Io { port, source })?;
            if count == 0 {
                return Err(HttpError::Closed { port });
            }
            self.received.extend_from_slice(&self.block[..count]);
            if let Some(response) = parse(&self.received)? {
                return Ok(response);
            }
        }
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    Ok(stream)
}

/// Reads one answer; None while a part of it is missing.
fn parse(bytes: &[u8]) -> Result<Option<Response>, HttpError> {
    let Some(head_end) = find(bytes, b"\r\n\r\n") else {
        let is_too_long = bytes.len() > HEAD_BYTES_MAX;
        return if is_too_long {
            Err(HttpError::Malformed("its head does not end"))
        } else {
            Ok(None)
        };
    };
    let head = std::str::from_utf8(&bytes[..head_end])
        .map_err(|_| HttpError::Malformed("its head is not text"))?;
    let rest = &bytes[head_end + 4..];
    let status = status(head).ok_or(HttpError::Malformed("it has no status"))?;
    let body = if has(head, "transfer-encoding", "chunked") {
        unchunked(rest)?
    } else {
        let length = header(head, "content-length")
            .ok_or(HttpError::Malformed("its length is not given"))?;
        let length: usize = length
            .parse()
            .map_err(|_| HttpError::Malformed("its length is no number"))?;
        rest.get(..length).map(<[u8]>::to_vec)
    };
    Ok(body.map(|body| Response {
        status,
        body,
        is_last: has(head, "connection", "close"),
    }))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn status(head: &str) -> Option<u16> {
    let line = head.split("\r\n").next()?;
    line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head
        .split("\r\n")
        .skip(1)
        .filter_map(|line| line.split_once(':'));
    lines
        .into_iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn has(head: &str, name: &str, value: &str) -> bool {
    header(head, name).is_some_and(|found| found.eq_ignore_ascii_case(value))
}

/// Joins the pieces of a chunked body; None while one is missing.
fn unchunked(mut rest: &[u8]) -> Result<Option<Vec<u8>>, HttpError> {
    let mut body = Vec::new();
    loop {
        let Some(line_end) = find(rest, b"\r\n") else {
            return Ok(None);
        };
        let line = std::str::from_utf8(&rest[..line_end]).unwrap_or_default();
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16)
            .map_err(|_| HttpError::Malformed("a chunk has no size"))?;
        // A line end follows the piece, and also the empty one at the end.
        let end = line_end.saturating_add(2).saturating_add(size);
        let Some(piece) = rest
            .get(line_end + 2..end)
            .filter(|_| rest.len() >= end.saturating_add(2))
        else {
            return Ok(None);
        };
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(piece);
        rest = &rest[end + 2..];
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn body(bytes: &str) -> Option<String> {
        let response = parse(bytes.as_bytes()).expect("well formed");
        response.map(|response| String::from_utf8(response.body).expect("text"))
    }

    #[test]
    fn an_answer_is_complete_when_its_length_is_there() {
        let whole =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-Length: 5\r\n\r\nhello";
        for end in 0..whole.len() {
            assert_eq!(
                body(&whole[..end]),
                None,
                "complete after {end} bytes of {}",
                whole.len()
            );
        }
        assert_eq!(body(whole).as_deref(), Some("hello"));
        assert_eq!(
            body("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").as_deref(),
            Some("")
        );
    }

    #[test]
    fn a_chunked_answer_is_joined_and_waited_for() {
        let whole = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n, you\r\n\r\n!\r\n0\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(
                body(&whole[..end]),
                None,
                "complete after {end} bytes of {}",
                whole.len()
            );
        }
        assert_eq!(body(whole).as_deref(), Some("hello, you\r\n\r\n!"));
    }

    #[test]
    fn what_is_no_answer_is_said() {
        let wrong = |bytes: &str| {
            parse(bytes.as_bytes())
                .expect_err("not an answer")
                .to_string()
        };
        assert!(wrong("SSH-2.0-x\r\n\r\n").contains("no status"));
        assert!(wrong("HTTP/1.1 200 OK\r\n\r\n").contains("length is not given"));
        assert!(wrong("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n").contains("no number"));
        assert!(
            wrong("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")
                .contains("chunk has no size")
        );
        assert!(wrong(&"x".repeat(HEAD_BYTES_MAX + 1)).contains("does not end"));
    }

    /// Answers one connection after another with the given texts, each after one request.
    fn server(connections: Vec<Vec<&'static str>>) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            for answers in connections {
                let (mut stream, _) = listener.accept().expect("a client");
                for answer in answers {
                    let mut request = [0; 64];
                    assert!(
                        stream.read(&mut request).expect("a request") > 0,
                        "the client left"
                    );
                    stream
                        .write_all(answer.as_bytes())
                        .expect("the client reads");
                }
            }
        });
        port
    }

    #[test]
    fn a_connection_is_kept_until_the_host_closes_it() {
        let port = server(vec![
            vec![
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nConnection: close\r\n\r\nb",
            ],
            vec!["HTTP/1.1 404 Not Found\r\ncontent-length: 1\r\n\r\nc"],
        ]);
        let mut connection = Connection::open(port).expect("the server listens");
        let mut next = || {
            connection
                .send(b"x")
                .map(|response| (response.status, response.body))
        };
        assert_eq!(next().expect("first"), (200, b"a".to_vec()));
        assert_eq!(
            next().expect("on the same connection"),
            (200, b"b".to_vec())
        );
        assert_eq!(next().expect("on a new connection"), (404, b"c".to_vec()));
    }

    #[test]
    fn an_answer_that_is_cut_off_is_an_error() {
        let port = server(vec![vec![
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        ]]);
        let mut connection = Connection::open(port).expect("the server listens");
        assert!(matches!(
            connection.send(b"x"),
            Err(HttpError::Closed { .. })
        ));
    }
}
