//! A small MCP client of our own: calls tools of a host over HTTP, for `verify` and `doctor`.
//!
//! Speaks revision 2026-07-28, in which every request stands alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::failure;
use crate::proved_host::ProvedHost;

const PROTOCOL: &str = "2026-07-28";

/// One client of one host.
pub(crate) struct McpClient {
    http: reqwest::Client,
    host: Arc<ProvedHost>,
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
    /// Makes a client that waits for up to `call_time_max` for each answer.
    pub(crate) fn new(
        host: &Arc<ProvedHost>,
        token: &str,
        name: &str,
        call_time_max: Duration,
    ) -> Self {
        Self {
            http: host.http_client(call_time_max),
            host: Arc::clone(host),
            token: token.to_owned(),
            name: name.to_owned(),
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
            .post(self.host.mcp_url())
            .bearer_auth(&self.token)
            .header("Accept", "application/json, text/event-stream")
            .header("MCP-Protocol-Version", PROTOCOL)
            .header("Mcp-Method", method)
            .json(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        if let Some(name) = name {
            request = request.header("Mcp-Name", name);
        }
        let asked = async {
            let response = request.send().await?;
            Ok::<_, reqwest::Error>((response.status(), response.text().await?))
        };
        let (status, text) = tokio::select! {
            answer = asked => answer.map_err(|error| failure(&self.host, &error))?,
            () = self.host.stopped() => return Err(self.host.silence()),
        };
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
