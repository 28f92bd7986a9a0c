//! A client of a memory server, whatever it is connected by: how tools are called and answers are judged.

use std::time::Duration;

use commonplace_api::mcp::ToolAnswer;
use serde_json::{Value, json};

use crate::texts::Text;

/// What every client calls itself.
pub(crate) const NAME: &str = "bench";
/// Hits asked for; both programs are asked for the same number.
const HITS: u32 = 5;

/// What came of a call, and after what time.
pub(crate) struct Called {
    /// From sending to the last byte of the answer.
    pub(crate) took: Duration,
    /// The text of the answer, or why there is none.
    pub(crate) text: Result<String, String>,
}

/// Something that calls tools, one at a time.
pub(crate) trait Client: Send {
    /// Calls a tool and waits for the answer.
    fn call(&mut self, tool: &str, arguments: Value) -> Called;

    /// Stores a text; Ok if it was acknowledged.
    fn store(&mut self, text: &Text) -> Called {
        let arguments = json!({ "content": text.body, "metadata": { "tags": "bench" } });
        self.call("memory_store", arguments)
    }

    /// Searches; without `mode` as the program does by default.
    fn search(&mut self, query: &str, mode: Option<&str>) -> Called {
        let mut arguments = json!({ "query": query, "limit": HITS });
        if let Some(mode) = mode {
            arguments["mode"] = json!(mode);
        }
        self.call("memory_search", arguments)
    }

    /// Says whether a text with `marker` is found by its words.
    ///
    /// # Errors
    /// If there is no answer, which proves nothing.
    fn has(&mut self, marker: &str) -> Result<bool, String> {
        let text = self.search(marker, Some("exact")).text?;
        Ok(shows(&text, marker))
    }
}

/// Takes the text out of an answer.
///
/// # Errors
/// What the program says went wrong: as a result marked as an error, or only in words.
pub(crate) fn judge(answer: ToolAnswer) -> Result<String, String> {
    let start: String = answer.text.chars().take(40).collect();
    let is_failure = start.is_empty() || start.starts_with("Error") || start.contains("Failed");
    if answer.is_error || is_failure {
        Err(answer.text)
    } else {
        Ok(answer.text)
    }
}

/// Says whether a hit of the answer has `marker`; that the query is repeated does not count.
fn shows(answer: &str, marker: &str) -> bool {
    let repeated = format!("for query: '{marker}'");
    answer.replace(&repeated, "").contains(marker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_told_from_a_failure() {
        let judged = |text: &str, is_error: bool| {
            let content = json!([{ "type": "text", "text": text }]);
            judge(ToolAnswer::of(
                json!({ "content": content, "isError": is_error }),
            ))
        };
        let stored = "Memory stored successfully (hash: 00)";
        assert_eq!(judged(stored, false).as_deref(), Ok(stored));
        assert!(judged("queue_full", true).is_err());
        for text in [
            "Error storing memory: disk full",
            "Failed to store memory",
            "",
        ] {
            assert!(judged(text, false).is_err(), "acknowledged: `{text}`");
        }
    }

    #[test]
    fn the_repeated_query_proves_nothing() {
        let none = "No memories found for query: 'mk1a0x1q'";
        assert!(!shows(none, "mk1a0x1q"));
        let one = "Found 1 memories (mode: exact) for query: 'mk1a0x1q'\n\n1. mk1a0x1q cache";
        assert!(shows(one, "mk1a0x1q"));
    }
}
