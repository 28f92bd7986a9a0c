//! The answer of a tool: a text that people and old prompts know, and the same as structured content.

use commonplace_engine::clean::{clean, clean_line};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::budget;
use crate::readers::Forms;
use crate::redact::{Replaced, told};

/// Longest text of a failed call: Claude Code cuts it at about 10,000 characters.
const ERROR_MAX: usize = 9_000;

/// What a tool answers, before it is brought into the form of the protocol.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    body: Body,
    structured: Map<String, Value>,
    notes: Vec<String>,
    is_error: bool,
}

/// How the text of an answer comes about.
#[derive(Debug, Clone, PartialEq)]
enum Body {
    /// It is this text.
    Text(String),
    /// It is the structured content as JSON, with a line for each memory.
    Json,
    /// It is the structured content as indented JSON below a heading.
    Report(&'static str),
}

/// An answer as it goes out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finished {
    /// What a person reads.
    pub(crate) text: String,
    /// What a program reads; always an object.
    pub(crate) structured: Value,
    /// Whether the tool failed.
    pub(crate) is_error: bool,
    /// Which of both the client gets.
    pub(crate) forms: Forms,
}

impl Finished {
    /// Its JSON and its text, as they go out.
    pub(crate) fn written(&self) -> (String, &str) {
        (self.structured.to_string(), &self.text)
    }
}

impl Answer {
    /// Answers with `text`, and with `structured` (an object) for programs.
    pub(crate) fn text(text: impl Into<String>, structured: Value) -> Self {
        Self::new(Body::Text(text.into()), structured)
    }

    /// Answers with `structured` (an object), of which the text is the JSON.
    pub(crate) fn json(structured: Value) -> Self {
        Self::new(Body::Json, structured)
    }

    /// Answers with `structured` (an object) as indented JSON below `heading`.
    pub(crate) fn report(heading: &'static str, structured: Value) -> Self {
        Self::new(Body::Report(heading), structured)
    }

    /// Answers that the tool failed; `code` is a stable word for programs.
    pub(crate) fn error(text: impl Into<String>, code: &str) -> Self {
        let text = text.into();
        let text = budget::shorten(&text, ERROR_MAX).unwrap_or(text);
        let structured = json!({ "error": code, "message": text });
        Self {
            is_error: true,
            ..Self::new(Body::Text(text), structured)
        }
    }

    fn new(body: Body, structured: Value) -> Self {
        let structured = match structured {
            Value::Object(map) => map,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        Self {
            body,
            structured,
            notes: Vec::new(),
            is_error: false,
        }
    }

    /// Adds sentences that stand below the text and in `notes` of the structured content.
    pub(crate) fn with_notes(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }

    /// Says which secrets were replaced where, if any were; never the secrets.
    pub(crate) fn with_replaced(self, replaced: &[Replaced]) -> Self {
        if replaced.is_empty() {
            return self;
        }
        let note = format!("secrets were replaced before storing: {}", told(replaced));
        self.with_facts(json!({ "replaced": replaced }))
            .with_notes([note])
    }

    /// Adds `facts` (an object) to the structured content.
    pub(crate) fn with_facts(mut self, facts: Value) -> Self {
        if let Value::Object(facts) = facts {
            self.structured.extend(facts);
        }
        self
    }

    /// Brings the parts together.
    pub(crate) fn finish(mut self) -> Finished {
        if !self.notes.is_empty() {
            self.structured
                .insert("notes".to_owned(), json!(self.notes));
        }
        let structured = Value::Object(self.structured);
        let text = match self.body {
            Body::Text(text) => self
                .notes
                .iter()
                .fold(text, |text, note| format!("{text}\nNote: {note}")),
            Body::Json => in_lines(&structured),
            Body::Report(heading) => format!("{heading}\n{structured:#}"),
        };
        Finished {
            text,
            structured,
            is_error: self.is_error,
            forms: Forms::Both,
        }
    }
}

/// Writes an object as JSON: a line for each memory, after lines with all that is said about them; without memories, one
/// line. A client that cuts by lines shows the first ones then, and where to go on.
fn in_lines(structured: &Value) -> String {
    let rows = structured.get("memories").and_then(Value::as_array);
    let (Some(rows), Some(all)) = (rows, structured.as_object()) else {
        return structured.to_string();
    };
    let facts = all.iter().filter(|(key, _)| *key != "memories");
    let mut text = String::from("{\n");
    for (key, value) in facts {
        text.push_str(&format!("{}:{value},\n", Value::from(key.as_str())));
    }
    let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
    text.push_str(&format!("\"memories\":[\n{}\n]}}", rows.join(",\n")));
    text
}

/// Cleans every text inside a JSON value.
pub(crate) fn clean_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean(text)),
        Value::Array(items) => items.iter().map(clean_value).collect(),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (clean_line(key), clean_value(value)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Writes an instant as ISO text in UTC, to the second, as the Python service does.
pub(crate) fn iso(at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Writes how long ago `at_ms` was, in the largest fitting unit.
pub(crate) fn ago(at_ms: i64, now_ms: i64) -> String {
    let seconds = (now_ms - at_ms).max(0) / 1000;
    let table = [
        (86_400 * 365, "year"),
        (86_400 * 30, "month"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let unit = table.iter().find(|(length, _)| seconds >= *length);
    match unit.map(|(length, name)| (seconds / length, *name)) {
        None => "just now".to_owned(),
        Some((1, name)) => format!("1 {name} ago"),
        Some((count, name)) => format!("{count} {name}s ago"),
    }
}

/// Writes a number with thousands separators, as the guide shows it: `1,523`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_stand_below_the_text_and_in_the_structured_content() {
        let finished = Answer::text("Done", json!({"count": 1}))
            .with_notes(["a".to_owned(), "b".to_owned()])
            .finish();
        assert_eq!(finished.text, "Done\nNote: a\nNote: b");
        assert_eq!(
            finished.structured,
            json!({"count": 1, "notes": ["a", "b"]})
        );
        let finished = Answer::json(json!({"count": 1}))
            .with_notes(["a".to_owned()])
            .finish();
        assert_eq!(
            finished.text, r#"{"count":1,"notes":["a"]}"#,
            "the text stays JSON"
        );
    }

    #[test]
    fn a_failed_call_says_no_more_than_clients_show() {
        let finished = Answer::error("word ".repeat(5_000), "x").finish();
        assert!(finished.text.len() <= 9_000 && finished.text.ends_with('…'));
    }

    #[test]
    fn numbers_and_times_are_written_as_users_know_them() {
        let table = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_523, "1,523"),
            (1_234_567, "1,234,567"),
        ];
        for (number, wanted) in table {
            assert_eq!(thousands(number), wanted);
        }
        assert_eq!(iso(1_737_887_445_999), "2025-01-26T10:30:45Z");
        let ages = [
            (0, "just now"),
            (1_000, "1 second ago"),
            (200_000, "3 minutes ago"),
            (90_000_000, "1 day ago"),
            (-5, "just now"),
        ];
        for (age_ms, wanted) in ages {
            assert_eq!(ago(1_000_000_000 - age_ms, 1_000_000_000), wanted);
        }
    }
}
