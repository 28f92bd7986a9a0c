//! A client of a memory server, whatever it is connected by: how tools are called and answers are judged.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Connection, HttpError};
use super::texts::Text;

/// The revision of MCP that our host is asked in.
const PROTOCOL: &str = "2026-07-28";
/// Hits asked for; both programs are asked for the same number.
const HITS: u32 = 5;

/// What came of a call, and after what time.
pub(crate) struct Called {
    /// From sending to the last byte of the answer.
    pub(crate) took: Duration,
    /// The text of the answer, or why there is none.
    pub(crate) text: Result<String, String>,
}

/// Something that calls tools, one at a time.
pub(crate) trait Client: Send {
    /// Calls a tool and waits for the answer.
    fn call(&mut self, tool: &str, arguments: Value) -> Called;
}

/// Stores a text; Ok if it was acknowledged.
pub(crate) fn store(client: &mut impl Client, text: &Text) -> Called {
    client.call(
        "memory_store",
        json!({ "content": text.body, "metadata": { "tags": "bench" } }),
    )
}

/// Searches; without `mode` as the program does by default.
pub(crate) fn search(client: &mut impl Client, query: &str, mode: Option<&str>) -> Called {
    let mut arguments = json!({ "query": query, "limit": HITS });
    if let Some(mode) = mode {
        arguments["mode"] = json!(mode);
    }
    client.call("memory_search", arguments)
}

/// Says whether a text with `marker` is found by its words.
///
/// # Errors
/// If there is no answer, which proves nothing.
pub(crate) fn has(client: &mut impl Client, marker: &str) -> Result<bool, String> {
    let text = search(client, marker, Some("exact")).text?;
    Ok(shows(&text, marker))
}

/// Says whether a hit of the answer has `marker`; that the query is repeated does not count.
pub(crate) fn shows(answer: &str, marker: &str) -> bool {
    answer
        .replace(&format!("for query: '{marker}'"), "")
        .contains(marker)
}

/// Takes the text out of an answer of JSON-RPC.
///
/// # Errors
/// What the program says went wrong: as an error, as a result marked as one, or only in words.
pub(crate) fn text_of(answer: &Value) -> Result<String, String> {
    if let Some(error) = answer.get("error") {
        return Err(error["message"]
            .as_str()
            .map_or_else(|| error.to_string(), str::to_owned));
    }
    let parts = answer["result"]["content"]
        .as_array()
        .ok_or_else(|| format!("no content in {answer}"))?;
    let text: String = parts
        .iter()
        .filter_map(|part| part["text"].as_str())
        .collect();
    let is_error = answer["result"]["isError"] == true;
    let start: String = text.chars().take(40).collect();
    if is_error || start.starts_with("Error") || start.contains("Failed") {
        Err(text)
    } else {
        Ok(text)
    }
}

/// A client of our host: one kept-open connection.
pub(crate) struct HostClient {
    connection: Connection,
    port: u16,
    token: String,
    next_id: u64,
}

impl HostClient {
    /// Connects to the host on `port`.
    pub(crate) fn open(port: u16, token: &str) -> Result<Self, HttpError> {
        Ok(Self {
            connection: Connection::open(port)?,
            port,
            token: token.to_owned(),
            next_id: 0,
        })
    }

    /// Asks for the list of tools; Ok with their number.
    pub(crate) fn list_tools(&mut self) -> Result<usize, String> {
        let request = self.request("tools/list", None, json!({}));
        let answer = self.answer(&request)?;
        let tools = answer["result"]["tools"].as_array();
        tools
            .map(Vec::len)
            .ok_or_else(|| format!("no tools in {answer}"))
    }

    /// Writes a request with all that the protocol wants in its head.
    fn request(&mut self, method: &str, name: Option<&str>, mut params: Value) -> Vec<u8> {
        self.next_id += 1;
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": PROTOCOL,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": env!("CARGO_PKG_VERSION") },
        });
        let body =
            json!({ "jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params })
                .to_string();
        let name = name
            .map(|name| format!("Mcp-Name: {name}\r\n"))
            .unwrap_or_default();
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
             MCP-Protocol-Version: {PROTOCOL}\r\nMcp-Method: {method}\r\n{name}Content-Length: {}\r\n\r\n{body}",
            self.port,
            self.token,
            body.len(),
        );
        request.into_bytes()
    }

    fn answer(&mut self, request: &[u8]) -> Result<Value, String> {
        let response = self
            .connection
            .send(request)
            .map_err(|error| error.to_string())?;
        read(response.status, &response.body)
    }
}

impl Client for HostClient {
    fn call(&mut self, tool: &str, arguments: Value) -> Called {
        let request = self.request(
            "tools/call",
            Some(tool),
            json!({ "name": tool, "arguments": arguments }),
        );
        let started = Instant::now();
        let response = self.connection.send(&request);
        let took = started.elapsed();
        let answer = response.map_err(|error| error.to_string());
        let text = answer
            .and_then(|response| read(response.status, &response.body))
            .and_then(|answer| text_of(&answer));
        Called { took, text }
    }
}

fn read(status: u16, body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|_| {
        let start: String = String::from_utf8_lossy(body).chars().take(120).collect();
        format!("HTTP status {status} without JSON: `{start}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(text: &str, is_error: bool) -> Value {
        json!({ "result": { "content": [{ "type": "text", "text": text }], "isError": is_error } })
    }

    #[test]
    fn an_acknowledgement_is_told_from_a_failure() {
        let stored = "Memory stored successfully (hash: 00)";
        assert_eq!(text_of(&result(stored, false)).as_deref(), Ok(stored));
        let failures = [
            result("queue_full", true),
            result("Error storing memory: disk full", false),
            result("Failed to store memory", false),
            json!({ "error": { "code": -32602, "message": "queue_full" } }),
            json!({ "result": {} }),
        ];
        for failure in failures {
            assert!(
                text_of(&failure).is_err(),
                "counted as acknowledged: {failure}"
            );
        }
    }

    #[test]
    fn the_repeated_query_proves_nothing() {
        assert!(!shows(
            "No memories found for query: 'mk1a0x1q'",
            "mk1a0x1q"
        ));
        assert!(shows(
            "Found 1 memories (mode: exact) for query: 'mk1a0x1q'\n\n1. mk1a0x1q cache",
            "mk1a0x1q"
        ));
    }

    #[test]
    fn an_answer_without_json_is_shown() {
        let error = read(502, b"Bad Gateway").expect_err("no JSON");
        assert!(
            error.contains("502") && error.contains("Bad Gateway"),
            "unclear: {error}"
        );
    }
}
