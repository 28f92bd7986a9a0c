//! The file's text with changes of settings in it.

use commonplace_api::settings::SettingsChange;
use serde_json::Value;

use super::edit;

/// Returns `text` with the changes in it; null takes a key out.
pub(super) fn edited(text: &str, change: &SettingsChange) -> Result<String, toml::de::Error> {
    let mut text = text.to_owned();
    for (key, value) in &change.0 {
        text = match toml_value(value) {
            Some(value) => edit::set(&text, key, &value)?,
            None => edit::reset(&text, key)?,
        };
    }
    Ok(text)
}

/// Returns the value in the file's words; None for what no setting can be.
fn toml_value(value: &Value) -> Option<toml::Value> {
    match value {
        Value::Bool(value) => Some(toml::Value::Boolean(*value)),
        Value::Number(number) => number.as_i64().map(toml::Value::Integer),
        Value::String(text) => Some(toml::Value::String(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
