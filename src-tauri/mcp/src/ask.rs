//! What clients ask for, between the protocol and those who answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::answer::Finished;
use crate::origin::Caller;
use crate::tools::UnknownTool;

/// Something that a client asks for and that needs the engine.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Call the tool of this name.
    Tool {
        name: String,
        arguments: Map<String, Value>,
    },
    /// Read the resource at this address.
    Resource { uri: String },
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The tool's answer; a failed tool is an answer, too.
    Tool(Result<Finished, UnknownTool>),
    /// The resource as JSON text; None if there is no such resource.
    Resource(Option<String>),
}

/// Answers what clients ask. The engine stands behind it in real life; tests put their own function here. Dropping the
/// future gives the request up.
pub(crate) type Respond =
    Arc<dyn Fn(Ask, Caller) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync>;
