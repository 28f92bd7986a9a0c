//! What models send for an argument that they do not want to give.

use serde_json::Value;

/// Says whether `given` says nothing: null, blank text, a word for null, an empty list or object.
pub(crate) fn is_nothing(given: &Value) -> bool {
    match given {
        Value::String(text) => text.trim().is_empty() || is_word_for_nothing(text),
        _ => is_empty(given),
    }
}

/// Says whether `given` is null or an empty list or object: what says nothing also where any text means itself.
pub(super) fn is_empty(given: &Value) -> bool {
    match given {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Says whether a text is how JSON, Python or JavaScript spell that there is nothing.
pub fn is_word_for_nothing(text: &str) -> bool {
    let words = ["null", "none", "undefined"];
    words
        .iter()
        .any(|word| text.trim().eq_ignore_ascii_case(word))
}

/// Says whether `given` is the number zero.
pub(super) fn is_zero(given: &Value) -> bool {
    given.as_f64() == Some(0.0)
}
