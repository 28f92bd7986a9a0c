//! Who is at the other end of a connection: the process, where the system tells.
//!
//! MCP over HTTP does not say which process asks, and two sessions of one program look the same. So the first request to
//! `/mcp` on a connection looks it up, and every request carries it on in a header, as the stdio bridge does by itself.

use std::net::SocketAddr;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderName, HeaderValue};
use tokio::sync::OnceCell;

/// Finds the process that has the other end of a connection from this machine; None if that cannot be known. May read
/// the disk for some milliseconds.
pub type FindProcess = Arc<dyn Fn(SocketAddr) -> Option<u32> + Send + Sync>;

const HEADER_PID: HeaderName = HeaderName::from_static("x-commonplace-pid");

/// The other end of one connection; all clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    address: SocketAddr,
    process: Arc<OnceCell<Option<u32>>>,
}

impl Peer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            process: Arc::default(),
        }
    }

    /// Looks the process up, once for the connection.
    async fn process(&self, find: &FindProcess) -> Option<u32> {
        let look = async {
            let (find, address) = (Arc::clone(find), self.address);
            let found = tokio::task::spawn_blocking(move || find(address)).await;
            found.unwrap_or(None)
        };
        *self.process.get_or_init(|| look).await
    }
}

/// Writes the process behind a request into its head, unless the request says it itself.
pub(crate) async fn name_process(head: &mut Parts, find: &FindProcess) {
    if head.headers.contains_key(HEADER_PID) {
        return;
    }
    let Some(peer) = head.extensions.get::<Peer>().cloned() else {
        return;
    };
    if let Some(pid) = peer.process(find).await {
        head.headers.insert(HEADER_PID, HeaderValue::from(pid));
    }
}
