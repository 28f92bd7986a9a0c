//! Reads one line from the client: what it is, where it goes, and whether it may be sent twice.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::roots;
use crate::repair::{NO_NUMBER, repair, request_id};
use crate::tools::TOOLS;

const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// What a line holds.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A message for the host.
    Message(Message),
    /// The client gives up the request with this id.
    Cancel(String),
    /// The client's answer to [`roots::question`]: the addresses of its roots.
    Roots(Vec<String>),
    /// A message that is refused, and why.
    Refused(Message, &'static str),
    /// Nothing that can be sent.
    Bad(Bad),
}

/// Why a line cannot be sent, as an error of JSON-RPC.
#[derive(Debug, PartialEq)]
pub(super) struct Bad {
    /// Of the request; null if it has none.
    pub(super) id: Value,
    pub(super) code: i32,
    pub(super) text: String,
}

/// A request or notification.
#[derive(Debug)]
pub(super) struct Message {
    /// Its id; None for a notification, which gets no answer.
    pub(super) id: Option<Value>,
    pub(super) method: String,
    /// Version of the protocol that it names itself, as messages of the newer protocol do.
    pub(super) version: Option<String>,
    pub(super) params: Map<String, Value>,
    /// The line as it came, or repaired.
    raw: Bytes,
}

/// Reads a line; None if there is nothing to do for it.
pub(super) fn read(line: &[u8]) -> Option<Incoming> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return None;
    }
    let bad = |id: Value, code: i32, text: &str| {
        let text = text.to_owned();
        Some(Incoming::Bad(Bad { id, code, text }))
    };
    let repaired = repair(line);
    let line = &*repaired.text;
    let value: Value = match serde_json::from_slice(line) {
        Ok(value) => value,
        Err(error) => {
            let text = format!("the line is not JSON: {error}");
            return bad(request_id(line).unwrap_or_default(), -32700, &text);
        }
    };
    let Value::Object(mut message) = value else {
        let text = "the line is not one JSON-RPC message: batches are not part of this protocol";
        return bad(Value::Null, -32600, text);
    };
    let id = message.remove("id").filter(|id| !id.is_null());
    let Some(Value::String(method)) = message.remove("method") else {
        if id.as_ref().is_some_and(roots::is_ours) {
            let told = message.remove("result").unwrap_or_default();
            return Some(Incoming::Roots(roots::addresses(&told)));
        }
        // An answer to nobody.
        if message.contains_key("result") || message.contains_key("error") {
            return None;
        }
        return bad(
            id.unwrap_or_default(),
            -32600,
            "the message has no `method`",
        );
    };
    let params = match message.remove("params") {
        Some(Value::Object(params)) => params,
        _ => Map::new(),
    };
    if method == "notifications/cancelled" && id.is_none() {
        return params.get("requestId").map(|id| Incoming::Cancel(key(id)));
    }
    let version = params
        .get("_meta")
        .and_then(|meta| meta.get("io.modelcontextprotocol/protocolVersion"));
    let version = version.and_then(Value::as_str).map(str::to_owned);
    let message = Message {
        id,
        method,
        version,
        params,
        raw: Bytes::copy_from_slice(line),
    };
    Some(match repaired.has_no_numbers {
        true => Incoming::Refused(message, NO_NUMBER),
        false => Incoming::Message(message),
    })
}

/// The spelling under which a request is found again: `1` and `"1"` are two.
pub(super) fn key(id: &Value) -> String {
    id.to_string()
}

impl Message {
    /// Says whether it calls a tool.
    pub(super) fn is_call(&self) -> bool {
        self.method == "tools/call"
    }

    /// Says whether it asks for the health of the memory.
    pub(super) fn asks_for_health(&self) -> bool {
        let name = self.params.get("name").and_then(Value::as_str);
        self.is_call() && name == Some("memory_health")
    }

    /// Returns `name/version` of the client, if this is its handshake.
    pub(super) fn client(&self) -> Option<String> {
        let client = (self.method == "initialize")
            .then(|| self.params.get("clientInfo"))
            .flatten()?;
        let part = |name: &str| client.get(name).and_then(Value::as_str).unwrap_or_default();
        Some(format!("{}/{}", part("name"), part("version")))
    }

    /// Says whether it is the handshake of a client that can name its roots.
    pub(super) fn offers_roots(&self) -> bool {
        let offers = || self.params.get("capabilities")?.get("roots");
        self.method == "initialize" && offers().is_some()
    }

    /// Returns the body for the host, and whether it may be sent twice. A write without an op_id gets `op_id`.
    pub(super) fn body(&self, op_id: impl FnOnce() -> String) -> (Bytes, bool) {
        if !self.is_call() {
            return (self.raw.clone(), true);
        }
        let tool = self
            .params
            .get("name")
            .and_then(Value::as_str)
            .map(|name| TOOLS.find(name));
        match tool {
            Some(Ok(tool)) if !tool.writes() => (self.raw.clone(), true),
            Some(Ok(_)) => self.write_body(op_id),
            // A tool of a newer host may write: it is not repeated.
            Some(Err(_)) | None => (self.raw.clone(), false),
        }
    }

    fn write_body(&self, op_id: impl FnOnce() -> String) -> (Bytes, bool) {
        let mut arguments = match self.params.get("arguments") {
            Some(Value::Object(arguments)) => arguments.clone(),
            None | Some(Value::Null) => Map::new(),
            // The host refuses it; there is nothing to repeat.
            Some(_) => return (self.raw.clone(), true),
        };
        let is_named = arguments
            .get("op_id")
            .and_then(Value::as_str)
            .is_some_and(|id| !id.trim().is_empty());
        if is_named {
            return (self.raw.clone(), true);
        }
        arguments.insert("op_id".to_owned(), Value::String(op_id()));
        let mut params = self.params.clone();
        params.insert("arguments".to_owned(), Value::Object(arguments));
        let mut message = json!({ "jsonrpc": "2.0", "method": self.method, "params": params });
        if let Some(id) = &self.id {
            message["id"] = id.clone();
        }
        (Bytes::from(message.to_string()), true)
    }

    /// Adds the headers that the protocol wants: those of the newer one repeat the body, the older one has the version
    /// of the handshake, `agreed`.
    pub(super) fn add_headers(&self, headers: &mut HeaderMap, agreed: Option<&str>) {
        let version = self
            .version
            .as_deref()
            .or(agreed.filter(|_| self.method != "initialize"));
        insert(headers, PROTOCOL_VERSION, version);
        if self.version.is_some() {
            insert(headers, METHOD, Some(&self.method));
            let name = self
                .params
                .get(name_field(&self.method))
                .and_then(Value::as_str)
                .map(header_text);
            insert(headers, NAME, name.as_deref());
        }
    }
}

/// The field of the parameters that `Mcp-Name` repeats; an empty one for methods without.
fn name_field(method: &str) -> &'static str {
    match method {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        _ => "",
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: Option<&str>) {
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
        headers.insert(name, value);
    }
}

/// Writes a text as a header value; what is no plain ASCII goes as `=?base64?...?=`.
fn header_text(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    let is_trimmed = text.trim() == text;
    let looks_encoded = text.starts_with("=?base64?") && text.ends_with("?=");
    if is_plain && is_trimmed && !looks_encoded {
        return text.to_owned();
    }
    format!("=?base64?{}?=", base64(text.as_bytes()))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0u32, |group, byte| group << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(value: Value) -> Message {
        match read(value.to_string().as_bytes()) {
            Some(Incoming::Message(message)) => message,
            other => panic!("a message, not {other:?}"),
        }
    }

    fn call(name: &str, arguments: Value) -> Message {
        message(
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}),
        )
    }

    #[test]
    fn writes_get_an_op_id_and_may_then_be_repeated() {
        let table = [
            ("memory_store", json!({"content": "x"}), Some("made"), true),
            ("store_memory", json!({"content": "x"}), Some("made"), true),
            (
                "memory_delete",
                json!({"tags": "x", "op_id": ""}),
                Some("made"),
                true,
            ),
            (
                "memory_update",
                json!({"op_id": "mine"}),
                Some("mine"),
                true,
            ),
            ("memory_search", json!({"query": "x"}), None, true),
            ("memory_health", json!({}), None, true),
            ("tool_of_tomorrow", json!({}), None, false),
        ];
        for (name, arguments, op_id, is_repeatable) in table {
            let (body, may_repeat) = call(name, arguments).body(|| "made".to_owned());
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(
                body["params"]["arguments"]
                    .get("op_id")
                    .and_then(Value::as_str),
                op_id,
                "{name}"
            );
            assert_eq!(
                (may_repeat, &body["id"]),
                (is_repeatable, &json!(1)),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_not_changed_is_sent_as_it_came() {
        let line = r#" {"id":1,  "method":"tools/list","jsonrpc":"2.0","big":123456789012345678901234567890} "#;
        let Some(Incoming::Message(message)) = read(line.as_bytes()) else {
            panic!("a message")
        };
        assert_eq!(message.body(String::new).0, line.trim());
    }

    #[test]
    fn headers_repeat_the_body_of_newer_messages_only() {
        let headers = |message: &Message| {
            let mut headers = HeaderMap::new();
            message.add_headers(&mut headers, Some("2025-11-25"));
            let value = |name: &HeaderName| {
                headers
                    .get(name)
                    .map(|value| value.to_str().unwrap().to_owned())
            };
            [value(&PROTOCOL_VERSION), value(&METHOD), value(&NAME)]
        };
        let text = |text: &str| Some(text.to_owned());
        let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
        let new = message(
            json!({"id": 1, "method": "tools/call", "params": {"name": "memory_health", "_meta": meta}}),
        );
        assert_eq!(
            headers(&new),
            [
                text("2026-07-28"),
                text("tools/call"),
                text("memory_health")
            ]
        );
        let uri = message(
            json!({"id": 1, "method": "resources/read", "params": {"uri": "memory://ä", "_meta": meta}}),
        );
        assert_eq!(headers(&uri)[2], text("=?base64?bWVtb3J5Oi8vw6Q=?="));
        let old = call("memory_health", json!({}));
        assert_eq!(headers(&old), [text("2025-11-25"), None, None]);
        let hello = message(
            json!({"id": 1, "method": "initialize", "params": {"clientInfo": {"name": "c", "version": "1"}}}),
        );
        assert_eq!(
            headers(&hello),
            [None, None, None],
            "nothing has been agreed on yet"
        );
        assert_eq!(hello.client().as_deref(), Some("c/1"));
    }

    #[test]
    fn base64_has_its_standard_form() {
        for (bytes, wanted) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), wanted);
        }
        assert_eq!(header_text(" x"), "=?base64?IHg=?=");
        assert_eq!(header_text("=?base64?x?="), "=?base64?PT9iYXNlNjQ/eD89?=");
    }

    #[test]
    fn lines_that_are_no_message_are_answered_or_left() {
        let bad = |line: &str| match read(line.as_bytes()) {
            Some(Incoming::Bad(bad)) => (bad.code, bad.id),
            other => panic!("bad, not {other:?}"),
        };
        assert_eq!(bad("{\"id\": 1"), (-32700, json!(1)));
        assert_eq!(bad("{\"id\""), (-32700, Value::Null));
        assert_eq!(bad("[]"), (-32600, Value::Null));
        assert_eq!(bad("{\"id\": 4}"), (-32600, json!(4)));
        assert!(read(b"  \r").is_none());
        assert!(
            read(b"{\"id\": 1, \"result\": {}}").is_none(),
            "an answer to nobody"
        );
        let cancel =
            json!({"method": "notifications/cancelled", "params": {"requestId": "a"}}).to_string();
        assert!(matches!(read(cancel.as_bytes()), Some(Incoming::Cancel(id)) if id == "\"a\""));
    }
}
