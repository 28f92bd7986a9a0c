//! Reads the arguments of a tool call.
//!
//! Models and old prompts write arguments in many ways: numbers as strings, tags as a list, as comma text or as a JSON
//! list inside a string. What is clear is accepted; what is not gets an error that names the argument, says what was
//! given and what is wanted, so that the model can repair its call.

use serde_json::{Map, Value};

use crate::nearest::nearest;

/// Tells why the arguments of a tool call cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentError {
    /// A needed argument is not there.
    #[error("{name} is required")]
    Missing { name: &'static str },
    /// An argument has the wrong type or value.
    #[error("argument `{name}` must be {wanted}; given was {given}")]
    Wrong {
        name: String,
        wanted: String,
        given: String,
    },
    /// The tool has no such argument.
    #[error("`{tool}` has no argument `{name}`{hint}; it takes {known}")]
    Unknown {
        tool: &'static str,
        name: String,
        hint: String,
        known: String,
    },
    /// The arguments are fine one by one, but what they ask for is not.
    #[error("{0}")]
    Refused(String),
}

impl ArgumentError {
    /// Makes an error for an argument whose value is wrong.
    pub(crate) fn wrong(name: &str, wanted: impl Into<String>, given: &Value) -> Self {
        Self::Wrong {
            name: name.to_owned(),
            wanted: wanted.into(),
            given: shown(given),
        }
    }

    /// Takes over the message of an error of the engine's checked types.
    pub(crate) fn refused(error: impl std::fmt::Display) -> Self {
        Self::Refused(error.to_string())
    }
}

/// The arguments of one call, read by name. Null counts as not given.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    given: Map<String, Value>,
}

impl Arguments {
    /// Takes the arguments of a call to `tool`, and refuses names that are not among `known`.
    pub(crate) fn new(
        tool: &'static str,
        mut given: Map<String, Value>,
        known: &[&'static str],
    ) -> Result<Self, ArgumentError> {
        given.retain(|_, value| !value.is_null());
        if let Some(name) = given.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(unknown(tool, name, known));
        }
        Ok(Self { given })
    }

    /// Reads a text. A number or truth value is taken by its spelling; a list or object is refused.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<String>, ArgumentError> {
        let Some(value) = self.given.get(name) else {
            return Ok(None);
        };
        match value {
            Value::String(text) => Ok(Some(text.clone())),
            Value::Number(number) => Ok(Some(number.to_string())),
            Value::Bool(truth) => Ok(Some(truth.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                Err(ArgumentError::wrong(name, "a text", value))
            }
        }
    }

    /// Reads a text that is kept or searched for: nothing but a text will do.
    pub(crate) fn prose(&self, name: &'static str) -> Result<Option<String>, ArgumentError> {
        match self.given.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(value) => Err(ArgumentError::wrong(name, "a text", value)),
        }
    }

    /// Reads a text that is not blank; a blank one counts as not given.
    pub(crate) fn filled(&self, name: &'static str) -> Result<Option<String>, ArgumentError> {
        Ok(self
            .text(name)?
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty()))
    }

    /// Reads a whole number, also one written as a string or with `.0`.
    pub(crate) fn integer(&self, name: &'static str) -> Result<Option<i64>, ArgumentError> {
        let Some(value) = self.given.get(name) else {
            return Ok(None);
        };
        whole(value)
            .map(Some)
            .ok_or_else(|| ArgumentError::wrong(name, "a whole number", value))
    }

    /// Reads yes or no, also written as a string or as 0 or 1.
    pub(crate) fn truth(&self, name: &'static str) -> Result<Option<bool>, ArgumentError> {
        let Some(value) = self.given.get(name) else {
            return Ok(None);
        };
        let truth = match value {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => match text.trim().to_lowercase().as_str() {
                "true" | "yes" | "1" => Some(true),
                "false" | "no" | "0" | "" => Some(false),
                _ => None,
            },
            Value::Number(_) => whole(value).filter(|n| (0..=1).contains(n)).map(|n| n == 1),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        truth
            .map(Some)
            .ok_or_else(|| ArgumentError::wrong(name, "true or false", value))
    }

    /// Reads one of the words in `table`, in any case.
    pub(crate) fn one_of<T: Copy>(
        &self,
        name: &'static str,
        table: &[(&str, T)],
    ) -> Result<Option<T>, ArgumentError> {
        let Some(text) = self.filled(name)? else {
            return Ok(None);
        };
        let found = table
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(&text));
        found.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
            let words: Vec<_> = table.iter().map(|(word, _)| format!("`{word}`")).collect();
            ArgumentError::wrong(
                name,
                format!("one of {}", words.join(", ")),
                &Value::String(text),
            )
        })
    }

    /// Reads a list of words such as tags; see [`words`].
    pub(crate) fn words(&self, name: &'static str) -> Result<Vec<String>, ArgumentError> {
        self.given
            .get(name)
            .map_or(Ok(Vec::new()), |value| words(name, value))
    }

    /// Reads an object, also one written as JSON inside a string.
    pub(crate) fn object(
        &self,
        name: &'static str,
    ) -> Result<Option<Map<String, Value>>, ArgumentError> {
        let Some(value) = self.given.get(name) else {
            return Ok(None);
        };
        let map = match value {
            Value::Object(map) => Some(map.clone()),
            Value::String(text) if text.trim().is_empty() => Some(Map::new()),
            Value::String(text) => serde_json::from_str(text).ok(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        };
        map.map(Some).ok_or_else(|| {
            ArgumentError::wrong(name, "an object such as {\"key\": \"value\"}", value)
        })
    }
}

/// Reads words from a list, from comma text, or from a JSON list inside a string. Blank ones are left out.
pub(crate) fn words(name: &str, value: &Value) -> Result<Vec<String>, ArgumentError> {
    let wrong = || ArgumentError::wrong(name, "a list of texts or comma text", value);
    let given = match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items
            .iter()
            .map(|item| word(item).ok_or_else(wrong))
            .collect::<Result<_, _>>()?,
        Value::String(text) if text.trim_start().starts_with('[') => {
            match serde_json::from_str(text) {
                Ok(Value::Array(items)) => items
                    .iter()
                    .map(|item| word(item).ok_or_else(wrong))
                    .collect::<Result<_, _>>()?,
                // `[draft], urgent` is comma text that happens to begin with a bracket.
                _ => split(text),
            }
        }
        Value::String(text) => split(text),
        Value::Number(number) => vec![number.to_string()],
        Value::Bool(_) | Value::Object(_) => return Err(wrong()),
    };
    Ok(given
        .into_iter()
        .filter(|word: &String| !word.trim().is_empty())
        .collect())
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn split(text: &str) -> Vec<String> {
    text.split(',').map(|word| word.trim().to_owned()).collect()
}

fn whole(value: &Value) -> Option<i64> {
    let from_float = |f: f64| (f.fract() == 0.0 && f.abs() < 9e15).then_some(f as i64);
    match value {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().and_then(from_float)),
        Value::String(text) => {
            let text = text.trim();
            text.parse()
                .ok()
                .or_else(|| text.parse().ok().and_then(from_float))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn unknown(tool: &'static str, name: &str, known: &[&'static str]) -> ArgumentError {
    let hint =
        nearest(name, known.iter().copied()).map(|near| format!(" (did you mean `{near}`?)"));
    let listed = crate::legacy_arguments::without_legacy(tool, known);
    let known = match listed.as_slice() {
        [] => "no arguments".to_owned(),
        names => names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    ArgumentError::Unknown {
        tool,
        name: short(name),
        hint: hint.unwrap_or_default(),
        known,
    }
}

/// Shows a value in an error: its JSON, cut where it becomes long.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            format!("`{}`", short(&value.to_string()))
        }
    }
}

fn short(text: &str) -> String {
    let text = commonplace_engine::clean::clean_line(text);
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn arguments(value: Value) -> Arguments {
        let Value::Object(given) = value else {
            panic!("an object")
        };
        let known = ["a", "tags", "metadata", "limit", "mode", "flag"];
        Arguments::new("memory_store", given, &known).unwrap()
    }

    #[test]
    fn tags_are_read_in_every_spelling() {
        let table = [
            (json!(["a", "b"]), vec!["a", "b"]),
            (json!("a, b ,"), vec!["a", "b"]),
            (json!("[\"a\", \"b\"]"), vec!["a", "b"]),
            (json!("[draft], b"), vec!["[draft]", "b"]),
            (json!(["2024", 7]), vec!["2024", "7"]),
            (json!(["a,b"]), vec!["a,b"]),
            (json!(""), vec![]),
            (json!(null), vec![]),
        ];
        for (given, wanted) in table {
            assert_eq!(
                arguments(json!({"tags": given})).words("tags").unwrap(),
                wanted,
                "given {given}"
            );
        }
        for wrong in [json!({"a": 1}), json!(true), json!([["a"]])] {
            assert!(
                arguments(json!({"tags": wrong})).words("tags").is_err(),
                "given {wrong}"
            );
        }
    }

    #[test]
    fn numbers_are_read_in_every_spelling() {
        let table = [
            (json!(5), Some(5)),
            (json!("5"), Some(5)),
            (json!(5.0), Some(5)),
            (json!(" 5.0 "), Some(5)),
            (json!(-1), Some(-1)),
            (json!(1_000_000_000), Some(1_000_000_000)),
            (json!(5.5), None),
            (json!("five"), None),
            (json!(1e300), None),
            (json!("NaN"), None),
            (json!([5]), None),
        ];
        for (given, wanted) in table {
            assert_eq!(
                arguments(json!({"limit": given}))
                    .integer("limit")
                    .ok()
                    .flatten(),
                wanted,
                "given {given}"
            );
        }
        assert_eq!(
            arguments(json!({"limit": null})).integer("limit"),
            Ok(None),
            "null counts as not given"
        );
    }

    #[test]
    fn yes_and_no_are_read_in_every_spelling() {
        for (given, wanted) in [
            (json!(true), true),
            (json!("True"), true),
            (json!("no"), false),
            (json!(0), false),
        ] {
            assert_eq!(
                arguments(json!({"flag": given})).truth("flag"),
                Ok(Some(wanted)),
                "given {given}"
            );
        }
        assert!(arguments(json!({"flag": "perhaps"})).truth("flag").is_err());
    }

    #[test]
    fn an_object_may_be_json_inside_a_string() {
        let wanted = json!({"k": 1});
        for given in [json!({"k": 1}), json!("{\"k\": 1}")] {
            let map = arguments(json!({"metadata": given}))
                .object("metadata")
                .unwrap();
            assert_eq!(map.map(Value::Object), Some(wanted.clone()));
        }
        assert!(
            arguments(json!({"metadata": "k=1"}))
                .object("metadata")
                .is_err()
        );
    }

    #[test]
    fn errors_name_the_argument_what_was_given_and_what_is_wanted() {
        let modes = [("hybrid", 1), ("exact", 2)];
        let messages = [
            arguments(json!({"limit": "many"}))
                .integer("limit")
                .unwrap_err()
                .to_string(),
            arguments(json!({"a": {"b": 1}}))
                .text("a")
                .unwrap_err()
                .to_string(),
            arguments(json!({"mode": "fuzzy"}))
                .one_of("mode", &modes)
                .unwrap_err()
                .to_string(),
            arguments(json!({"tags": {}}))
                .words("tags")
                .unwrap_err()
                .to_string(),
            arguments(json!({"limit": "x".repeat(1000)}))
                .integer("limit")
                .unwrap_err()
                .to_string(),
        ];
        let wanted = [
            "argument `limit` must be a whole number; given was `\"many\"`".to_owned(),
            "argument `a` must be a text; given was an object".to_owned(),
            "argument `mode` must be one of `hybrid`, `exact`; given was `\"fuzzy\"`".to_owned(),
            "argument `tags` must be a list of texts or comma text; given was an object".to_owned(),
            format!(
                "argument `limit` must be a whole number; given was `\"{}…`",
                "x".repeat(59)
            ),
        ];
        assert_eq!(messages, wanted);
    }

    #[test]
    fn an_unknown_argument_is_refused_with_the_nearest_known_one() {
        let Value::Object(given) = json!({"contnet": "x"}) else {
            panic!("an object")
        };
        let error = Arguments::new(
            "memory_store",
            given,
            &["content", "tags", "conversation_id"],
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`memory_store` has no argument `contnet` (did you mean `content`?); it takes `content`, `tags`"
        );
    }
}
