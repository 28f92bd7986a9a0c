//! A host without a network: engine and MCP service in this process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use commonplace_api::settings::Limits;
use commonplace_engine::{Engine, EngineConfig, ModelUse};
use commonplace_mcp::bridge::{LinkRequest, LinkResponse};
use commonplace_mcp::{HttpService, McpOptions, Server};
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::ServiceExt;

const PORT: u16 = 7311;

/// An engine and the service that clients would reach.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    service: HttpService,
}

impl Host {
    /// Opens the store in `folder`.
    pub(crate) fn open(folder: &Path) -> Self {
        let config = EngineConfig {
            data_dir: folder.to_owned(),
            model_dir: folder.join("models"),
            limits: Limits::default(),
            model_use: ModelUse::None,
            processes: std::sync::Arc::new(commonplace_engine::NoProcesses),
        };
        let engine = Engine::open(config, commonplace_testing::identity("test")).unwrap();
        let clock = Arc::new(jiff::Zoned::now);
        let service = Server::new(engine.clone(), McpOptions::new(PORT, clock)).http_service();
        Self { engine, service }
    }

    /// Calls a tool as a client of the newer protocol does; returns the result.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.call_from("", tool, arguments).await
    }

    /// Calls a tool as the bridge does for a client that works in `project`; empty names none.
    pub(crate) async fn call_from(&self, project: &str, tool: &str, arguments: Value) -> Value {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "tester", "version": "1" },
        });
        let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = Request::post("/mcp")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", tool)
            .header("x-commonplace-project", project)
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let (_, body) = self.send(request).await;
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    /// Calls a tool and returns the text of its answer.
    pub(crate) async fn text(&self, tool: &str, arguments: Value) -> String {
        text(&self.call(tool, arguments).await)
    }

    /// Carries what the bridge sends.
    pub(crate) async fn carry(&self, sent: LinkRequest) -> LinkResponse {
        let mut request = Request::post("/mcp").body(sent.body).unwrap();
        *request.headers_mut() = sent.headers;
        let (head, body) = self.send(request).await;
        let content_type = head
            .headers
            .get("content-type")
            .map(|value| value.to_str().unwrap().to_owned());
        LinkResponse {
            status: head.status,
            content_type: content_type.unwrap_or_default(),
            body,
        }
    }

    async fn send(&self, mut request: Request<Bytes>) -> (http::response::Parts, Bytes) {
        request
            .headers_mut()
            .insert("host", "127.0.0.1:7311".parse().unwrap());
        let response = self
            .service
            .clone()
            .oneshot(request.map(Full::new))
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        (head, body.collect().await.unwrap().to_bytes())
    }

    /// Stops the host in order.
    pub(crate) async fn stop(self) {
        assert!(self.engine.shutdown(Duration::from_secs(20)).await);
    }
}

/// The text of a tool's result.
pub(crate) fn text(result: &Value) -> String {
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

/// Takes the hash out of `(hash: ...)`.
pub(crate) fn hash(text: &str) -> String {
    let rest = text
        .split_once("(hash: ")
        .unwrap_or_else(|| panic!("no hash in {text:?}"))
        .1;
    rest.split_once(')').unwrap().0.to_owned()
}
