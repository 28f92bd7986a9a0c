//! Arguments that the Python service knows and this program does not need, and what happens to each.
//!
//! A prompt or an agent that was written for its versions 10 to 12 keeps working: none of these is an error. Where one
//! asks for something that does not happen here, the answer says so in a line; where nothing is lost, it says nothing.

use serde_json::{Map, Value};

/// What becomes of an argument.
enum Effect {
    /// It is read under this name, unless that one was given too.
    Renamed(&'static str),
    /// It is read by the tool itself, but not listed in its schema.
    Read,
    /// It is dropped; nothing is lost.
    Dropped,
    /// It is dropped, and the answer says this, unless the value asks for nothing.
    Said(&'static str, fn(&Value) -> bool),
    /// It names a partition: `default` and `all` mean everything here, another name is the project.
    Partition,
}

struct Legacy {
    tool: &'static str,
    name: &'static str,
    effect: Effect,
}

const fn row(tool: &'static str, name: &'static str, effect: Effect) -> Legacy {
    Legacy { tool, name, effect }
}

const TABLE: &[Legacy] = &[
    // Kept with the memory, as there.
    row("memory_store", "conversation_id", Effect::Read),
    // The machine the text came from: part of the provenance.
    row("memory_store", "client_hostname", Effect::Read),
    // Becomes the tag `agent:<id>`, as there.
    row("memory_store", "agent_id", Effect::Read),
    row("memory_store", "store", Effect::Partition),
    row("memory_store", "type", Effect::Renamed("memory_type")),
    row("memory_search", "store", Effect::Partition),
    row("memory_search", "n_results", Effect::Renamed("limit")),
    row("memory_search", "tag", Effect::Renamed("tags")),
    row(
        "memory_search",
        "quality_boost",
        Effect::Said(
            "`quality_boost` had no effect: memories have no quality score here",
            is_off,
        ),
    ),
    row(
        "memory_search",
        "quality_weight",
        Effect::Said(
            "`quality_weight` had no effect: memories have no quality score here",
            is_off,
        ),
    ),
    // Nothing is ever superseded here, so every memory is included anyway.
    row("memory_search", "include_superseded", Effect::Dropped),
    // Hybrid search already looks at words and meaning at once.
    row("memory_search", "fallback", Effect::Dropped),
    row(
        "memory_search",
        "entity",
        Effect::Said(
            "`entity` had no effect: put the name into `query` or filter by `tags`",
            is_off,
        ),
    ),
    row(
        "memory_search",
        "agent_id",
        Effect::Said(
            "`agent_id` had no effect: filter by the tag `agent:<id>` instead",
            is_off,
        ),
    ),
    row(
        "memory_search",
        "include_beliefs",
        Effect::Said(
            "`include_beliefs` had no effect: there are no beliefs here",
            is_off,
        ),
    ),
    row(
        "memory_search",
        "summarize",
        Effect::Said(
            "`summarize` had no effect: the memories are shown as stored",
            is_off,
        ),
    ),
    row(
        "memory_search",
        "ranking_weights",
        Effect::Said(
            "`ranking_weights` had no effect: the order comes from words and meaning",
            is_off,
        ),
    ),
    row(
        "memory_search",
        "similarity_threshold",
        Effect::Said(
            "`similarity_threshold` had no effect: the best hits are shown, each with its score",
            is_off,
        ),
    ),
    row("memory_list", "store", Effect::Partition),
    row("memory_list", "tag", Effect::Renamed("tags")),
    row("memory_list", "limit", Effect::Renamed("page_size")),
    row("memory_list", "n_results", Effect::Renamed("page_size")),
    row(
        "memory_list",
        "stale_days",
        Effect::Said(
            "`stale_days` had no effect: searches are not recorded; filter with `before` instead",
            is_off,
        ),
    ),
    row(
        "memory_list",
        "agent_id",
        Effect::Said(
            "`agent_id` had no effect: filter by the tag `agent:<id>` instead",
            is_off,
        ),
    ),
    row("memory_delete", "store", Effect::Partition),
    row("memory_delete", "tag", Effect::Renamed("tags")),
    row("memory_update", "store", Effect::Partition),
    row(
        "memory_update",
        "preserve_timestamps",
        Effect::Said(
            "`preserve_timestamps` had no effect: the time of storing is always kept",
            is_true,
        ),
    ),
    row(
        "memory_update",
        "versioned",
        Effect::Said(
            "`versioned` had no effect: the memory was changed in place",
            is_off,
        ),
    ),
    // Some clients send it to tools that take no arguments.
    row("memory_health", "random_string", Effect::Dropped),
    row(
        "get_concurrent_access_stats",
        "random_string",
        Effect::Dropped,
    ),
];

fn is_off(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => matches!(
            text.trim().to_lowercase().as_str(),
            "" | "0" | "0.0" | "false" | "none"
        ),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true)
        || value
            .as_str()
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// Brings the arguments of a call into those that the tool reads; returns sentences for its answer.
pub(crate) fn translate(tool: &str, given: &mut Map<String, Value>) -> Vec<String> {
    let mut notes = Vec::new();
    for legacy in TABLE.iter().filter(|legacy| legacy.tool == tool) {
        let is_read = matches!(legacy.effect, Effect::Read);
        let Some(value) = (!is_read).then(|| given.remove(legacy.name)).flatten() else {
            continue;
        };
        match legacy.effect {
            Effect::Renamed(name) => {
                given.entry(name).or_insert(value);
            }
            Effect::Partition => {
                if !matches!(value.as_str(), Some("default" | "all" | "")) {
                    given.entry("project").or_insert(value);
                }
            }
            Effect::Said(sentence, is_silent) if !is_silent(&value) => {
                notes.push(sentence.to_owned())
            }
            Effect::Said(..) | Effect::Read | Effect::Dropped => {}
        }
    }
    notes
}

/// Returns the names among `known` that a schema lists, for an error message.
pub(crate) fn without_legacy(tool: &str, known: &[&'static str]) -> Vec<&'static str> {
    let is_legacy = |name: &str| {
        TABLE
            .iter()
            .any(|legacy| legacy.tool == tool && legacy.name == name)
    };
    known
        .iter()
        .copied()
        .filter(|name| !is_legacy(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn translated(tool: &str, given: Value) -> (Value, Vec<String>) {
        let Value::Object(mut given) = given else {
            panic!("an object")
        };
        let notes = translate(tool, &mut given);
        (Value::Object(given), notes)
    }

    #[test]
    fn what_has_no_effect_is_said_only_when_something_was_asked_for() {
        let (rest, notes) = translated(
            "memory_search",
            json!({"query": "x", "quality_boost": 0.3, "entity": "Bob"}),
        );
        assert_eq!(rest, json!({"query": "x"}));
        assert_eq!(notes.len(), 2, "{notes:?}");
        let silent = json!({"quality_boost": 0, "summarize": false, "include_superseded": true, "entity": ""});
        assert_eq!(translated("memory_search", silent), (json!({}), vec![]));
        assert_eq!(
            translated("memory_update", json!({"preserve_timestamps": true})).1,
            [""; 0]
        );
        assert_eq!(
            translated("memory_update", json!({"preserve_timestamps": false}))
                .1
                .len(),
            1
        );
    }

    #[test]
    fn a_partition_is_a_project_and_old_names_become_new_ones() {
        let table = [
            (
                "memory_store",
                json!({"store": "work"}),
                json!({"project": "work"}),
            ),
            ("memory_store", json!({"store": "default"}), json!({})),
            ("memory_search", json!({"store": "all"}), json!({})),
            (
                "memory_search",
                json!({"store": "a", "project": "b"}),
                json!({"project": "b"}),
            ),
            (
                "memory_search",
                json!({"n_results": 5}),
                json!({"limit": 5}),
            ),
            ("memory_delete", json!({"tag": "a"}), json!({"tags": "a"})),
        ];
        for (tool, given, wanted) in table {
            assert_eq!(translated(tool, given.clone()).0, wanted, "given {given}");
        }
    }
}
