//! Who a host is, how pages sign in, and whether a login starts the program.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::known::known;
use crate::status::{IntegrityStatus, OverallState};

/// The shortest answer to: are you well, and are you who I think you are?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Whether anything is waiting, in one word.
    pub state: OverallState,
    /// The same in one sentence.
    pub diagnosis: String,
    /// Program version.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// Instance id.
    pub instance: String,
    /// The store directory.
    pub data_dir: String,
    /// When the host opened the store, in milliseconds since 1970.
    pub started_ms: i64,
    /// Revisions of MCP that are served, the newest first.
    pub mcp_revisions: Vec<String>,
    /// How commands for this store begin.
    pub command: String,
    /// Connections that were closed without an answer since the start of the host.
    pub connections_closed: ConnectionsClosed,
}

/// Connections that were closed without an answer, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionsClosed {
    /// They were another user's.
    pub other_user: u64,
    /// The system did not say whose they were.
    pub unknown_user: u64,
    /// They asked for nothing, and others needed their places.
    pub made_room: u64,
}

/// An address that opens the page once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PageAddress {
    /// The address; its fragment holds a one-time code.
    pub url: String,
    /// How long the code is valid.
    pub expires_in_s: u64,
}

/// Asks for a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRequest {
    /// The one-time code.
    pub code: String,
}

/// A session of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// Bearer token with the rights of the admin token.
    pub token: String,
    /// How long the session may rest before it ends.
    pub idle_max_s: u64,
}

/// Asks a host to prove that it knows a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProofRequest {
    /// SHA-256 of the SHA-256 of the session's token, in hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9a-fA-F]{64}$"))]
    pub session: String,
    /// 32 bytes made up for this question, in hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9a-fA-F]{64}$"))]
    pub nonce: String,
}

/// The proof that a host knows a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// SHA-256 of the SHA-256 of the session's token followed by the nonce, in hexadecimal digits.
    pub proof: String,
}

/// A check of the store that has begun; the status tells how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckBegun {
    /// Always `checking`.
    #[serde(default, deserialize_with = "known")]
    pub integrity: IntegrityStatus,
}

/// Whether a login starts the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginStatus {
    /// Whether it does.
    pub start_at_login: bool,
    /// The file or the value in the registry that says so, or would.
    pub place: String,
}

/// Asks for a login to start the program, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginRequest {
    /// Whether it shall.
    pub start_at_login: bool,
}
