//! An MCP client over HTTP, for `verify`, `doctor` and `hook`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use commonplace_api::mcp::{self, McpRequest, ToolAnswer};
use commonplace_mcp::HEADER_SESSION;
use serde_json::{Value, json};

use super::failure;
use super::proved_host::ProvedHost;

/// One client of one host.
pub(crate) struct McpClient {
    http: reqwest::Client,
    host: Arc<ProvedHost>,
    token: String,
    name: String,
    session: Option<String>,
    last_id: AtomicU64,
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
            session: None,
            last_id: AtomicU64::new(0),
        }
    }

    /// Asks on behalf of a session of another client, whose name is visible ASCII.
    pub(crate) fn in_session(mut self, session: &str) -> Self {
        self.session = Some(session.to_owned());
        self
    }

    /// Calls a tool. The error says in words what went wrong on the way; a tool's own error is an answer.
    pub(crate) async fn call_tool(
        &self,
        tool: &str,
        arguments: &Value,
    ) -> Result<ToolAnswer, String> {
        let request = mcp::call_tool(self.next_id(), &self.name, tool, arguments);
        let (status, body) = self.send(request).await?;
        ToolAnswer::read(status, &body)
    }

    /// Counts the tools that the host lists.
    pub(crate) async fn count_tools(&self) -> Result<usize, String> {
        let request = mcp::request(self.next_id(), &self.name, "tools/list", json!({}));
        let (status, body) = self.send(request).await?;
        mcp::count_tools(status, &body)
    }

    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn send(&self, request: McpRequest) -> Result<(u16, Vec<u8>), String> {
        let mut sent = self
            .http
            .post(self.host.mcp_url())
            .bearer_auth(&self.token)
            .body(request.body);
        for (name, value) in request.headers {
            sent = sent.header(name, value);
        }
        if let Some(session) = &self.session {
            sent = sent.header(HEADER_SESSION, session);
        }
        let asked = async {
            let response = sent.send().await?;
            Ok::<_, reqwest::Error>((response.status().as_u16(), response.bytes().await?.to_vec()))
        };
        tokio::select! {
            answer = asked => answer.map_err(|error| failure(&self.host, &error)),
            () = self.host.stopped() => Err(self.host.silence()),
        }
    }
}
