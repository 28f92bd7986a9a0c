//! A small MCP client of our own: calls tools of a host over HTTP, for `verify` and `doctor`.
//!
//! Speaks revision 2026-07-28, in which every request stands alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{cause, http_client};

const PROTOCOL: &str = "2026-07-28";

/// Longest time for one call: longer than the host's own longest deadline.
const CALL_TIME_MAX: Duration = Duration::from_secs(60);

/// One client of one host.
pub(crate) struct McpClient {
    http: reqwest::Client,
    url: String,
    token: String,
    name: String,
    last_id: AtomicU64,
}

/// What a tool answered.
pub(crate) struct ToolAnswer {
    pub(crate) text: String,
    pub(crate) is_error: bool,
}

impl McpClient {
    pub(crate) fn new(url: &str, token: &str, name: &str) -> Self {
        let (url, token, name) = (url.to_owned(), token.to_owned(), name.to_owned());
        Self {
            http: http_client(CALL_TIME_MAX),
            url,
            token,
            name,
            last_id: AtomicU64::new(0),
        }
    }

    /// Calls a tool. The error says in words what went wrong on the way; a tool's own error is an answer.
    pub(crate) async fn call_tool(
        &self,
        tool: &str,
        arguments: Value,
    ) -> Result<ToolAnswer, String> {
        let result = self
            .request(
                "tools/call",
                Some(tool),
                json!({ "name": tool, "arguments": arguments }),
            )
            .await?;
        let texts = result["content"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| item["text"].as_str());
        Ok(ToolAnswer {
            text: texts.collect::<Vec<_>>().join("\n"),
            is_error: result["isError"].as_bool().unwrap_or(false),
        })
    }

    /// Sends one request and returns its result.
    pub(crate) async fn request(
        &self,
        method: &str,
        name: Option<&str>,
        mut params: Value,
    ) -> Result<Value, String> {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": PROTOCOL,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": self.name, "version": env!("CARGO_PKG_VERSION") },
        });
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let mut request = self
            .http
            .post(&self.url)
            .bearer_auth(&self.token)
            .header("Accept", "application/json, text/event-stream")
            .header("MCP-Protocol-Version", PROTOCOL)
            .header("Mcp-Method", method)
            .json(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        if let Some(name) = name {
            request = request.header("Mcp-Name", name);
        }
        let response = request.send().await.map_err(|error| cause(&error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| cause(&error))?;
        let answer: Value = serde_json::from_str(&text).map_err(|_| format!("{status}: {text}"))?;
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(format!(
                "{status}: {}",
                answer["error"]["message"].as_str().unwrap_or(&text)
            )),
        }
    }
}
