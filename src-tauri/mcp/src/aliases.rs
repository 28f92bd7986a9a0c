//! Old names of tools, as clients of the Python service before its version 11 and of its fork call them.
//!
//! They are answered, not advertised: prompts and allow-lists that were written for them keep working. Each becomes a
//! call of a tool of ours; its answer has that tool's text.

use jiff::Zoned;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::arguments::ArgumentError;
use crate::time_phrase;
use crate::tools::Tool;

type Given = Map<String, Value>;

/// One old name.
struct Alias {
    name: &'static str,
    tool: Tool,
    /// Old argument, new argument.
    renamed: &'static [(&'static str, &'static str)],
    /// Arguments that the old tool did not have, with what it did.
    fixed: fn() -> Value,
}

const fn alias(
    name: &'static str,
    tool: Tool,
    renamed: &'static [(&'static str, &'static str)],
    fixed: fn() -> Value,
) -> Alias {
    Alias {
        name,
        tool,
        renamed,
        fixed,
    }
}

const N_RESULTS: (&str, &str) = ("n_results", "limit");
const TAG: (&str, &str) = ("tag", "tags");

fn nothing() -> Value {
    json!({})
}

fn semantic() -> Value {
    json!({ "mode": "semantic", "limit": 5 })
}

const ALIASES: &[Alias] = &[
    alias("store_memory", Tool::Store, &[], nothing),
    alias("retrieve_memory", Tool::Search, &[N_RESULTS], semantic),
    alias("recall_memory", Tool::Search, &[N_RESULTS], semantic),
    alias(
        "recall_by_timeframe",
        Tool::Search,
        &[N_RESULTS, ("start_date", "after"), ("end_date", "before")],
        || json!({ "limit": 5 }),
    ),
    alias(
        "retrieve_with_quality_boost",
        Tool::Search,
        &[N_RESULTS],
        nothing,
    ),
    alias(
        "exact_match_retrieve",
        Tool::Search,
        &[("content", "query")],
        || json!({ "mode": "exact" }),
    ),
    alias(
        "debug_retrieve",
        Tool::Search,
        &[N_RESULTS],
        || json!({ "mode": "semantic", "limit": 5, "include_debug": true }),
    ),
    alias(
        "search_by_tag",
        Tool::List,
        &[TAG, ("n_results", "page_size")],
        nothing,
    ),
    alias("list_memories", Tool::List, &[TAG], nothing),
    alias("delete_memory", Tool::Delete, &[], nothing),
    alias(
        "delete_by_tag",
        Tool::Delete,
        &[TAG],
        || json!({ "tag_match": "any" }),
    ),
    alias(
        "delete_by_tags",
        Tool::Delete,
        &[TAG],
        || json!({ "tag_match": "any" }),
    ),
    alias(
        "delete_by_all_tags",
        Tool::Delete,
        &[TAG],
        || json!({ "tag_match": "all" }),
    ),
    alias(
        "delete_by_timeframe",
        Tool::Delete,
        &[TAG, ("start_date", "after"), ("end_date", "before")],
        nothing,
    ),
    alias(
        "delete_before_date",
        Tool::Delete,
        &[TAG, ("before_date", "before")],
        nothing,
    ),
    alias("update_memory_metadata", Tool::Update, &[], nothing),
    alias("check_database_health", Tool::Health, &[], nothing),
];

/// Returns the tool that an old name means.
pub(crate) fn tool(name: &str) -> Option<Tool> {
    find(name).map(|alias| alias.tool)
}

/// Returns all old names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALIASES.iter().map(|alias| alias.name)
}

fn find(name: &str) -> Option<&'static Alias> {
    ALIASES.iter().find(|alias| alias.name == name)
}

/// Turns the arguments of an old call into those of the tool that it means.
pub(crate) fn rewrite(name: &str, mut given: Given, now: &Zoned) -> Result<Given, ArgumentError> {
    let Some(alias) = find(name) else {
        return Ok(given);
    };
    given.retain(|_, value| !value.is_null());
    if matches!(name, "recall_by_timeframe" | "delete_by_timeframe") {
        end_after_last_day(&mut given)?;
    }
    if name == "recall_memory" {
        split_time_from_query(&mut given, now);
    }
    for (old, new) in alias.renamed {
        if let Some(value) = given.remove(*old) {
            given.entry(*new).or_insert(value);
        }
    }
    if let Value::Object(fixed) = (alias.fixed)() {
        for (key, value) in fixed {
            given.entry(key).or_insert(value);
        }
    }
    Ok(given)
}

/// The old tools count `end_date` in, and take `start_date` for it if it is missing; ours end before `before`.
fn end_after_last_day(given: &mut Given) -> Result<(), ArgumentError> {
    let Some(last) = given
        .get("end_date")
        .or_else(|| given.get("start_date"))
        .cloned()
    else {
        return Err(ArgumentError::Missing { name: "start_date" });
    };
    let wrong = || ArgumentError::wrong("end_date", "a date such as `2025-01-31`", &last);
    let date: Date = last
        .as_str()
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(wrong)?;
    let next = date.tomorrow().map_err(|_| wrong())?;
    given.insert("end_date".to_owned(), json!(next.to_string()));
    Ok(())
}

/// `recall_memory` finds the time inside the question: `what did we decide last week` searches last week.
fn split_time_from_query(given: &mut Given, now: &Zoned) {
    let question = given
        .get("query")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if given.contains_key("time_expr") {
        return;
    }
    if let Some(found) = time_phrase::find(question, now) {
        given.insert("query".to_owned(), Value::String(found.rest));
        given.insert("time_expr".to_owned(), Value::String(found.phrase));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools;
    use crate::tools::tests::context;

    #[test]
    fn old_calls_become_calls_of_our_tools() {
        let table = [
            (
                "store_memory",
                json!({"content": "x", "metadata": {"tags": ["a"]}}),
                Tool::Store,
                json!({"content": "x", "metadata": {"tags": ["a"]}}),
            ),
            (
                "retrieve_memory",
                json!({"query": "x"}),
                Tool::Search,
                json!({"query": "x", "mode": "semantic", "limit": 5}),
            ),
            (
                "retrieve_memory",
                json!({"query": "x", "n_results": 3}),
                Tool::Search,
                json!({"query": "x", "mode": "semantic", "limit": 3}),
            ),
            (
                "recall_memory",
                json!({"query": "talks about auth last week"}),
                Tool::Search,
                json!({"query": "talks about auth", "time_expr": "last week", "mode": "semantic", "limit": 5}),
            ),
            (
                "recall_by_timeframe",
                json!({"start_date": "2024-12-30", "end_date": "2024-12-31"}),
                Tool::Search,
                json!({"after": "2024-12-30", "before": "2025-01-01", "limit": 5}),
            ),
            (
                "recall_by_timeframe",
                json!({"start_date": "2024-12-30"}),
                Tool::Search,
                json!({"after": "2024-12-30", "before": "2024-12-31", "limit": 5}),
            ),
            (
                "exact_match_retrieve",
                json!({"content": "x"}),
                Tool::Search,
                json!({"query": "x", "mode": "exact"}),
            ),
            (
                "search_by_tag",
                json!({"tags": ["a"]}),
                Tool::List,
                json!({"tags": ["a"]}),
            ),
            (
                "delete_by_tag",
                json!({"tag": "a"}),
                Tool::Delete,
                json!({"tags": "a", "tag_match": "any"}),
            ),
            (
                "delete_by_all_tags",
                json!({"tags": ["a", "b"]}),
                Tool::Delete,
                json!({"tags": ["a", "b"], "tag_match": "all"}),
            ),
            (
                "delete_before_date",
                json!({"before_date": "2024-01-01", "tag": null}),
                Tool::Delete,
                json!({"before": "2024-01-01"}),
            ),
            ("check_database_health", json!({}), Tool::Health, json!({})),
        ];
        for (name, given, tool, wanted) in table {
            let Value::Object(map) = given.clone() else {
                panic!("an object")
            };
            assert_eq!(super::tool(name), Some(tool), "{name}");
            assert_eq!(
                rewrite(name, map, &context().now).map(Value::Object),
                Ok(wanted),
                "{name} {given}"
            );
        }
    }

    #[test]
    fn every_old_call_passes_the_checks_of_the_new_tool() {
        let table = [
            (
                "debug_retrieve",
                json!({"query": "x", "n_results": "7", "similarity_threshold": 0.0}),
            ),
            (
                "retrieve_with_quality_boost",
                json!({"query": "x", "quality_weight": 0.3, "n_results": 10}),
            ),
            (
                "delete_by_timeframe",
                json!({"start_date": "2024-01-01", "end_date": "2024-01-31", "tag": "a"}),
            ),
            (
                "update_memory_metadata",
                json!({"content_hash": "ab", "updates": {"tags": ["a"]}}),
            ),
            (
                "list_memories",
                json!({"page": 1, "page_size": 10, "tag": "a", "memory_type": "note"}),
            ),
            ("recall_memory", json!({"query": "yesterday"})),
            ("delete_memory", json!({"content_hash": "ab"})),
        ];
        for (name, given) in table {
            let Value::Object(map) = given.clone() else {
                panic!("an object")
            };
            let checked = tools::check(name, map, &context());
            assert!(checked.is_ok(), "{name} {given}: {:?}", checked.err());
        }
    }

    #[test]
    fn dates_that_are_none_are_refused() {
        for given in [
            json!({"start_date": "soon"}),
            json!({}),
            json!({"start_date": 5}),
        ] {
            let Value::Object(map) = given.clone() else {
                panic!("an object")
            };
            assert!(
                rewrite("delete_by_timeframe", map, &context().now).is_err(),
                "given {given}"
            );
        }
    }
}
