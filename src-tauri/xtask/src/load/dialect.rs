//! The names of tools: what we call a store and a search, in the words of the server that is asked.

use serde_json::{Value, json};

/// The tools of a kind of memory server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Ours: `memory_store`, `memory_search`.
    Memory,
    /// A graph of named things with observations: `create_entities`, `search_nodes`.
    Graph,
}

impl Dialect {
    /// Says a call of ours in this dialect.
    ///
    /// A text becomes a thing that is named by its first word and has the text as its only observation. The graph is
    /// searched for one piece of text; it gives no number of hits and knows no modes.
    pub(crate) fn call(self, tool: &str, arguments: Value) -> (&str, Value) {
        match (self, tool) {
            (Self::Graph, "memory_store") => ("create_entities", entity(&arguments["content"])),
            (Self::Graph, "memory_search") => {
                ("search_nodes", json!({ "query": arguments["query"] }))
            }
            _ => (tool, arguments),
        }
    }
}

fn entity(content: &Value) -> Value {
    let name = content
        .as_str()
        .and_then(|text| text.split(' ').next())
        .unwrap_or_default();
    json!({ "entities": [{ "name": name, "entityType": "fact", "observations": [content] }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_is_told_a_thing_with_one_observation() {
        let text = json!({ "content": "mk1 cache index", "metadata": { "tags": "bench" } });
        let thing =
            json!({ "name": "mk1", "entityType": "fact", "observations": ["mk1 cache index"] });
        assert_eq!(
            Dialect::Graph.call("memory_store", text.clone()),
            ("create_entities", json!({ "entities": [thing] }))
        );
        assert_eq!(
            Dialect::Graph.call("memory_search", json!({ "query": "mk1", "limit": 5 })),
            ("search_nodes", json!({ "query": "mk1" }))
        );
        assert_eq!(
            Dialect::Memory.call("memory_store", text.clone()),
            ("memory_store", text)
        );
    }
}
