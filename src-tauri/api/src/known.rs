//! Words of the contract: how they are read if a newer host has more of them, and how they are shown.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Reads a value; what is not known here is the default. For enums whose variants hold something: `#[serde(other)]` takes
/// none that holds anything.
pub(crate) fn known<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// Writes a value as the word that it is in JSON.
pub(crate) fn write_word(value: &impl Serialize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let word = serde_json::to_value(value).map_err(|_| fmt::Error)?;
    f.pad(word.as_str().ok_or(fmt::Error)?)
}

/// Shows enums as the words that they are in JSON, such as `held_by_unknown`.
macro_rules! shown_as_words {
    ($($kind:path),* $(,)?) => {
        $(impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                crate::known::write_word(self, f)
            }
        })*
    };
}

pub(crate) use shown_as_words;
