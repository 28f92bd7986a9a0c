//! Clients of this machine: what is installed, whether each uses the store of the host, and how that is changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::known::shown_as_words;

/// The clients that can be connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connections {
    /// The clients, those that are installed first.
    pub clients: Vec<Connection>,
}

/// One client that can be connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connection {
    /// Its name on the command line, such as `claude`.
    pub client: String,
    /// Its name as people know it.
    pub title: String,
    /// Whether its program or its configuration was found.
    pub is_installed: bool,
    /// What its configuration says of the store.
    pub state: ConnectionState,
    /// The file that says so, or would.
    pub place: String,
    /// The state in one sentence, with what can be done.
    pub message: String,
    /// What connects it by hand: the lines to add to that file, or a command if there is a `memory` of somebody else.
    pub by_hand: String,
    /// When a client of that name last asked this host, in milliseconds since 1970; null if none has since its start.
    pub last_call_ms: Option<i64>,
}

/// What the configuration of a client says of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// Nothing.
    None,
    /// The client uses this store.
    Connected,
    /// The entry is there and switched off.
    SwitchedOff,
    /// The client uses another store.
    OtherStore,
    /// The entry starts a program of ours at another place, for this store.
    OtherProgram,
    /// A server of somebody else has the name of the entry.
    Foreign,
    /// It could not be read.
    Unreadable,
    /// A word of a newer host.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// Asks for a client to be connected, disconnected or checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionRequest {
    /// Its name on the command line, as the list of clients has it.
    pub client: String,
    /// What is to be done.
    pub act: ConnectionAct,
}

/// What can be done about a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionAct {
    /// Adds the entry to its configuration. A server of somebody else stays.
    Connect,
    /// Takes the entry out of its configuration.
    Disconnect,
    /// Starts what the entry starts, stores a text through it, finds it again, and removes it for good.
    Verify,
}

/// What was done about a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionDone {
    /// The client as it is now.
    pub connection: Connection,
    /// What was done, in one sentence.
    pub message: String,
    /// The file as it was before, if one was changed.
    pub backup: Option<String>,
    /// How a check went; null if none was asked for.
    pub verified: Option<Verified>,
}

/// A text went through the entry of a client and came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verified {
    /// From starting the entry to finding the text.
    pub stored_and_found_ms: u64,
    /// When it was found, in milliseconds since 1970.
    pub at_ms: i64,
}

shown_as_words!(ConnectionState);
