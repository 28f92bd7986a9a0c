//! What the app hands over: the parts of a site, and what they must be able to do.
//!
//! Promises nothing by itself; each trait says what its implementor owes. Knows neither requests nor answers.

pub(crate) mod clients;
pub(crate) mod limits;
pub(crate) mod login;
pub(crate) mod mcp;
pub(crate) mod memories;
pub(crate) mod source;

use std::fmt;
use std::sync::Arc;

use commonplace_api::{Host, Refusal};

use crate::admission::access::Access;
use crate::admission::peer::FindProcess;
use clients::ConnectClients;
use limits::SiteLimits;
use login::StartAtLogin;
use mcp::McpService;
use memories::Memories;
use source::StatusSource;

/// What the app knows about itself, and a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The revisions of MCP that `/mcp` answers, the newest first.
    pub mcp_revisions: Vec<&'static str>,
    /// How commands for this store begin: the program, and the store if it is not the usual one.
    pub command: String,
}

/// The parts that the app puts together.
#[derive(Clone)]
pub struct Site {
    /// Port of the listener; the guard refuses every Host that does not name it.
    pub port: u16,
    /// Tokens, codes and sessions.
    pub access: Access,
    /// What answers `/mcp`.
    pub mcp: McpService,
    /// What the app knows about itself.
    pub about: About,
    /// Finds the process at the other end of a connection.
    pub find_process: FindProcess,
    /// What the figures come from.
    pub status: Arc<dyn StatusSource>,
    /// What carries out what a person changes.
    pub host: Arc<dyn Host<Error = Refusal>>,
    /// What knows whether a login starts the program.
    pub login: Arc<dyn StartAtLogin>,
    /// What knows the clients of this machine.
    pub clients: Arc<dyn ConnectClients>,
    /// What finds and changes memories.
    pub memories: Arc<dyn Memories>,
    /// Bounds.
    pub limits: SiteLimits,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
