//! How a tool describes itself to clients.

use serde_json::{Map, Value, json};

/// Description of one tool, in our own words; `server.rs` turns it into the protocol's form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ToolSpec {
    /// Name that clients call it by.
    pub(crate) name: &'static str,
    /// Name that people see.
    pub(crate) title: &'static str,
    /// When to use it, then what it does; clients cut it at 2 KB.
    pub(crate) description: &'static str,
    /// JSON schema of its arguments; always an object without alternatives at its root.
    pub(crate) input_schema: Map<String, Value>,
    /// What it does to the store.
    pub(crate) effect: Effect,
    /// Whether clients should load it at start and not only when they search for tools.
    pub(crate) is_always_loaded: bool,
}

/// What a tool does to the store, as the protocol's annotations say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Changes nothing.
    Reads,
    /// Only adds; twice is the same as once.
    Adds,
    /// Changes or removes what is there; twice is the same as once.
    Changes,
}

impl ToolSpec {
    /// Returns the description as JSON, in the form of `tools/list`.
    pub(crate) fn to_json(&self) -> Value {
        let mut value = json!({
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.input_schema,
            "annotations": {
                "title": self.title,
                "readOnlyHint": self.effect == Effect::Reads,
                "destructiveHint": self.effect == Effect::Changes,
                "idempotentHint": true,
                "openWorldHint": false,
            },
        });
        if self.is_always_loaded {
            value["_meta"] = json!({ "anthropic/alwaysLoad": true });
        }
        value
    }
}

/// Makes the schema of an object with these properties, of which `required` must be given.
pub(crate) fn object_schema(
    properties: impl IntoIterator<Item = (&'static str, Value)>,
    required: &[&str],
) -> Map<String, Value> {
    let properties: Map<String, Value> = properties
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    if !properties.is_empty() {
        schema.insert("properties".to_owned(), Value::Object(properties));
    }
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}
