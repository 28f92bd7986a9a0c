//! Arguments that the Python service knows and this program does not need.
//!
//! A prompt or an agent that was written for its versions 10 to 12 keeps working: none of these is an error. Where one
//! asks for something that does not happen here, the answer says so in a line; where nothing is lost, it says nothing.

use serde_json::{Map, Value};

use super::absent::is_nothing;
use super::table::Row;

/// An argument that has no effect.
pub(crate) struct Ignored {
    name: &'static str,
    /// Why it has none; None if nothing is lost.
    why: Option<&'static str>,
    /// Says whether a value asks for nothing that does not happen anyway.
    is_harmless: fn(&Value) -> bool,
}

impl Ignored {
    /// An argument without which nothing is lost.
    pub(crate) const fn silently(name: &'static str) -> Self {
        Self {
            name,
            why: None,
            is_harmless: is_off,
        }
    }

    /// An argument that asks for something unless it is off.
    pub(crate) const fn unless_off(name: &'static str, why: &'static str) -> Self {
        Self {
            name,
            why: Some(why),
            is_harmless: is_off,
        }
    }

    /// An argument that asks for something unless it is on.
    pub(crate) const fn unless_on(name: &'static str, why: &'static str) -> Self {
        Self {
            name,
            why: Some(why),
            is_harmless: |value| !is_off(value),
        }
    }
}

impl Row for Ignored {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Option<Value> {
        None
    }

    fn translate(&self, given: &mut Map<String, Value>) -> Option<String> {
        let value = given.remove(self.name)?;
        let why = self.why.filter(|_| !(self.is_harmless)(&value))?;
        Some(format!("`{}` had no effect: {why}", self.name))
    }
}

fn is_off(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => {
            is_nothing(value)
                || matches!(text.trim().to_lowercase().as_str(), "0" | "0.0" | "false")
        }
        Value::Null | Value::Array(_) | Value::Object(_) => is_nothing(value),
    }
}

/// `store`, which names a partition: `default` and `all` mean everything here, another name is the project.
pub(crate) struct Partition;

impl Row for Partition {
    fn name(&self) -> &'static str {
        "store"
    }

    fn schema(&self) -> Option<Value> {
        None
    }

    fn translate(&self, given: &mut Map<String, Value>) -> Option<String> {
        let value = given.remove(self.name())?;
        let is_all = matches!(value.as_str(), Some("default" | "all"));
        if !is_all && !is_nothing(&value) {
            given.entry("project").or_insert(value);
        }
        None
    }
}
