//! What is sent to a host: calls of tools, and any other request.

use std::io::{Read, Write};
use std::net::TcpStream;

use commonplace_api::mcp::{self, ToolAnswer};
use serde_json::{Value, json};

use crate::support::HANG;

/// A client that calls tools, one connection for each call.
pub(crate) struct Client {
    pub(crate) port: u16,
    pub(crate) token: String,
    pub(crate) next_id: u64,
}

impl Client {
    /// Calls a tool; Err says what went wrong on the way.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Result<ToolAnswer, String> {
        let stream = connect(self.port)?;
        self.send_call(&stream, tool, arguments)?;
        read_call(stream)
    }

    /// Sends a call and does not wait for its answer, which [`read_call`] reads.
    pub(crate) fn send_call(
        &mut self,
        stream: &TcpStream,
        tool: &str,
        arguments: Value,
    ) -> Result<(), String> {
        self.next_id += 1;
        let request = mcp::call_tool(self.next_id, "test", tool, &arguments);
        let mut headers = bearer(&self.token);
        for (name, value) in request.headers {
            headers += &format!("{name}: {value}\r\n");
        }
        send(stream, ("POST", "/mcp"), self.port, &headers, &request.body)
    }

    /// Stores a text and returns the answer's text.
    pub(crate) fn store(&mut self, text: &str) -> Result<String, String> {
        let answer = self.call("memory_store", json!({ "content": text }))?;
        if answer.is_error {
            Err(answer.text)
        } else {
            Ok(answer.text)
        }
    }

    /// Says whether exactly one memory contains `text`.
    pub(crate) fn has_one(&mut self, text: &str) -> bool {
        let answer = self
            .call("memory_search", json!({ "query": text, "mode": "exact" }))
            .expect("the host answers");
        answer.text.starts_with("Found 1 ")
    }
}

/// Reads the answer to a call.
pub(crate) fn read_call(stream: TcpStream) -> Result<ToolAnswer, String> {
    let (code, text) = read(stream)?;
    ToolAnswer::read(code, text.as_bytes())
}

/// The header that shows a token.
pub(crate) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// Sends one request and returns status and body. The connection is closed after it.
pub(crate) fn http(
    port: u16,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Result<(u16, String), String> {
    let stream = connect(port)?;
    send(&stream, (method, path), port, headers, body)?;
    read(stream)
}

/// Connects to a host.
pub(crate) fn connect(port: u16) -> Result<TcpStream, String> {
    let text = |error: std::io::Error| error.to_string();
    let stream = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
    stream.set_read_timeout(Some(HANG)).map_err(text)?;
    Ok(stream)
}

/// Sends one request that is the last on its connection.
fn send(
    mut stream: &TcpStream,
    (method, path): (&str, &str),
    port: u16,
    headers: &str,
    body: &[u8],
) -> Result<(), String> {
    let host = if headers.to_lowercase().contains("host: ") {
        String::new()
    } else {
        format!("Host: 127.0.0.1:{port}\r\n")
    };
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    let head =
        format!("{method} {path} HTTP/1.1\r\n{host}{headers}{length}Connection: close\r\n\r\n");
    stream
        .write_all(head.as_bytes())
        .map_err(|error| error.to_string())?;
    // A server that refuses a large body may close before it has read all of it: its answer counts.
    drop(stream.write_all(body));
    Ok(())
}

/// Reads status and body until the connection is closed.
fn read(mut stream: TcpStream) -> Result<(u16, String), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    if answer.is_empty() {
        return Err(read
            .err()
            .map_or("the connection was closed".to_owned(), text));
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or("the answer has no head")?;
    let code = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .ok_or("the answer has no status")?;
    let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    Ok((
        code,
        if is_chunked {
            unchunked(body)
        } else {
            body.to_owned()
        },
    ))
}

/// Joins the pieces of a chunked body.
fn unchunked(body: &str) -> String {
    let mut rest = body;
    let mut joined = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || after.len() < size {
            break;
        }
        joined.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    joined
}
