//! Calls of tools over MCP, for clients of our own. They speak revision 2026-07-28, in which every request stands alone.

use serde_json::{Value, json};

const PROTOCOL: &str = "2026-07-28";

/// One request of JSON-RPC, with the headers that the protocol wants beside it.
#[derive(Debug, Clone)]
pub struct McpRequest {
    /// Names and values of the headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body, as JSON.
    pub body: Vec<u8>,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolAnswer {
    /// Its text.
    pub text: String,
    /// Whether it is an error of the tool.
    pub is_error: bool,
    /// The same for programs; null if there is none.
    pub structured: Value,
}

/// Asks for a tool to be called, as client `name`.
#[must_use]
pub fn call_tool(id: u64, name: &str, tool: &str, arguments: &Value) -> McpRequest {
    let params = json!({ "name": tool, "arguments": arguments });
    let mut request = request(id, name, "tools/call", params);
    request.headers.push(("Mcp-Name", tool.to_owned()));
    request
}

/// Asks for anything else, as client `name`.
#[must_use]
pub fn request(id: u64, name: &str, method: &str, mut params: Value) -> McpRequest {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": PROTOCOL,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": name, "version": env!("CARGO_PKG_VERSION") },
    });
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    McpRequest {
        headers: vec![
            ("Content-Type", "application/json".to_owned()),
            ("Accept", "application/json, text/event-stream".to_owned()),
            ("MCP-Protocol-Version", PROTOCOL.to_owned()),
            ("Mcp-Method", method.to_owned()),
        ],
        body: body.to_string().into_bytes(),
    }
}

/// Takes the result out of an answer.
///
/// # Errors
/// In words: what the host says went wrong, or the answer if it is none.
pub fn result_of(status: u16, body: &[u8]) -> Result<Value, String> {
    let unreadable = || format!("{status}: {}", String::from_utf8_lossy(body));
    let mut answer: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
    if let Some(result) = answer.get_mut("result") {
        return Ok(result.take());
    }
    let said = answer["error"]["message"].as_str();
    Err(said.map_or_else(unreadable, |said| format!("{status}: {said}")))
}

/// Counts the tools in an answer to `tools/list`.
///
/// # Errors
/// As [`result_of`].
pub fn count_tools(status: u16, body: &[u8]) -> Result<usize, String> {
    let result = result_of(status, body)?;
    Ok(result["tools"].as_array().map_or(0, Vec::len))
}

impl ToolAnswer {
    /// Reads the result of a call.
    #[must_use]
    pub fn of(mut result: Value) -> Self {
        let parts = result["content"].as_array().into_iter().flatten();
        let texts: Vec<&str> = parts.filter_map(|part| part["text"].as_str()).collect();
        Self {
            text: texts.join("\n"),
            is_error: result["isError"] == true,
            structured: result
                .get_mut("structuredContent")
                .map(Value::take)
                .unwrap_or_default(),
        }
    }

    /// Reads the answer to a call.
    ///
    /// # Errors
    /// As [`result_of`].
    pub fn read(status: u16, body: &[u8]) -> Result<Self, String> {
        Ok(Self::of(result_of(status, body)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_from_an_error_on_the_way() {
        let result = json!({ "result": { "content": [{ "type": "text", "text": "stored" }], "isError": false } });
        let answer = ToolAnswer::read(200, result.to_string().as_bytes()).unwrap();
        assert_eq!((answer.text.as_str(), answer.is_error), ("stored", false));
        let odd = ToolAnswer::read(200, br#"{"result":"x"}"#).unwrap();
        assert_eq!(
            (odd.text.as_str(), odd.structured),
            ("", Value::Null),
            "some other program"
        );
        let error = json!({ "error": { "code": -32602, "message": "queue_full" } });
        let read = |status, body: &str| ToolAnswer::read(status, body.as_bytes()).unwrap_err();
        assert_eq!(read(503, &error.to_string()), "503: queue_full");
        assert_eq!(read(502, "Bad Gateway"), "502: Bad Gateway");
        assert_eq!(read(200, "{}"), "200: {}");
    }
}
