//! How a client is connected.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Way on which a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// MCP over HTTP.
    Http,
    /// MCP over the stdio bridge.
    Stdio,
    /// A command of this program.
    Cli,
    /// The dashboard.
    Page,
    /// The engine itself, such as its indexer.
    Internal,
    /// A word of a newer host.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Http => "http",
            Self::Stdio => "stdio",
            Self::Cli => "cli",
            Self::Page => "page",
            Self::Internal => "internal",
            Self::Unknown => "unknown",
        })
    }
}
