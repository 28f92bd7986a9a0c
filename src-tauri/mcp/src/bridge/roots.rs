//! The roots of a client: the folders that it works in (MCP 2025-11-25, Roots). A client that is asked names them; only the
//! first one counts, since a memory belongs to one project.

use bytes::Bytes;
use serde_json::{Value, json};

/// Id of the one kind of request that the bridge itself sends to its client.
const ID: &str = "commonplace-roots";

/// Asks the client for its roots.
pub(super) fn question() -> Bytes {
    let question = json!({ "jsonrpc": "2.0", "id": ID, "method": "roots/list" });
    Bytes::from(question.to_string())
}

/// Says whether an answer with this id answers [`question`].
pub(super) fn is_ours(id: &Value) -> bool {
    id == ID
}

/// Reads the addresses from a result; none if the client refused.
pub(super) fn addresses(result: &Value) -> Vec<String> {
    let roots = result.get("roots").and_then(Value::as_array);
    let roots = roots.into_iter().flatten();
    let addresses = roots.filter_map(|root| root.get("uri")?.as_str());
    addresses.map(str::to_owned).collect()
}
