//! Mounts MCP on the HTTP surface: the two layers do not know each other.

use commonplace_engine::Engine;
use commonplace_http::McpService;

use crate::settings::Settings;

/// Makes the service for `/mcp`.
pub(crate) fn mount(_engine: &Engine, _settings: &Settings, _port: u16, _body_bytes_max: usize) -> McpService {
    McpService::new(tower::service_fn(|_r: http::Request<axum::body::Body>| async { Ok::<_, std::convert::Infallible>(http::Response::new(String::new())) }))
}
