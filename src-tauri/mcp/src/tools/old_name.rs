//! Old names of tools, as clients of the Python service before its version 11 and of its fork call them.
//!
//! They are answered, not advertised: prompts and allow-lists that were written for them keep working. Each becomes a
//! call of a tool of ours; its answer has that tool's text.

use jiff::Zoned;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::arguments::{ArgumentError, is_nothing};
use crate::time_phrase;

type Given = Map<String, Value>;

/// An old name of a tool, and what its arguments become.
pub(crate) struct OldName {
    pub(super) name: &'static str,
    /// Old argument, new argument; besides the old names that every call of the tool may use.
    renamed: &'static [(&'static str, &'static str)],
    /// What the old tool did without being asked to, in arguments of the new one.
    implied: fn() -> Value,
    /// What no table can say.
    rewrite: fn(&mut Given, &Zoned) -> Result<(), ArgumentError>,
}

impl OldName {
    /// A name whose arguments are those of the tool.
    pub(super) const fn new(name: &'static str) -> Self {
        Self {
            name,
            renamed: &[],
            implied: || json!({}),
            rewrite: |_, _| Ok(()),
        }
    }

    pub(super) const fn renaming(
        mut self,
        renamed: &'static [(&'static str, &'static str)],
    ) -> Self {
        self.renamed = renamed;
        self
    }

    /// `implied` returns an object.
    pub(super) const fn implying(mut self, implied: fn() -> Value) -> Self {
        self.implied = implied;
        self
    }

    /// Its `start_date` and `end_date` become `after` and `before`. The old tools count `end_date` in, and take
    /// `start_date` for it if it is missing; ours end before `before`.
    pub(super) const fn with_time_frame(mut self) -> Self {
        self.renamed = &[("start_date", "after"), ("end_date", "before")];
        self.rewrite = end_after_last_day;
        self
    }

    /// The time stands inside the question: `what did we decide last week` searches last week.
    pub(super) const fn with_time_in_query(mut self) -> Self {
        self.rewrite = split_time_from_query;
        self
    }

    /// Turns the arguments of an old call into those of the tool.
    ///
    /// # Errors
    /// If they hold a date that is none.
    pub(super) fn bring_up(&self, given: &mut Given, now: &Zoned) -> Result<(), ArgumentError> {
        (self.rewrite)(given, now)?;
        for (old, new) in self.renamed {
            if let Some(value) = given.remove(*old) {
                given.entry(*new).or_insert(value);
            }
        }
        if let Value::Object(implied) = (self.implied)() {
            for (name, value) in implied {
                given.entry(name).or_insert(value);
            }
        }
        Ok(())
    }
}

fn end_after_last_day(given: &mut Given, now: &Zoned) -> Result<(), ArgumentError> {
    given.retain(|name, value| !(name.ends_with("_date") && is_nothing(value)));
    let last = given.get("end_date").or_else(|| given.get("start_date"));
    let last = last
        .cloned()
        .ok_or(ArgumentError::Missing { name: "start_date" })?;
    let wrong = || ArgumentError::wrong("end_date", "a date such as `2025-01-31`", &last);
    let text = last.as_str().ok_or_else(wrong)?;
    if let Some(doubt) = time_phrase::doubt("end_date", text, now) {
        return Err(ArgumentError::Refused(doubt.refusal()));
    }
    let end = match text.trim().parse::<Date>() {
        Ok(date) => date.tomorrow().map_err(|_| wrong())?.to_string(),
        Err(_) => time_phrase::end_of(text, now).ok_or_else(wrong)?,
    };
    given.insert("end_date".to_owned(), json!(end));
    Ok(())
}

fn split_time_from_query(given: &mut Given, now: &Zoned) -> Result<(), ArgumentError> {
    let question = given.get("query").and_then(Value::as_str);
    let found = question.and_then(|question| time_phrase::find(question, now));
    if let Some(found) = found.filter(|_| !given.contains_key("time_expr")) {
        given.insert("query".to_owned(), Value::String(found.rest));
        given.insert("time_expr".to_owned(), Value::String(found.phrase));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tests::{context, rows};
    use crate::tools::{CheckError, TOOLS};

    fn brought_up(name: &str, given: &str) -> Result<String, CheckError> {
        let given = serde_json::from_str(given).expect("an object");
        let (tool, _, arguments) = TOOLS.translated(name, given, &context().now)?;
        Ok(format!("{} {}", tool.name, Value::Object(arguments)))
    }

    #[test]
    fn old_calls_become_calls_of_our_tools() {
        let table = r#"
            store_memory {"content":"x","metadata":{"tags":["a"]}} => memory_store {"content":"x","metadata":{"tags":["a"]}}
            retrieve_memory {"query":"x"} => memory_search {"limit":5,"mode":"semantic","query":"x"}
            retrieve_memory {"query":"x","n_results":3} => memory_search {"limit":3,"mode":"semantic","query":"x"}
            recall_memory {"query":"talks about auth last week"} => memory_search {"limit":5,"mode":"semantic","query":"talks about auth","time_expr":"last week"}
            recall_by_timeframe {"start_date":"2024-12-30","end_date":"2024-12-31"} => memory_search {"after":"2024-12-30","before":"2025-01-01","limit":5}
            recall_by_timeframe {"start_date":"2024-12-30","end_date":""} => memory_search {"after":"2024-12-30","before":"2024-12-31","limit":5}
            recall_by_timeframe {"start_date":"last_week","end_date":"yesterday"} => memory_search {"after":"last_week","before":"2025-01-26T00:00:00Z","limit":5}
            recall_by_timeframe {"start_date":"2024-12-30"} => memory_search {"after":"2024-12-30","before":"2024-12-31","limit":5}
            debug_retrieve {"query":"x"} => memory_search {"include_debug":true,"limit":5,"mode":"semantic","query":"x"}
            exact_match_retrieve {"content":"x"} => memory_search {"mode":"exact","query":"x"}
            search_by_tag {"tags":["a"],"n_results":4} => memory_list {"page_size":4,"tags":["a"]}
            delete_by_tag {"tag":"a"} => memory_delete {"tag_match":"any","tags":"a"}
            delete_by_all_tags {"tags":["a","b"]} => memory_delete {"tag_match":"all","tags":["a","b"]}
            delete_before_date {"before_date":"2024-01-01","tag":null} => memory_delete {"before":"2024-01-01"}
            check_database_health {} => memory_health {}
        "#;
        for (call, wanted) in rows(table) {
            let (name, given) = call.split_once(' ').unwrap();
            assert_eq!(brought_up(name, given).as_deref(), Ok(wanted), "{call}");
        }
    }

    #[test]
    fn every_old_call_passes_the_checks_of_the_new_tool_and_so_do_arguments_of_newer_python_versions()
     {
        let table = r#"
            debug_retrieve {"query": "x", "n_results": "7", "similarity_threshold": 0.0}
            retrieve_with_quality_boost {"query": "x", "quality_weight": 0.3, "n_results": 10}
            delete_by_timeframe {"start_date": "2024-01-01", "end_date": "2024-01-31", "tag": "a"}
            update_memory_metadata {"content_hash": "ab", "updates": {"tags": ["a"]}}
            list_memories {"page": 1, "page_size": 10, "tag": "a", "memory_type": "note"}
            recall_memory {"query": "yesterday"}
            delete_memory {"content_hash": "ab"}
            memory_store {"content": "x", "conversation_id": "c", "store": "default", "agent_id": "a", "client_hostname": "h", "type": "note"}
            memory_search {"query": "x", "quality_boost": 0.5, "include_superseded": true, "entity": "e", "fallback": true, "agent_id": "a"}
            memory_search {"query": "x", "include_beliefs": true, "summarize": true, "ranking_weights": {"semantic": 1}, "mode": "ranked"}
            memory_list {"stale_days": 30, "store": "all", "agent_id": "a"}
            memory_update {"content_hash": "ab", "updates": {"tags": ["a"]}, "preserve_timestamps": true, "versioned": false, "store": "x"}
            memory_delete {"tags": ["a"], "store": "default", "dry_run": true}
            memory_health {"random_string": "x"}
            get_concurrent_access_stats {"random_string": "x"}
        "#;
        for call in table.trim().lines() {
            let (name, given) = call.trim().split_once(' ').unwrap();
            let given = serde_json::from_str(given).unwrap();
            let checked = TOOLS.check(name, given, &context());
            assert!(checked.is_ok(), "{call}: {:?}", checked.err());
        }
    }

    #[test]
    fn dates_that_are_none_are_refused() {
        for given in [r#"{"start_date": "soon"}"#, "{}", r#"{"start_date": 5}"#] {
            let brought_up = brought_up("delete_by_timeframe", given);
            assert!(brought_up.is_err(), "given {given}");
        }
    }

    #[test]
    fn an_end_that_can_be_read_in_two_ways_is_refused_with_both() {
        let given = r#"{"start_date": "2025-01-01", "end_date": "03/04/2025"}"#;
        let error = brought_up("delete_by_timeframe", given).unwrap_err();
        let wanted = "`end_date`: `03/04/2025` can be read as 2025-04-03 or as 2025-03-04";
        assert!(error.to_string().starts_with(wanted), "{error}");
    }
}
