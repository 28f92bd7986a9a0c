//! Reads the arguments that restrict which memories a tool looks at.

use commonplace_engine::{Filter, TagMatch};
use jiff::Zoned;
use serde_json::{Value, json};

use crate::arguments::{ArgumentError, Arguments};
use crate::time_phrase::{self, Window};

/// Which memories a call is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selection {
    /// For the engine.
    pub(crate) filter: Filter,
    /// The tags as they were given.
    pub(crate) tags: Vec<String>,
    /// How they combine.
    pub(crate) tag_match: TagMatch,
    /// The time that was asked for.
    pub(crate) window: Window,
    /// Whether tags, a type or a time restrict it; a project alone does not count.
    pub(crate) is_narrow: bool,
}

/// Reads the restrictions of a call.
pub(crate) fn read(arguments: &Arguments, now: &Zoned) -> Result<Selection, ArgumentError> {
    const MATCHES: [(&str, TagMatch); 2] = [("any", TagMatch::Any), ("all", TagMatch::All)];
    let tags = arguments.words("tags")?;
    let tag_match = arguments.one_of("tag_match", &MATCHES)?.unwrap_or_default();
    let window = window(arguments, now)?;
    let mut filter = Filter::default().with_created(window.after_ms, window.before_ms);
    if !tags.is_empty() {
        filter = filter
            .with_tags(&tags, tag_match)
            .map_err(ArgumentError::refused)?;
    }
    if let Some(memory_type) = arguments.filled("memory_type")? {
        filter = filter
            .with_type(&memory_type)
            .map_err(ArgumentError::refused)?;
    }
    // Tags of which nothing is left after cleaning restrict nothing; a delete must not take them for a filter.
    let is_narrow = !filter.is_open();
    if let Some(project) = arguments.filled("project")? {
        filter = filter
            .with_project(&project)
            .map_err(ArgumentError::refused)?;
    }
    Ok(Selection {
        filter,
        tags,
        tag_match,
        window,
        is_narrow,
    })
}

/// Reads the time that memories were stored in: everything that was given must hold.
fn window(arguments: &Arguments, now: &Zoned) -> Result<Window, ArgumentError> {
    let wrong = |name: &'static str, text: &str, error: time_phrase::TimePhraseError| {
        ArgumentError::wrong(name, error.to_string(), &Value::String(text.to_owned()))
    };
    let mut window = Window::default();
    if let Some(phrase) = arguments.filled("time_expr")? {
        window =
            time_phrase::parse(&phrase, now).map_err(|error| wrong("time_expr", &phrase, error))?;
    }
    if let Some(text) = arguments.filled("after")? {
        let after_ms =
            time_phrase::parse_start(&text, now).map_err(|error| wrong("after", &text, error))?;
        window = window.and(Window {
            after_ms: Some(after_ms),
            before_ms: None,
        });
    }
    if let Some(text) = arguments.filled("before")? {
        let before_ms =
            time_phrase::parse_start(&text, now).map_err(|error| wrong("before", &text, error))?;
        window = window.and(Window {
            after_ms: None,
            before_ms: Some(before_ms),
        });
    }
    match (window.after_ms, window.before_ms) {
        (Some(after), Some(before)) if after >= before => Err(ArgumentError::Refused(
            "the time asked for is empty: `after` must be earlier than `before`".to_owned(),
        )),
        _ => Ok(window),
    }
}

/// Describes the arguments read here for an input schema.
pub(crate) fn schema() -> [(&'static str, Value); 7] {
    [
        (
            "tags",
            json!({"type": "array", "items": {"type": "string"}, "description": "Only memories with these tags"}),
        ),
        (
            "tag_match",
            json!({"type": "string", "enum": ["any", "all"], "default": "any", "description": "Whether one of the tags is enough"}),
        ),
        (
            "memory_type",
            json!({"type": "string", "description": "Only this type, such as decision"}),
        ),
        (
            "project",
            json!({"type": "string", "description": "Only this project; without it, all projects"}),
        ),
        (
            "time_expr",
            json!({"type": "string", "description": "When it was stored, in words: yesterday, last week, 3 days ago, March 2024, between Monday and Friday"}),
        ),
        (
            "after",
            json!({"type": "string", "description": "Stored at or after this date (YYYY-MM-DD, local midnight) or time"}),
        ),
        (
            "before",
            json!({"type": "string", "description": "Stored before this date (that day excluded) or time"}),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(given: Value) -> Result<Selection, String> {
        let Value::Object(given) = given else {
            panic!("an object")
        };
        let now = "2025-11-19T15:30:00[UTC]".parse().unwrap();
        let known = schema().map(|(name, _)| name);
        let arguments = Arguments::new("memory_search", given, &known).unwrap();
        read(&arguments, &now).map_err(|error| error.to_string())
    }

    #[test]
    fn only_what_restricts_counts_as_narrow() {
        let narrow = [
            json!({"tags": "a"}),
            json!({"after": "2025-01-01"}),
            json!({"memory_type": "note"}),
            json!({"time_expr": "today"}),
        ];
        for given in narrow {
            assert!(selection(given.clone()).unwrap().is_narrow, "given {given}");
        }
        let open = [
            json!({}),
            json!({"tags": []}),
            json!({"tags": "\u{0}", "tag_match": "all"}),
            json!({"tags": ["\u{1}"]}),
            json!({"project": "x"}),
            json!({"before": "", "memory_type": " "}),
        ];
        for given in open {
            assert!(
                !selection(given.clone()).unwrap().is_narrow,
                "given {given}"
            );
        }
    }

    #[test]
    fn all_times_given_must_hold() {
        let given =
            json!({"time_expr": "this month", "after": "2025-11-10", "before": "yesterday"});
        let iso = |ms: Option<i64>| crate::answer::iso(ms.unwrap());
        let window = selection(given).unwrap().window;
        assert_eq!(iso(window.after_ms), "2025-11-10T00:00:00Z");
        assert_eq!(iso(window.before_ms), "2025-11-18T00:00:00Z");
    }

    #[test]
    fn a_time_that_cannot_be_read_or_is_empty_is_refused_with_examples() {
        let error = selection(json!({"time_expr": "when pigs fly"})).unwrap_err();
        assert!(
            error.starts_with("argument `time_expr` must be a date such as `2025-01-31`, or words"),
            "{error}"
        );
        assert!(error.ends_with("given was `\"when pigs fly\"`"), "{error}");
        let error = selection(json!({"after": "2025-02-01", "before": "2025-01-01"})).unwrap_err();
        assert!(
            error.contains("`after` must be earlier than `before`"),
            "{error}"
        );
    }
}
