//! The MCP server of a host: what it is made of, and the service that the app mounts.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use commonplace_engine::Engine;
use jiff::Zoned;

use crate::ask::{Ask, Reply, Respond};
use crate::http_service::HttpService;
use crate::origin::{FolderOf, Places};
use crate::protocol::Protocol;
use crate::resources;
use crate::tools::{Context, TOOLS};

/// Gives the current moment in the user's time zone. `Zoned::now` in real life, a fixed moment in tests.
pub type Clock = Arc<dyn Fn() -> Zoned + Send + Sync>;

/// Options of the MCP server.
#[derive(Clone)]
pub struct McpOptions {
    /// Port that the host listens on: requests must name `127.0.0.1` or `localhost` with it, as Host and as Origin.
    pub port: u16,
    /// Longest body of one request, in bytes.
    pub body_bytes_max: usize,
    /// Whether secrets are taken out of texts before they are stored; may change while the server runs.
    pub redacts: Arc<AtomicBool>,
    /// The current moment and the host's time zone, for words such as `yesterday` of a client that names no zone.
    pub clock: Clock,
    /// The person's home directory: `~`, and no project.
    pub home: Option<PathBuf>,
    /// Finds the folder that a client over HTTP works in, if it names no project.
    pub folder_of: FolderOf,
}

impl McpOptions {
    /// Options for a host on `port`: bodies up to 2 MiB, secrets are taken out, nothing is known of homes and folders.
    pub fn new(port: u16, clock: Clock) -> Self {
        Self {
            port,
            body_bytes_max: 2 * 1024 * 1024,
            redacts: Arc::new(AtomicBool::new(true)),
            clock,
            home: None,
            folder_of: Arc::new(|_| None),
        }
    }
}

impl fmt::Debug for McpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("McpOptions");
        shown
            .field("port", &self.port)
            .field("body_bytes_max", &self.body_bytes_max);
        shown
            .field("redacts", &self.redacts)
            .finish_non_exhaustive()
    }
}

/// The MCP server of one host; all clones are the same server.
///
/// It is stateless: every request stands alone, no session is kept, so a restart of the host loses nothing.
#[derive(Clone)]
pub struct Server {
    protocol: Protocol,
    body_bytes_max: usize,
}

impl Server {
    /// Makes a server that answers with `engine`.
    pub fn new(engine: Engine, options: McpOptions) -> Self {
        let McpOptions {
            clock,
            redacts,
            home,
            ..
        } = options.clone();
        let respond: Respond = Arc::new(move |ask, caller| {
            let engine = engine.clone();
            let now = clock();
            let context = Context {
                now: match caller.time_zone {
                    Some(zone) => now.with_time_zone(zone),
                    None => now,
                },
                origin: caller.origin,
                home: home.clone(),
                worktree: caller.worktree,
                bridge: caller.bridge,
                redacts: redacts.load(Ordering::Relaxed),
            };
            Box::pin(async move { respond(&engine, ask, &context).await })
        });
        Self::with(respond, &options)
    }

    /// Makes a server that answers with `respond`.
    pub(crate) fn with(respond: Respond, options: &McpOptions) -> Self {
        let places = Places {
            home: options.home.clone(),
            folder_of: Arc::clone(&options.folder_of),
        };
        Self {
            protocol: Protocol::new(respond, options.port, options.body_bytes_max, places),
            body_bytes_max: options.body_bytes_max,
        }
    }

    /// Returns the service for `/mcp`. It takes any request and never fails; the guard stands before it.
    pub fn http_service(&self) -> HttpService {
        HttpService::new(self.protocol.clone(), self.body_bytes_max)
    }

    /// Ends the requests that are still under way, with a server error. Call it after the time given to them to finish;
    /// later requests are refused likewise. May be called twice.
    pub fn stop(&self) {
        self.protocol.stop();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

async fn respond(engine: &Engine, ask: Ask, context: &Context) -> Reply {
    match ask {
        Ask::Tool { name, arguments } => {
            Reply::Tool(TOOLS.call(engine, &name, arguments, context).await)
        }
        Ask::Resource { uri } => Reply::Resource(resources::read(engine, &uri, context).await),
    }
}

#[cfg(test)]
mod tests;
