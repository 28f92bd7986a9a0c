//! The place where MCP is mounted.

use std::convert::Infallible;
use std::fmt;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http::Request;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

/// The service that answers `/mcp`, whatever it is made with.
///
/// The guard has checked Host, Origin, token and body size before it is called. The body is complete by then.
#[derive(Clone)]
pub struct McpService {
    service: BoxCloneSyncService<Request<Body>, Response, Infallible>,
}

impl McpService {
    /// Wraps a service that takes whole requests and never fails.
    pub fn new<S, B>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = http::Response<B>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let service = service.map_response(|response| response.map(Body::new));
        Self {
            service: BoxCloneSyncService::new(service),
        }
    }

    pub(crate) fn into_inner(self) -> BoxCloneSyncService<Request<Body>, Response, Infallible> {
        self.service
    }
}

impl fmt::Debug for McpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("McpService")
    }
}
