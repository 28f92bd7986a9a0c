//! Mounts MCP on the HTTP surface, and lends it what MCP knows of secrets: the two layers do not know each other.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use commonplace_engine::Engine;
use commonplace_http::{McpService, Redaction};
use commonplace_mcp::redact::{self, Redactor};
use commonplace_mcp::{McpOptions, Server};
use jiff::Zoned;

use crate::system::processes;

/// How the dashboard replaces secrets: as the tools do.
pub(crate) const REDACTION: Redaction = Redaction {
    text: |text| {
        let redacted = redact::redact(text);
        let kinds = redacted.found.into_iter().map(String::from).collect();
        (redacted.text, kinds)
    },
    metadata: |metadata| {
        let mut redactor = Redactor::new(true);
        *metadata = redactor.metadata(std::mem::take(metadata));
        redactor.finish().into_iter().map(Into::into).collect()
    },
};

/// Makes the service for `/mcp`.
pub(crate) fn mount(
    engine: &Engine,
    redacts: Arc<AtomicBool>,
    port: u16,
    body_bytes_max: usize,
) -> (Server, McpService) {
    let mut options = McpOptions::new(port, Arc::new(Zoned::now));
    options.home = crate::paths::home();
    options.folder_of = Arc::new(processes::folder);
    options.body_bytes_max = body_bytes_max;
    options.redacts = redacts;
    let server = Server::new(engine.clone(), options);
    let service = McpService::new(server.http_service());
    (server, service)
}
