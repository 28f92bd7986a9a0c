//! How a client is connected.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::known::shown_as_words;

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

shown_as_words!(Transport);
