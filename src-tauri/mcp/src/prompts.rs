//! Prompts: texts that a person picks in the client.

use jiff::Zoned;
use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::arguments::is_nothing;
use crate::time_phrase;

/// One argument of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PromptArgumentSpec {
    /// Its name; it may always be left out.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) description: &'static str,
}

/// One prompt that clients can list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PromptSpec {
    /// Its name.
    pub(crate) name: &'static str,
    /// What people see.
    pub(crate) title: &'static str,
    /// What it does.
    pub(crate) description: &'static str,
    /// Its arguments.
    pub(crate) arguments: &'static [PromptArgumentSpec],
}

/// Describes the prompts.
///
/// Some clients split what is typed behind a prompt's name at blanks, quotes or not, and lose what comes after the last
/// argument (Claude Code 2.1.332). So there is an argument for each word of the longest documented use, and
/// [`message`] joins them again.
pub(crate) const SPECS: [PromptSpec; 1] = [PromptSpec {
    name: "memory_review",
    title: "Review memories",
    description: "Go through the memories of a period and put them in order. Usage: the period, then what it is about, both \
        optional: `last week auth`, `7d`, `last_week auth tokens`, `between March and May auth tokens`",
    arguments: &[
        PromptArgumentSpec {
            name: "time_period",
            description: "Which period, such as `last week` (the default), `last_week` or `7d`",
        },
        PromptArgumentSpec {
            name: "focus_area",
            description: "What to limit the review to, in words",
        },
        further("word_3"),
        further("word_4"),
        further("word_5"),
        further("word_6"),
        further("word_7"),
        further("word_8"),
    ],
}];

const fn further(name: &'static str) -> PromptArgumentSpec {
    PromptArgumentSpec {
        name,
        description: "A further word, where the client splits at blanks",
    }
}

/// Writes the message of a prompt; None if there is no such prompt.
pub(crate) fn message(name: &str, arguments: &Map<String, Value>) -> Option<String> {
    let spec = SPECS.iter().find(|spec| spec.name == name)?;
    let given = |spec: &PromptArgumentSpec| {
        let text = arguments
            .get(spec.name)
            .filter(|value| !is_nothing(value))?;
        text.as_str().map(str::trim)
    };
    let given: Vec<&str> = spec.arguments.iter().filter_map(given).collect();
    let (period, focus) = period_and_focus(&given);
    let focus = match focus.as_str() {
        "" => focus,
        focus => format!(" about {focus}"),
    };
    Some(format!(
        "Review the memories stored in this time: {period}. Find those{focus} with memory_search or memory_list \
         (argument time_expr), page by page. Then say what matters most, which of them contradict each other, which are \
         out of date and which are badly tagged, and propose the calls of memory_update and memory_delete that put this \
         right. Make no change before I agree."
    ))
}

/// Tells the period from what it is about, whether the client split what was typed or not.
fn period_and_focus(given: &[&str]) -> (String, String) {
    let now = any_day();
    let is_split = !given.iter().any(|text| text.contains(char::is_whitespace));
    let is_time = |text: &str| time_phrase::parse(text, &now).is_ok();
    if let [period, focus @ ..] = given
        && !is_split
        && is_time(period)
    {
        return (spaced(period), focus.join(" "));
    }
    let typed = given.join(" ");
    match time_phrase::leading(&typed, &now) {
        Some(found) => (spaced(&found.phrase), found.rest),
        None => ("last week".to_owned(), typed),
    }
}

/// Writes a phrase without what kept its words together.
fn spaced(phrase: &str) -> String {
    phrase.replace('_', " ").replace('"', "")
}

/// A day from which phrases are read. Whether words are a time does not depend on it, and only that is asked here.
fn any_day() -> Zoned {
    let day = date(2024, 7, 1).to_zoned(TimeZone::UTC);
    day.expect("UTC has every day")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn review(arguments: Value) -> String {
        message("memory_review", arguments.as_object().unwrap()).unwrap()
    }

    #[test]
    fn the_review_asks_about_the_time_given() {
        assert!(review(json!({})).contains("this time: last week. Find those with"));
        let text = review(json!({"time_period": "yesterday", "focus_area": "auth"}));
        assert!(
            text.contains("this time: yesterday. Find those about auth with"),
            "{text}"
        );
        assert_eq!(message("other", &Map::new()), None);
    }

    /// What Claude Code makes of a line: words at blanks, one for each argument, the rest lost.
    fn split(line: &str) -> Value {
        let arguments = SPECS[0].arguments.iter();
        let words = line.split_whitespace().map(|word| json!(word));
        let given = arguments
            .map(|argument| argument.name.to_owned())
            .zip(words);
        Value::Object(given.collect())
    }

    // `/memory_review last week auth` asked about the time `last` and the focus `week`.
    #[test]
    fn period_and_focus_survive_a_client_that_splits_at_blanks() {
        let table = [
            ("", "last week", ""),
            ("last week", "last week", ""),
            ("last week auth", "last week", "auth"),
            ("last_week auth", "last week", "auth"),
            ("last_week auth tokens", "last week", "auth tokens"),
            ("last_week auth_tokens", "last week", "auth_tokens"),
            ("7d deploy", "7d", "deploy"),
            ("yesterday", "yesterday", ""),
            ("3 days ago failed deploys", "3 days ago", "failed deploys"),
            (
                "between March and May auth tokens",
                "between March and May",
                "auth tokens",
            ),
            (
                "2025-01-01 to 2025-01-31 costs",
                "2025-01-01 to 2025-01-31",
                "costs",
            ),
            ("March 2024 auth", "March 2024", "auth"),
            ("march auth", "march", "auth"),
            ("may", "may", ""),
            ("auth", "last week", "auth"),
            (
                "auth tokens of the api",
                "last week",
                "auth tokens of the api",
            ),
            ("spring boot", "last week", "spring boot"),
            ("\"last week\" auth", "last week", "auth"),
        ];
        for (line, period, focus) in table {
            let text = review(split(line));
            let focus = match focus {
                "" => String::new(),
                focus => format!(" about {focus}"),
            };
            let wanted = format!("stored in this time: {period}. Find those{focus} with ");
            assert!(text.contains(&wanted), "given {line}: {text}");
        }
    }

    #[test]
    fn a_client_with_a_field_for_each_argument_is_taken_at_its_word() {
        let table = [
            (
                json!({"time_period": "last week", "focus_area": "march plans"}),
                "last week",
                "march plans",
            ),
            (
                json!({"time_period": "march", "focus_area": "2024 plans"}),
                "march",
                "2024 plans",
            ),
            (
                json!({"time_period": "last week auth"}),
                "last week",
                "auth",
            ),
            (
                json!({"time_period": "null", "focus_area": "auth tokens"}),
                "last week",
                "auth tokens",
            ),
        ];
        for (given, period, focus) in table {
            let text = review(given);
            let wanted = format!("time: {period}. Find those about {focus} with");
            assert!(text.contains(&wanted), "{text}");
        }
    }
}
