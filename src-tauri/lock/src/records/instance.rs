//! The record of an instance that has the store open.

use serde::{Deserialize, Serialize};

use crate::error::PathError;
use crate::file::json;
use crate::file::paths::Paths;
use crate::file::place::FileId;
use crate::identity::{Identity, InstanceId};

/// Describes an instance that has the store open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceRecord {
    /// Who it is.
    #[serde(flatten)]
    pub identity: Identity,
    /// When it opened the store, in unix milliseconds by its own clock.
    pub since_ms: i64,
    /// Where it serves the dashboard; None if it does not serve, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where it serves MCP; None if it does not serve, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_url: Option<String>,
    /// The file that it has open, as the layer above noted it; None if it did not, or if files have no numbers there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    /// Its local socket, see [`Served::socket`]; None if it has none, as hosts of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// The network that its addresses belong to, see [`Served::network`]; None if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// Where an instance serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Address of the dashboard.
    pub url: String,
    /// Address of MCP.
    pub mcp_url: String,
    /// Local socket that only this user can bind and reach: a name in [`crate::instances_dir`], so that it is found
    /// wherever the directory is mounted; or a whole path, or the name of a pipe. None if there is none.
    pub socket: Option<String>,
    /// Names the network namespace of the two addresses: a container has its own. None if the system has no such thing.
    pub network: Option<String>,
}

impl InstanceRecord {
    /// Describes an instance that does not serve yet.
    pub(crate) fn new(identity: Identity, since_ms: i64) -> Self {
        Self {
            identity,
            since_ms,
            url: None,
            mcp_url: None,
            file: None,
            socket: None,
            network: None,
        }
    }

    /// Reads the record of instance `id`; None if there is none that can be read. A record under a foreign name proves
    /// nothing.
    pub(crate) fn read(paths: &Paths, id: &InstanceId) -> Option<Self> {
        let record: Self = json::read(&paths.instance_record(id))?;
        (record.identity.instance == *id).then_some(record)
    }

    /// Puts the record where other instances look for it.
    pub(crate) fn write(&self, paths: &Paths) -> Result<(), PathError> {
        json::replace(&paths.instance_record(&self.identity.instance), self)
    }
}
