//! One kept-open HTTP/1.1 connection, as light as it can be: the generator shares the cores with what it measures.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use commonplace_api::call;
use commonplace_api::mcp::{self, McpRequest, ToolAnswer};
use commonplace_api::status::Status;
use serde_json::{Value, json};

use crate::client::{Called, Client, NAME, judge};
use crate::error::BenchError;

/// Ends a run that hangs; the host itself gives up after less.
const SILENCE_MAX: Duration = Duration::from_secs(90);

/// A connection to a host with one of its tokens; opens again by itself after the host announced the end.
pub(crate) struct Connection {
    port: u16,
    token: String,
    stream: Option<BufReader<TcpStream>>,
    next_id: u64,
}

/// An answer: its status and its body.
type Answer = (u16, Vec<u8>);

impl Connection {
    /// Connects; small requests are sent at once.
    pub(crate) fn open(port: u16, token: &str) -> Result<Self, BenchError> {
        let stream = connect(port).map_err(|source| BenchError::Connection { port, source })?;
        Ok(Self {
            port,
            token: token.to_owned(),
            stream: Some(stream),
            next_id: 0,
        })
    }

    /// Asks for the state of the host; on a new connection if the old one was closed meanwhile.
    pub(crate) fn status(&mut self) -> Result<Status, BenchError> {
        let call = call::status();
        let first = self.send(call.method, &call.path, &[], &[]);
        let (status, body) = first.or_else(|_| self.send(call.method, &call.path, &[], &[]))?;
        Ok(call.read(status, &body)?)
    }

    /// Asks for the list of tools; Ok with their number.
    pub(crate) fn count_tools(&mut self) -> Result<usize, BenchError> {
        let request = mcp::request(1, NAME, "tools/list", json!({}));
        let (status, body) = self.post(&request)?;
        mcp::count_tools(status, &body).map_err(BenchError::Tools)
    }

    fn post(&mut self, request: &McpRequest) -> Result<Answer, BenchError> {
        self.send("POST", "/mcp", &request.headers, &request.body)
    }

    /// Sends a request, head and body in one write, and reads the answer.
    ///
    /// After an error the next call opens a new connection. Nothing is sent twice.
    fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> Result<Answer, BenchError> {
        let (port, token) = (self.port, &self.token);
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            request.extend([name, ": ", value, "\r\n"]);
        }
        request.push_str("\r\n");
        let mut request = request.into_bytes();
        request.extend_from_slice(body);
        let sent = self.exchange(&request);
        sent.map_err(|source| BenchError::Connection { port, source })
    }

    fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.port)?,
        };
        stream.get_mut().write_all(request)?;
        let (answer, is_last) = read(&mut stream)?;
        if !is_last {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

impl Client for Connection {
    fn call(&mut self, tool: &str, arguments: Value) -> Called {
        self.next_id += 1;
        let request = mcp::call_tool(self.next_id, NAME, tool, &arguments);
        let started = Instant::now();
        let answer = self.post(&request);
        let took = started.elapsed();
        let answer = answer.map_err(|error| error.to_string());
        let text = answer
            .and_then(|(status, body)| ToolAnswer::read(status, &body))
            .and_then(judge);
        Called { took, text }
    }
}

fn connect(port: u16) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    Ok(BufReader::with_capacity(32 * 1024, stream))
}

/// Reads one answer, and whether the host closes the connection after it.
fn read(stream: &mut impl BufRead) -> io::Result<(Answer, bool)> {
    let first = line(stream)?;
    let status = first
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| malformed("it has no status"))?;
    let (mut length, mut is_chunked, mut is_last) = (None, false, false);
    loop {
        let line = line(stream)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok(),
            "transfer-encoding" => is_chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => is_last = value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    let body = if is_chunked {
        chunks(stream)?
    } else {
        let length = length.ok_or_else(|| malformed("its length is not given"))?;
        bytes(stream, length)?
    };
    Ok(((status, body), is_last))
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::Error::new(
            ErrorKind::UnexpectedEof,
            "the host closed it",
        ));
    }
    Ok(line.trim_end().to_owned())
}

fn bytes(stream: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn chunks(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_before = line(stream)?;
        let digits = line_before.split(';').next().unwrap_or_default().trim();
        let size =
            usize::from_str_radix(digits, 16).map_err(|_| malformed("a chunk has no size"))?;
        body.extend(bytes(stream, size)?);
        // A line end follows the piece, and also the empty one at the end.
        line(stream)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn malformed(reason: &str) -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        format!("the answer is not understood: {reason}"),
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn body(mut bytes: &[u8]) -> io::Result<String> {
        let ((_, body), _) = read(&mut bytes)?;
        Ok(String::from_utf8(body).expect("text"))
    }

    #[test]
    fn an_answer_is_complete_when_its_length_or_its_last_chunk_is_there() {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
        let whole = [
            (format!("{head}Content-Length: 5\r\n\r\nhello"), "hello"),
            (
                format!(
                    "{head}Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n, you\r\n\r\n!\r\n0\r\n\r\n"
                ),
                "hello, you\r\n\r\n!",
            ),
        ];
        for (answer, text) in whole {
            assert_eq!(body(answer.as_bytes()).expect("well formed"), text);
            for end in 0..answer.len() - 2 {
                assert!(
                    body(&answer.as_bytes()[..end]).is_err(),
                    "complete after {end} bytes"
                );
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_said() {
        let wrong = |bytes: &str| body(bytes.as_bytes()).expect_err("no answer").to_string();
        assert!(wrong("SSH-2.0-x\r\n\r\n").contains("no status"));
        assert!(wrong("HTTP/1.1 200 OK\r\n\r\n").contains("length is not given"));
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
        assert!(wrong(chunked).contains("chunk has no size"));
    }

    /// Answers one connection after another with the given texts, each after one request.
    fn server(connections: Vec<Vec<&'static str>>) -> Connection {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            for answers in connections {
                let (mut stream, _) = listener.accept().expect("a client");
                for answer in answers {
                    let mut request = [0; 1024];
                    let count = stream.read(&mut request).expect("a request");
                    assert!(count > 0, "the client left");
                    stream
                        .write_all(answer.as_bytes())
                        .expect("the client reads");
                }
            }
        });
        Connection::open(port, "t").expect("the server listens")
    }

    #[test]
    fn a_connection_is_kept_until_the_host_closes_it() {
        let mut connection = server(vec![
            vec![
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nConnection: close\r\n\r\nb",
            ],
            vec!["HTTP/1.1 404 Not Found\r\ncontent-length: 1\r\n\r\nc"],
        ]);
        let mut next = || connection.send("GET", "/", &[], &[]).expect("an answer");
        assert_eq!(next(), (200, b"a".to_vec()));
        assert_eq!(next(), (200, b"b".to_vec()), "on the same connection");
        assert_eq!(next(), (404, b"c".to_vec()), "on a new connection");
    }
}
