//! Why the arguments of a call cannot be used, in words that let a model repair it.

use serde_json::Value;

/// Tells why the arguments of a tool call cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentError {
    /// A needed argument is not there.
    #[error("{name} is required")]
    Missing { name: &'static str },
    /// An argument has the wrong type or value.
    #[error("argument `{name}` must be {wanted}; got {given}")]
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

/// Writes a value as errors and notes show it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            format!("`{}`", short(&value.to_string()))
        }
    }
}

/// Cleans a text that somebody gave, and cuts it to what an error shows of it.
pub(super) fn short(text: &str) -> String {
    let text = commonplace_engine::clean::clean_line(text);
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
