//! Changes of settings as a client gives them, in JSON, and the file's text with them.

use serde_json::Value;

use super::edit;

/// Changes of settings: each key with its new value, or with None for the default.
pub(crate) type Changes = [(String, Option<Value>)];

/// Returns `text` with the changes in it.
pub(super) fn edited(text: &str, changes: &Changes) -> Result<String, toml::de::Error> {
    let mut text = text.to_owned();
    for (key, value) in changes {
        text = match value.as_ref().and_then(toml_value) {
            Some(value) => edit::set(&text, key, &value)?,
            None => edit::reset(&text, key)?,
        };
    }
    Ok(text)
}

/// Returns the value in the file's words; None for what no setting can be.
pub(super) fn toml_value(value: &Value) -> Option<toml::Value> {
    match value {
        Value::Bool(value) => Some(toml::Value::Boolean(*value)),
        Value::Number(number) => whole(number).map(toml::Value::Integer),
        Value::String(text) => Some(toml::Value::String(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns a whole number; to JSON, `3.0` is one as well.
fn whole(number: &serde_json::Number) -> Option<i64> {
    let from_float = || {
        let float = number.as_f64()?;
        // Beyond this, a float does not tell whole numbers apart.
        let is_whole = float.fract() == 0.0 && float.abs() < 9e15;
        is_whole.then_some(float as i64)
    };
    number.as_i64().or_else(from_float)
}
