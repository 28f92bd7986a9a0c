//! Reads the arguments that restrict which memories a tool looks at.

use commonplace_engine::{Filter, TagMatch};
use jiff::Zoned;
use serde_json::json;

use crate::arguments::{
    Argument, ArgumentError, Arguments, BlankText, Choice, Partition, Row, Text, Words,
};
use crate::scope::Scope;
use crate::time_phrase::{Asked, AskedError, TimePhraseError, Understood, understand};

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
    "When it was stored, in words: yesterday, last week, 7d, 3 days ago, March 2024, between Monday and Friday",
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
    pub(crate) time: Understood,
    /// The project, if one restricts it, and what restricts it besides.
    pub(crate) scope: Option<Scope>,
    /// Whether tags, a type or a time restrict it; a project alone does not count.
    pub(crate) is_narrow: bool,
}

/// What happens if a time can be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDoubt {
    /// The usual one is taken, and the answer says so.
    Note,
    /// The call is refused: a wrong reading would delete the wrong memories.
    Refuse,
}

/// Reads the restrictions of a call.
pub(crate) fn read(
    arguments: &Arguments,
    now: &Zoned,
    on_doubt: OnDoubt,
) -> Result<Selection, ArgumentError> {
    let tags = TAGS.read(arguments)?;
    let tag_match = TAG_MATCH.read(arguments)?;
    let time = time(arguments, now, on_doubt)?;
    let mut filter = Filter::default().with_created(time.after_ms, time.before_ms);
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
    let scope = project
        .filter(|project| !project.is_empty())
        .map(|project| Scope {
            project,
            elsewhere: filter.clone(),
        });
    if let Some(scope) = &scope {
        filter = filter
            .with_project(&scope.project)
            .map_err(ArgumentError::refused)?;
    }
    Ok(Selection {
        filter,
        tags,
        tag_match,
        time,
        scope,
        is_narrow,
    })
}

/// Reads the time that memories were stored in: everything that was given must hold.
fn time(
    arguments: &Arguments,
    now: &Zoned,
    on_doubt: OnDoubt,
) -> Result<Understood, ArgumentError> {
    let phrase = TIME_EXPR.read(arguments)?;
    let (after, before) = (AFTER.read(arguments)?, BEFORE.read(arguments)?);
    let asked = Asked {
        phrase: phrase.as_deref().map(|text| ("time_expr", text)),
        after: after.as_deref().map(|text| ("after", text)),
        before: before.as_deref().map(|text| ("before", text)),
    };
    let understood = understand(asked, now).map_err(|error| match error {
        AskedError::Unreadable { argument, given } => {
            ArgumentError::wrong(argument, TimePhraseError.to_string(), &json!(given))
        }
        AskedError::Empty => ArgumentError::refused(error),
    })?;
    for doubt in &understood.doubts {
        match on_doubt {
            OnDoubt::Note => arguments.note(doubt.note()),
            OnDoubt::Refuse => return Err(ArgumentError::Refused(doubt.refusal())),
        }
    }
    Ok(understood)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn selection(given: Value) -> Result<Selection, String> {
        let given = given.as_object().expect("an object").clone();
        let now = "2025-11-19T15:30:00[UTC]".parse().unwrap();
        let arguments = Arguments::new("memory_search", given, &[ARGUMENTS]).unwrap();
        read(&arguments, &now, OnDoubt::Note).map_err(|error| error.to_string())
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
            json!({"before": 0, "after": "null", "time_expr": "None", "memory_type": "undefined", "tags": "null"}),
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
        let window = selection(given).unwrap().time;
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

    #[test]
    fn numbers_are_times_too() {
        let given = json!({"after": 1_737_884_000, "before": 1_737_884_000_500_i64});
        let time = selection(given).unwrap().time;
        let wanted = (Some(1_737_884_000_000), Some(1_737_884_000_500));
        assert_eq!((time.after_ms, time.before_ms), wanted);
    }

    #[test]
    fn a_date_that_countries_read_differently_is_taken_with_a_note_or_refused() {
        let given = json!({"before": "03/04/2025"});
        let now = "2025-11-19T15:30:00[UTC]".parse().unwrap();
        let arguments = || {
            let given = given.as_object().unwrap().clone();
            Arguments::new("memory_search", given, &[ARGUMENTS]).unwrap()
        };
        let noted = arguments();
        let time = read(&noted, &now, OnDoubt::Note).unwrap().time;
        assert_eq!(
            crate::answer::iso(time.before_ms.unwrap()),
            "2025-04-03T00:00:00Z"
        );
        assert_eq!(
            noted.into_notes(),
            [
                "`before`: `03/04/2025` was read as 2025-04-03, not as 2025-03-04; write dates as YYYY-MM-DD to be sure"
            ]
        );
        let error = read(&arguments(), &now, OnDoubt::Refuse).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`before`: `03/04/2025` can be read as 2025-04-03 or as 2025-03-04, and nothing was done: write the one \
             that is meant, dates as YYYY-MM-DD"
        );
    }
}
