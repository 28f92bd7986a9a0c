//! Turns what the host answered, or that it did not, into lines for the client.

use bytes::Bytes;
use commonplace_api::RPC_REFUSED;
use commonplace_engine::clean::clean_line;
use serde_json::{Value, json};

use super::message::Message;
use super::{LinkError, LinkResponse};
use crate::repair::request_id;

/// No host could be reached. Own codes lie outside the range that JSON-RPC and MCP keep for themselves.
const HOST_UNREACHABLE: i32 = -31001;
/// No host can be used before a person has put something right.
const STORE_UNUSABLE: i32 = -31004;
/// The connection broke; the request may have been carried out.
const ANSWER_LOST: i32 = -31002;
/// The host refused, or answered with something that is no message.
const HOST_REFUSED: i32 = RPC_REFUSED;
/// Longest text of the host that is repeated.
const TEXT_SHOWN_MAX: usize = 500;

/// Makes an error answer.
pub(super) fn error(id: &Value, code: i32, message: &str) -> Bytes {
    answer(id, "error", json!({ "code": code, "message": message }))
}

fn answer(id: &Value, key: &str, value: Value) -> Bytes {
    Bytes::from(json!({ "jsonrpc": "2.0", "id": id, key: value }).to_string())
}

/// Answers a line that was too long to be read, of which `ends` are the first and the last bytes.
pub(super) fn too_long(ends: &[u8], limit: usize) -> Bytes {
    let text =
        format!("the line is longer than {limit} bytes; nothing was stored: send less at once");
    error(&request_id(ends).unwrap_or_default(), -32600, &text)
}

/// Refuses a message that is not quite JSON; None for a notification.
pub(super) fn unreadable(message: &Message, why: &str) -> Option<Bytes> {
    refusal(message, -32700, "invalid_json", why)
}

/// Says whether an answer is a tool's that the engine refused because the host stops.
pub(super) fn says_host_stops(body: &[u8]) -> bool {
    const WORD: &[u8] = b"\"shutting_down\"";
    if !body.windows(WORD.len()).any(|part| part == WORD) {
        return false;
    }
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    answer.pointer("/result/isError") == Some(&json!(true))
        && answer.pointer("/result/structuredContent/error") == Some(&json!("shutting_down"))
}

/// Says that there is no answer.
///
/// A tool call gets a failed result with a plain sentence, since models see that and can try again; clients show errors
/// of the protocol to people only, if at all. Everything else gets such an error.
pub(super) fn failure(message: &Message, problem: &LinkError) -> Option<Bytes> {
    let (code, word, what) = match problem {
        LinkError::Unreachable { .. } => (
            HOST_UNREACHABLE,
            "host_unreachable",
            "nothing was written: try again in a moment",
        ),
        LinkError::Unusable { .. } => (
            STORE_UNUSABLE,
            "store_unusable",
            "nothing was written, and trying again does not help before that is done",
        ),
        LinkError::Broken { .. } | LinkError::Silent { .. } => (
            ANSWER_LOST,
            "answer_lost",
            "whether this was carried out is not known: check before you repeat it",
        ),
    };
    let text = format!("{problem}; {what}");
    refusal(message, code, word, &text)
}

/// Adds to a tool's refusal that an earlier try may be carried out all the same, by a host that was given the request and is
/// stopped: it must not read as "nothing was written". Other answers stay as they are, since a request that is done is done.
pub(super) fn with_doubt(mut response: LinkResponse, lost: &str) -> LinkResponse {
    let Ok(mut answer) = serde_json::from_slice::<Value>(&response.body) else {
        return response;
    };
    if answer.pointer("/result/isError") != Some(&json!(true)) {
        return response;
    }
    let text = format!(
        "This was sent before, and {lost}. So whether it was carried out, or will be, is not known: check before you repeat it."
    );
    if let Some(Value::Array(content)) = answer.pointer_mut("/result/content") {
        content.push(json!({ "type": "text", "text": text }));
        response.body = Bytes::from(answer.to_string());
    }
    response
}

/// Adds a notice to the result of a tool, where models read it: some read the texts, others the structured content alone.
/// None if there is no result to add it to.
pub(super) fn with_notice(response: &LinkResponse, notice: &str) -> Option<LinkResponse> {
    let mut answer: Value = serde_json::from_slice(&response.body).ok()?;
    let result = answer.get_mut("result")?.as_object_mut()?;
    if result.get("isError") == Some(&json!(true)) {
        return None;
    }
    let content = result.get_mut("content")?.as_array_mut()?;
    content.push(json!({ "type": "text", "text": format!("Note: {notice}") }));
    if let Some(Value::Object(structured)) = result.get_mut("structuredContent") {
        structured.insert("notice".to_owned(), json!(notice));
    }
    let body = Bytes::from(answer.to_string());
    let response = response.clone();
    Some(LinkResponse { body, ..response })
}

fn refusal(message: &Message, code: i32, word: &str, text: &str) -> Option<Bytes> {
    let id = message.id.as_ref()?;
    if message.is_call() {
        let mut result = json!({
            "content": [{ "type": "text", "text": format!("Error: {text}") }],
            "structuredContent": { "error": word, "message": text },
            "isError": true,
        });
        if message.version.is_some() {
            result["resultType"] = json!("complete");
        }
        return Some(answer(id, "result", result));
    }
    let data = json!({ "code": word, "retryable": code != STORE_UNUSABLE });
    let error = json!({ "code": code, "message": text, "data": data });
    Some(answer(id, "error", error))
}

/// Turns an answer into lines. A notification gets none, whatever the host says about it.
pub(super) fn lines(message: &Message, response: &LinkResponse) -> Vec<Bytes> {
    let Some(id) = &message.id else {
        return Vec::new();
    };
    let media_type = response
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let messages: Vec<Bytes> = if media_type.eq_ignore_ascii_case("text/event-stream") {
        events(&response.body)
            .iter()
            .filter_map(|event| one_line(event.as_bytes(), id))
            .collect()
    } else {
        one_line(&response.body, id).into_iter().collect()
    };
    if messages.is_empty() {
        refused(message, response).into_iter().collect()
    } else {
        messages
    }
}

/// Brings a JSON-RPC message onto one line; None if it is no such message. An error that does not say which request it
/// belongs to belongs to this one.
fn one_line(body: &[u8], id: &Value) -> Option<Bytes> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    value.get("jsonrpc")?;
    if value.pointer("/error/code") == Some(&json!(RPC_REFUSED)) {
        return None;
    }
    let is_answer = value.get("result").is_some() || value.get("error").is_some();
    if is_answer && value.get("id").is_none_or(Value::is_null) {
        value["id"] = id.clone();
        return Some(Bytes::from(value.to_string()));
    }
    let is_one_line = !body.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
    Some(if is_one_line {
        Bytes::copy_from_slice(body)
    } else {
        Bytes::from(value.to_string())
    })
}

/// Answers for a host that refused the request before it came to the protocol, such as one with another token.
fn refused(message: &Message, response: &LinkResponse) -> Option<Bytes> {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let said = body
        .get("message")
        .or_else(|| body.get("error").and_then(|error| error.get("message")));
    let said = said
        .and_then(Value::as_str)
        .map_or_else(|| String::from_utf8_lossy(&response.body), Into::into);
    let said: String = clean_line(&said).chars().take(TEXT_SHOWN_MAX).collect();
    let status = response.status.as_u16();
    let text = if said.is_empty() {
        format!("the host answered with HTTP {status}")
    } else {
        format!("{said} (HTTP {status})")
    };
    refusal(message, HOST_REFUSED, "host_refused", &text)
}

/// Splits an event stream into the texts of its events.
fn events(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let data = |event: &str| {
        let lines: Vec<&str> = event
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .collect();
        lines
            .iter()
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n")
    };
    text.split("\n\n")
        .map(data)
        .filter(|data| !data.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::message::{Incoming, read};
    use http::StatusCode;

    fn message(value: Value) -> Message {
        match read(value.to_string().as_bytes()) {
            Some(Incoming::Message(message)) => message,
            other => panic!("a message, not {other:?}"),
        }
    }

    fn response(status: u16, content_type: &str, body: &str) -> LinkResponse {
        let status = StatusCode::from_u16(status).unwrap();
        LinkResponse {
            status,
            content_type: content_type.to_owned(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn answered(message: &Message, response: &LinkResponse) -> Vec<Value> {
        lines(message, response)
            .iter()
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    #[test]
    fn answers_become_single_lines() {
        let list = message(json!({"id": 7, "method": "tools/list"}));
        let body = "{\n  \"jsonrpc\": \"2.0\", \"id\": 7,\r\n \"result\": {}}";
        assert_eq!(
            lines(&list, &response(200, "application/json", body)),
            [r#"{"id":7,"jsonrpc":"2.0","result":{}}"#]
        );
        let raw = r#"{"jsonrpc":"2.0","id":7,"result":{"z":1,"a":2}}"#;
        assert_eq!(
            lines(&list, &response(200, "application/json", raw)),
            [raw],
            "one line stays as it is"
        );
        let nameless = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}"#;
        assert_eq!(
            answered(&list, &response(400, "application/json", nameless))[0]["id"],
            7
        );
    }

    #[test]
    fn an_event_stream_becomes_its_messages() {
        let call = message(json!({"id": 7, "method": "tools/call", "params": {}}));
        let stream = ": keep-alive\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n\
            id: 1\r\ndata: {\"jsonrpc\":\"2.0\",\r\ndata: \"id\":7,\"result\":{}}\r\n\r\n";
        let lines = answered(&call, &response(200, "text/event-stream", stream));
        assert_eq!(lines[0]["method"], "notifications/progress");
        assert_eq!(lines[1], json!({"jsonrpc": "2.0", "id": 7, "result": {}}));
    }

    #[test]
    fn notifications_get_no_answer_whatever_happens() {
        let note = message(json!({"method": "notifications/initialized"}));
        assert!(lines(&note, &response(202, "", "")).is_empty());
        assert!(
            lines(
                &note,
                &response(401, "application/json", "{\"message\":\"no\"}")
            )
            .is_empty()
        );
        let problem = LinkError::Unreachable {
            reason: "x".to_owned(),
        };
        assert_eq!(failure(&note, &problem), None);
    }

    #[test]
    fn what_the_guard_refuses_is_told_in_its_words() {
        let list = message(json!({"id": 7, "method": "tools/list"}));
        let told = |body: &str| answered(&list, &response(401, "application/json", body)).remove(0);
        assert_eq!(
            told(r#"{"error":{"code":"x","message":"no token"}}"#)["error"]["message"],
            "no token (HTTP 401)"
        );
        let call = message(json!({"id": 7, "method": "tools/call", "params": {"name": "x"}}));
        let rpc = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-31003,"message":"no token"}}"#;
        let failed = answered(&call, &response(401, "application/json", rpc)).remove(0);
        assert_eq!(failed["result"]["isError"], true, "models see this one");
        assert_eq!(
            failed["result"]["structuredContent"]["message"],
            "no token (HTTP 401)"
        );
        assert_eq!(
            told(r#"{"message":"no token"}"#)["error"]["message"],
            "no token (HTTP 401)"
        );
        assert_eq!(told("plain")["error"]["message"], "plain (HTTP 401)");
        assert_eq!(
            told("")["error"]["message"],
            "the host answered with HTTP 401"
        );
        let code = told("")["error"]["code"].as_i64().unwrap();
        assert!(
            !(-32768..=-32000).contains(&code),
            "own codes stay out of the reserved range"
        );
    }

    #[test]
    fn a_call_without_an_answer_fails_in_words_that_a_model_reads() {
        let call =
            message(json!({"id": 7, "method": "tools/call", "params": {"name": "memory_search"}}));
        let problem = LinkError::Unreachable {
            reason: "nothing listens".to_owned(),
        };
        let line: Value = serde_json::from_slice(&failure(&call, &problem).unwrap()).unwrap();
        assert_eq!(line["result"]["isError"], true);
        assert_eq!(
            line["result"]["content"][0]["text"],
            "Error: no host could be reached: nothing listens; nothing was written: try again in a moment"
        );
        assert_eq!(line["result"].get("resultType"), None);
    }

    #[test]
    fn what_a_person_must_put_right_first_is_not_tried_again() {
        let problem = LinkError::Unusable {
            reason: "the store is open to others: `chmod 700 /store`".to_owned(),
        };
        let wanted = "the store is open to others: `chmod 700 /store`; nothing was written, and trying again does not \
            help before that is done";
        let list = message(json!({"id": 7, "method": "tools/list"}));
        let line: Value = serde_json::from_slice(&failure(&list, &problem).unwrap()).unwrap();
        assert_eq!(line["error"]["message"], wanted);
        assert_eq!(
            line["error"]["data"],
            json!({"code": "store_unusable", "retryable": false})
        );
    }
}
