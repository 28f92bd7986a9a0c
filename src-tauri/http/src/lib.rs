//! The localhost surface: the guard, the dashboard and its API, live events, charts, Prometheus figures, and the mount
//! point for MCP.
//!
//! [`serve`] answers what comes in by the doors that the app has opened. Whose a connection is decides before anything of it
//! is read whether it may enter. Before anything is routed, the guard has checked Host, Origin,
//! Sec-Fetch-Site, Content-Type and token; what is not a file of the page needs a token, also when it does not exist.
//! Every answer carries the security headers of the page. Sizes, times and numbers are bounded by [`SiteLimits`].
//!
//! This layer knows the engine only as a [`StatusSource`], what else can be asked of a host only as a [`Host`](commonplace_api::Host), the next login
//! only as a [`StartAtLogin`], the memories only as [`Memories`], and MCP only as an [`McpService`] that somebody made. It reads no files, no environment and no clock:
//! tokens, time, randomness and the place of sessions come in as values.
//!
//! | file | idea |
//! |---|---|
//! | `door.rs` | where connections come in, and who has their other end |
//! | `crowd.rs` | how many there are, and who makes room |
//! | `server.rs`, `sent.rs` | connections: accept, bound, shut down |
//! | `gate.rs` | the one way of a request: guard, body, route, headers |
//! | `guard.rs` | what is refused before routing |
//! | `refusal.rs` | every refusal: status, code, words, count |
//! | `peer.rs` | who is at the other end of a connection |
//! | `access.rs`, `tokens.rs`, `codes.rs`, `sessions.rs` | who may do what |
//! | `session_file.rs` | how sessions outlive a host |
//! | `router.rs`, `routes/` | the list of routes, one file for each |
//! | `packing.rs` | answers in gzip, and which never are |
//! | `sse.rs`, `charts/`, `metrics.rs`, `static_files.rs` | what the routes answer with |

mod access;
mod body;
mod charts;
mod codes;
mod crowd;
mod door;
mod gate;
mod guard;
mod limits;
mod login;
mod mcp;
mod memories;
mod metrics;
mod packing;
mod peer;
mod refusal;
mod router;
mod routes;
mod seldom;
mod sent;
mod server;
mod session_file;
mod sessions;
mod source;
mod sse;
mod static_files;
mod tokens;

/// A dashboard for Grafana that shows what `/metrics` tells, as JSON.
pub const GRAFANA_DASHBOARD: &str = include_str!("../grafana/commonplace.json");

pub use access::{Access, Surroundings};
pub use door::{Arrival, Caller, Coming, Door, FindCaller, OtherEnd, Stream, TcpDoor};
pub use gate::{About, Gate, Site};
pub use limits::SiteLimits;
pub use login::StartAtLogin;
pub use mcp::McpService;
pub use memories::{HostMemories, Later, Memories, Redaction};
pub use peer::FindProcess;
pub use router::{Admits, RouteEntry, routes};
pub use server::{Finished, serve};
pub use session_file::SessionFile;
pub use source::StatusSource;
pub use static_files::file_names;
pub use tokens::{Token, TokenError, Tokens};
