//! A host in this process: its parts, and where they are made and connected.

pub(crate) mod compose;
mod kept_sessions;
pub(crate) mod local_host;
mod mcp_mount;
pub(crate) mod opening;
