//! The localhost surface: the guard, the dashboard and its API, live events, charts, Prometheus figures, and the mount
//! point for MCP.
//!
//! [`serve`] answers the connections of the doors that the app has opened. Whether a connection may enter is decided by
//! whose it is, before anything of it is read. Before anything is routed, the guard has checked Host, Origin,
//! Sec-Fetch-Site, Content-Type and token; what is not a file of the page needs a token, also when it does not exist.
//! Every answer carries the security headers of the page. Sizes, times and numbers are bounded by [`SiteLimits`].
//!
//! This layer knows the engine only as a [`StatusSource`], what else can be asked of a host only as a
//! [`Host`](commonplace_api::Host), the next login only as a [`StartAtLogin`], the clients of the machine only as
//! [`ConnectClients`], the memories only as [`Memories`], and MCP only as an [`McpService`] that somebody made. It reads no files, no environment and no clock: tokens, time, randomness
//! and the place of sessions come in as values.
//!
//! A folder uses only those above it in this table:
//!
//! | folder | idea |
//! |---|---|
//! | `admission/` | who may come in: doors, connections, the guard, tokens, codes, sessions |
//! | `answers/` | what answers share: refusals, compression, the files of the page |
//! | `site/` | what the app hands over: a [`Site`] and its parts |
//! | `charts/` | the past as drawings and tables |
//! | `state/` | what the routes share: the site, counters, the latest values |
//! | `routes/` | what each route does |
//! | `serving/` | connections, the one way of a request, the table of routes |

mod admission;
mod answers;
mod charts;
mod routes;
mod serving;
mod site;
mod state;

/// A dashboard for Grafana that shows the figures of `/metrics`, as JSON.
pub const GRAFANA_DASHBOARD: &str = include_str!("../grafana/commonplace.json");

pub use admission::access::{Access, Surroundings};
pub use admission::door::{Arrival, Caller, Coming, Door, FindCaller, OtherEnd, Stream, TcpDoor};
pub use admission::guard::Admits;
pub use admission::peer::FindProcess;
pub use admission::session_file::SessionFile;
pub use admission::tokens::{Token, TokenError, Tokens};
pub use answers::static_files::file_names;
pub use serving::gate::Gate;
pub use serving::router::{RouteEntry, routes};
pub use serving::server::{Finished, serve};
pub use site::clients::ConnectClients;
pub use site::limits::SiteLimits;
pub use site::login::StartAtLogin;
pub use site::mcp::McpService;
pub use site::memories::{HostMemories, Later, Memories, Redaction};
pub use site::source::StatusSource;
pub use site::{About, Site};
