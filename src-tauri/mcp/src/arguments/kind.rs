//! The kinds of arguments: what each looks like in a schema, and how it is read.
//!
//! Models and old prompts write arguments in many ways: numbers as strings, tags as a list or as one of many kinds of text,
//! an object as its text. What is clear is accepted; what is not gets an error.

use serde_json::{Map, Value, json};

use super::absent::{is_empty, is_nothing, is_word_for_nothing, is_zero};
use super::error::ArgumentError;
use super::python;
use super::table::{Table, schema_of};
use super::word_list::{tags_in, word};

/// A kind of argument.
pub(crate) trait Kind: Sync + 'static {
    /// What reading gives, also for an argument that was not given.
    type Read;

    /// Describes it as a JSON schema.
    fn schema(&self) -> Value;

    /// Reads `given`, which is null if nothing was given; errors call it `name`.
    fn read(&self, name: &str, given: &Value) -> Result<Self::Read, ArgumentError>;

    /// Says whether a call without it is refused.
    fn is_required(&self) -> bool {
        false
    }

    /// Says whether a value stands for not given, as models write it: nothing, in all its spellings, and zero.
    fn is_absent(&self, given: &Value) -> bool {
        is_nothing(given) || is_zero(given)
    }

    /// Returns the largest number that it takes, if `given` is above that.
    fn exceeded(&self, given: &Value) -> Option<i64> {
        let _ = given;
        None
    }
}

/// Text about something, trimmed. A number or truth value is taken by its spelling, a list of one by what is in it; blank
/// text counts as not given.
pub(crate) struct Text;

impl Kind for Text {
    type Read = Option<String>;

    fn schema(&self) -> Value {
        json!({ "type": "string" })
    }

    fn read(&self, name: &str, given: &Value) -> Result<Self::Read, ArgumentError> {
        Ok(BlankText.read(name, given)?.filter(|text| !text.is_empty()))
    }
}

/// [`Text`] in which blank text means something.
pub(crate) struct BlankText;

impl Kind for BlankText {
    type Read = Option<String>;

    fn schema(&self) -> Value {
        Text.schema()
    }

    fn read(&self, name: &str, given: &Value) -> Result<Self::Read, ArgumentError> {
        Ok(match given {
            Value::Null => None,
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Array(items) if items.len() == 1 && !items[0].is_array() => {
                return self.read(name, &items[0]);
            }
            Value::Array(_) | Value::Object(_) => {
                return Err(ArgumentError::wrong(name, "a string", given));
            }
        })
    }

    fn is_absent(&self, given: &Value) -> bool {
        let is_word = |text: &str| is_word_for_nothing(text);
        given.as_str().map_or(is_empty(given), is_word) || is_zero(given)
    }
}

/// Text that is kept or searched for, as it was given. What is no string is taken as its JSON text; words such as `none`
/// and blank text mean themselves.
pub(crate) struct Prose;

impl Kind for Prose {
    type Read = Option<String>;

    fn schema(&self) -> Value {
        Text.schema()
    }

    fn read(&self, _: &str, given: &Value) -> Result<Self::Read, ArgumentError> {
        Ok(match given {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            _ => Some(given.to_string()),
        })
    }

    fn is_absent(&self, given: &Value) -> bool {
        is_empty(given)
    }
}

/// [`Text`] with a form of its own.
pub(crate) struct Parsed<T> {
    /// What an error says is wanted.
    pub(crate) wanted: &'static str,
    /// Reads it; None if it does not have the form.
    pub(crate) parse: fn(&str) -> Option<T>,
}

impl<T> Parsed<T> {
    fn parsed(&self, name: &str, text: String) -> Result<T, ArgumentError> {
        (self.parse)(&text)
            .ok_or_else(|| ArgumentError::wrong(name, self.wanted, &Value::String(text)))
    }
}

impl<T: 'static> Kind for Parsed<T> {
    type Read = Option<T>;

    fn schema(&self) -> Value {
        Text.schema()
    }

    fn read(&self, name: &str, given: &Value) -> Result<Self::Read, ArgumentError> {
        let text = Text.read(name, given)?;
        text.map(|text| self.parsed(name, text)).transpose()
    }
}

/// One of some words, in any case; the first one if none is given.
pub(crate) struct Choice<T: 'static> {
    /// The words that the schema lists, with their meanings.
    pub(crate) words: &'static [(&'static str, T)],
    /// Words that are also understood.
    pub(crate) old_words: &'static [(&'static str, T)],
}

impl<T: Copy + Sync> Kind for Choice<T> {
    type Read = T;

    fn schema(&self) -> Value {
        let words: Vec<_> = self.words.iter().map(|(word, _)| *word).collect();
        json!({ "type": "string", "enum": words, "default": words[0] })
    }

    fn read(&self, name: &str, given: &Value) -> Result<T, ArgumentError> {
        let Some(text) = Text.read(name, given)? else {
            return Ok(self.words[0].1);
        };
        let mut known = self.words.iter().chain(self.old_words);
        let found = known.find(|(word, _)| word.eq_ignore_ascii_case(&text));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words = self.words.iter().map(|(word, _)| format!("`{word}`"));
            let words: Vec<_> = words.collect();
            let wanted = format!("one of {}", words.join(", "));
            ArgumentError::wrong(name, wanted, &Value::String(text))
        })
    }
}

/// A list of words such as tags: a list, or a text with words in any way that lists are written. Blank ones are left out.
pub(crate) struct Words;

impl Kind for Words {
    type Read = Vec<String>;

    fn schema(&self) -> Value {
        json!({ "type": "array", "items": { "type": "string" } })
    }

    fn read(&self, name: &str, given: &Value) -> Result<Self::Read, ArgumentError> {
        let wanted = "a list of strings or comma-separated text";
        let wrong = || ArgumentError::wrong(name, wanted, given);
        let words = match given {
            Value::Null => Vec::new(),
            Value::Array(items) => {
                let given = items.iter().filter(|item| !item.is_null());
                let words = given.map(|item| word(item).ok_or_else(wrong));
                words.collect::<Result<_, _>>()?
            }
            Value::String(text) => tags_in(text),
            Value::Number(number) => vec![number.to_string()],
            Value::Bool(_) | Value::Object(_) => return Err(wrong()),
        };
        let filled = words.into_iter().filter(|word| !word.trim().is_empty());
        Ok(filled.collect())
    }
}

/// [`Words`] that each have a form of their own; a single one is a list, too, and that is what the schema says.
pub(crate) struct List<T>(pub(crate) Parsed<T>);

impl<T: 'static> Kind for List<T> {
    type Read = Vec<T>;

    fn schema(&self) -> Value {
        Text.schema()
    }

    fn read(&self, name: &str, given: &Value) -> Result<Self::Read, ArgumentError> {
        let words = Words.read(name, given)?.into_iter();
        words.map(|word| self.0.parsed(name, word)).collect()
    }
}

/// A whole number, also one written as a string or with `.0`.
pub(crate) struct Integer {
    min: i64,
    max: Option<i64>,
    /// Unit in which a number outside is refused; None if the tool judges it.
    refused_in: Option<&'static str>,
}

impl Integer {
    /// A number from `min` on.
    pub(crate) const fn from(min: i64) -> Self {
        Self {
            min,
            max: None,
            refused_in: None,
        }
    }

    /// Up to `max`.
    pub(crate) const fn to(mut self, max: i64) -> Self {
        self.max = Some(max);
        self
    }

    /// Refuses a number outside the limits, with an error such as `must be 1 to 50 UNIT`.
    ///
    /// Without this the limits only stand in the schema, and the tool judges what is outside: because the engine's own
    /// type says more than one number could, or because the Python service gave it a meaning.
    pub(crate) const fn refused_outside(mut self, unit: &'static str) -> Self {
        self.refused_in = Some(unit);
        self
    }

    /// The number `default` if none is given.
    pub(crate) const fn or(self, default: i64) -> IntegerOr {
        IntegerOr(self, default)
    }

    fn check(&self, name: &str, number: i64) -> Result<(), ArgumentError> {
        let fits = number >= self.min && self.max.is_none_or(|max| number <= max);
        let Some(unit) = self.refused_in.filter(|_| !fits) else {
            return Ok(());
        };
        let wanted = match self.max {
            Some(max) => format!("{} to {max} {unit}", self.min),
            None => format!("a number from {}", self.min),
        };
        Err(ArgumentError::wrong(name, wanted, &json!(number)))
    }
}

impl Kind for Integer {
    type Read = Option<i64>;

    fn schema(&self) -> Value {
        let mut schema = json!({ "type": "integer", "minimum": self.min });
        if let Some(max) = self.max {
            schema["maximum"] = json!(max);
        }
        schema
    }

    fn read(&self, name: &str, given: &Value) -> Result<Self::Read, ArgumentError> {
        if given.is_null() {
            return Ok(None);
        }
        let number = whole(given);
        let number = number.ok_or_else(|| ArgumentError::wrong(name, "a whole number", given))?;
        self.check(name, number)?;
        Ok(Some(number))
    }

    fn is_absent(&self, given: &Value) -> bool {
        is_nothing(given) || (self.min > 0 && whole(given) == Some(0))
    }

    fn exceeded(&self, given: &Value) -> Option<i64> {
        self.max.filter(|max| whole(given) > Some(*max))
    }
}

/// An [`Integer`] with a default.
pub(crate) struct IntegerOr(Integer, i64);

impl Kind for IntegerOr {
    type Read = i64;

    fn schema(&self) -> Value {
        let mut schema = self.0.schema();
        schema["default"] = json!(self.1);
        schema
    }

    fn read(&self, name: &str, given: &Value) -> Result<i64, ArgumentError> {
        Ok(self.0.read(name, given)?.unwrap_or(self.1))
    }

    fn is_absent(&self, given: &Value) -> bool {
        self.0.is_absent(given)
    }

    fn exceeded(&self, given: &Value) -> Option<i64> {
        self.0.exceeded(given)
    }
}

/// Reads a whole number; one that is too large for its type becomes the largest there is.
fn whole(value: &Value) -> Option<i64> {
    let from_float = |f: f64| (f.fract() == 0.0).then_some(f as i64);
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

/// Yes or no, also written as a string or as 0 or 1; no if not given.
pub(crate) struct Truth;

impl Kind for Truth {
    type Read = bool;

    fn schema(&self) -> Value {
        json!({ "type": "boolean", "default": false })
    }

    fn read(&self, name: &str, given: &Value) -> Result<bool, ArgumentError> {
        let truth = match given {
            Value::Null => Some(false),
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => match text.trim().to_lowercase().as_str() {
                "true" | "yes" | "1" => Some(true),
                "false" | "no" | "0" | "" => Some(false),
                _ => None,
            },
            Value::Number(_) => whole(given).filter(|n| (0..=1).contains(n)).map(|n| n == 1),
            Value::Array(_) | Value::Object(_) => None,
        };
        truth.ok_or_else(|| ArgumentError::wrong(name, "true or false", given))
    }
}

/// An object, also one written as JSON or Python inside a string, or in pieces as a list of objects.
pub(crate) struct Object {
    /// What it holds; empty if that is anything.
    pub(crate) members: Table,
}

impl Kind for Object {
    type Read = Option<Map<String, Value>>;

    fn schema(&self) -> Value {
        Value::Object(schema_of(self.members))
    }

    fn read(&self, name: &str, given: &Value) -> Result<Self::Read, ArgumentError> {
        if given.is_null() {
            return Ok(None);
        }
        members(given).map(Some).ok_or_else(|| {
            ArgumentError::wrong(name, "an object such as {\"key\": \"value\"}", given)
        })
    }
}

fn members(given: &Value) -> Option<Map<String, Value>> {
    match given {
        Value::Object(map) => Some(map.clone()),
        Value::String(text) if text.trim().is_empty() => Some(Map::new()),
        Value::String(text) => {
            let json = serde_json::from_str(text).ok();
            match json.or_else(|| python::literal(text))? {
                Value::String(_) => None,
                value => members(&value),
            }
        }
        Value::Array(pieces) => {
            let mut all = Map::new();
            for (key, value) in pieces.iter().filter_map(Value::as_object).flatten() {
                let is_twice = all.insert(key.clone(), value.clone()).is_some();
                (!is_twice).then_some(())?;
            }
            pieces.iter().all(Value::is_object).then_some(all)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// A kind that must be given; an error calls what is missing by this name.
pub(crate) struct Required<K>(pub(crate) K, pub(crate) &'static str);

impl<T, K: Kind<Read = Option<T>>> Kind for Required<K> {
    type Read = T;

    fn schema(&self) -> Value {
        self.0.schema()
    }

    fn read(&self, name: &str, given: &Value) -> Result<T, ArgumentError> {
        let missing = ArgumentError::Missing { name: self.1 };
        self.0.read(name, given)?.ok_or(missing)
    }

    fn is_required(&self) -> bool {
        true
    }

    fn is_absent(&self, given: &Value) -> bool {
        self.0.is_absent(given)
    }

    fn exceeded(&self, given: &Value) -> Option<i64> {
        self.0.exceeded(given)
    }
}
