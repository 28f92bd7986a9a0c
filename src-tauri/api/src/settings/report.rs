//! Settings as a host or a command sees them, and what is asked of them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{SETTINGS, Setting, SettingDomain};

/// Every setting of a store, as a host or a command sees them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SettingsReport {
    /// The file that keeps them.
    pub path: String,
    /// Why the file is not in use as it stands, if it is not; the values from before stay in force.
    pub problem: Option<String>,
    /// The settings, in the order of the file.
    pub settings: Vec<SettingStatus>,
}

/// One setting of a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SettingStatus {
    /// Its name in the file.
    pub key: String,
    /// What people call it; empty from an older host.
    #[serde(default)]
    pub title: String,
    /// The value in force.
    pub value: Value,
    /// The value without file, environment and flags.
    pub default: Value,
    /// What it may be.
    #[serde(default)]
    pub domain: SettingDomain,
    /// The same in words.
    pub range: String,
    /// What a number counts, such as `s`; None for words.
    pub unit: Option<String>,
    /// What it does, in a sentence or two.
    pub about: String,
    /// Where the value in force comes from: `default`, `settings.toml`, or the flag or variable that wins over the file.
    pub source: String,
    /// Whether a flag or a variable wins over the file, so that it cannot be changed here.
    pub is_fixed: bool,
    /// Whether a change takes effect at once, or when the host starts the next time.
    pub is_live: bool,
    /// The value after the next start, if it is another than the one in force.
    pub next: Option<Value>,
}

/// Changes of settings, all or none: each key with its new value, or with null for the default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SettingsChange(pub Map<String, Value>);

impl JsonSchema for SettingsChange {
    fn schema_name() -> Cow<'static, str> {
        "SettingsChange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let field = |setting: &Setting| (setting.key.to_owned(), setting.schema());
        let fields: Map<String, Value> = SETTINGS.iter().map(field).collect();
        json_schema!({
            "type": "object",
            "description": "Changes of settings, all or none: each key with its new value, or with null for the default.",
            "additionalProperties": false,
            "properties": fields,
        })
    }
}
