//! Reads the arguments that restrict which memories a tool looks at.

use commonplace_engine::{Filter, TagMatch};
use jiff::Zoned;

use crate::arguments::{
    Argument, ArgumentError, Arguments, BlankText, Choice, Partition, Row, Text, Words,
};
use crate::time_phrase::{self, TimePhraseError, Window};

const TAGS: Argument<Words> =
    Argument::new("tags", Words, "Only memories with these tags").formerly(&["tag"]);
const TAG_MATCH: Argument<Choice<TagMatch>> = Argument::new(
    "tag_match",
    Choice {
        words: &[("any", TagMatch::Any), ("all", TagMatch::All)],
        old_words: &[],
    },
    "Whether one of the tags is enough",
);
const MEMORY_TYPE: Argument<Text> =
    Argument::new("memory_type", Text, "Only this type, such as decision");
pub(crate) const PROJECT: Argument<BlankText> = Argument::new(
    "project",
    BlankText,
    "Only this project; without it, all projects",
);
pub(crate) const TIME_EXPR: Argument<Text> = Argument::new(
    "time_expr",
    Text,
    "When it was stored, in words: yesterday, last week, 3 days ago, March 2024, between Monday and Friday",
);
const AFTER: Argument<Text> = Argument::new(
    "after",
    Text,
    "Stored at or after this date (YYYY-MM-DD, local midnight) or time",
);
const BEFORE: Argument<Text> = Argument::new(
    "before",
    Text,
    "Stored before this date (that day excluded) or time",
);

/// The arguments that are read here.
pub(crate) const ARGUMENTS: &[&dyn Row] = &[
    &TAGS,
    &TAG_MATCH,
    &MEMORY_TYPE,
    &PROJECT,
    &Partition,
    &TIME_EXPR,
    &AFTER,
    &BEFORE,
];

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
    let tags = TAGS.read(arguments)?;
    let tag_match = TAG_MATCH.read(arguments)?;
    let window = window(arguments, now)?;
    let mut filter = Filter::default().with_created(window.after_ms, window.before_ms);
    if !tags.is_empty() {
        filter = filter
            .with_tags(&tags, tag_match)
            .map_err(ArgumentError::refused)?;
    }
    if let Some(memory_type) = MEMORY_TYPE.read(arguments)? {
        filter = filter
            .with_type(&memory_type)
            .map_err(ArgumentError::refused)?;
    }
    // Tags of which nothing is left after cleaning restrict nothing; a delete must not take them for a filter.
    let is_narrow = !filter.is_open();
    let project = PROJECT.read(arguments)?;
    if let Some(project) = project.filter(|project| !project.is_empty()) {
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
    let phrase = |phrase: &str| time_phrase::parse(phrase, now);
    let start = |text: &str| time_phrase::parse_start(text, now);
    let in_words = time(&TIME_EXPR, arguments, phrase)?.unwrap_or_default();
    let window = in_words.and(Window {
        after_ms: time(&AFTER, arguments, start)?,
        before_ms: time(&BEFORE, arguments, start)?,
    });
    match (window.after_ms, window.before_ms) {
        (Some(after), Some(before)) if after >= before => Err(ArgumentError::Refused(
            "the time asked for is empty: `after` must be earlier than `before`".to_owned(),
        )),
        _ => Ok(window),
    }
}

/// Reads the argument `row` as a time.
fn time<T>(
    row: &Argument<Text>,
    arguments: &Arguments,
    parse: impl Fn(&str) -> Result<T, TimePhraseError>,
) -> Result<Option<T>, ArgumentError> {
    let Some(text) = row.read(arguments)? else {
        return Ok(None);
    };
    let parsed = parse(&text).map_err(|error| row.wrong(error.to_string(), &text))?;
    Ok(Some(parsed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn selection(given: Value) -> Result<Selection, String> {
        let given = given.as_object().expect("an object").clone();
        let now = "2025-11-19T15:30:00[UTC]".parse().unwrap();
        let arguments = Arguments::new("memory_search", given, &[ARGUMENTS]).unwrap();
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
        assert!(error.ends_with("got `\"when pigs fly\"`"), "{error}");
        let error = selection(json!({"after": "2025-02-01", "before": "2025-01-01"})).unwrap_err();
        assert!(
            error.contains("`after` must be earlier than `before`"),
            "{error}"
        );
    }
}
