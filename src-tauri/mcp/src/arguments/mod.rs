//! The arguments of a tool call.
//!
//! Each argument is one row of its tool's table. From the row come both what the schema says about the argument and how
//! a call is checked for it: name, kind, limits, default, old names. What is wrong with a call is told with the name of
//! the argument, what was given and what is wanted, so that a model can repair it.

mod absent;
mod error;
mod ignored;
mod kind;
mod python;
mod table;
#[cfg(test)]
mod tests;
mod word_list;

use std::cell::RefCell;

use serde_json::{Map, Value, json};

use crate::nearest::nearest;
pub(crate) use absent::is_nothing;
pub use absent::is_word_for_nothing;
pub(crate) use error::ArgumentError;
pub(crate) use ignored::{Ignored, Partition};
pub(crate) use kind::{
    BlankText, Choice, Integer, IntegerOr, Kind, List, Object, Parsed, Prose, Required, Text,
    Truth, Words,
};
pub(crate) use table::{Row, Table};
pub use word_list::tags_in;

/// An argument that a tool reads.
pub(crate) struct Argument<K> {
    name: &'static str,
    kind: K,
    description: &'static str,
    old_names: &'static [&'static str],
    is_listed: bool,
}

impl<K: Kind> Argument<K> {
    /// An argument of this name; an empty `description` stands for none.
    pub(crate) const fn new(name: &'static str, kind: K, description: &'static str) -> Self {
        Self {
            name,
            kind,
            description,
            old_names: &[],
            is_listed: true,
        }
    }

    /// An argument of old clients: it is read, and the schema does not list it.
    pub(crate) const fn unlisted(name: &'static str, kind: K) -> Self {
        let mut argument = Self::new(name, kind, "");
        argument.is_listed = false;
        argument
    }

    /// Is also read under these names, unless its own is given.
    pub(crate) const fn formerly(mut self, old_names: &'static [&'static str]) -> Self {
        self.old_names = old_names;
        self
    }

    /// Reads it from a call.
    ///
    /// # Errors
    /// If what is given cannot be read, or nothing is given and something must be.
    pub(crate) fn read(&self, arguments: &Arguments) -> Result<K::Read, ArgumentError> {
        debug_assert!(
            table::rows(arguments.table).any(|row| row.name() == self.name),
            "`{}` is read and does not stand in the table",
            self.name
        );
        self.read_as(
            self.name,
            arguments.given.get(self.name).unwrap_or(&Value::Null),
        )
    }

    /// Reads a value that does not stand among the arguments of a call; errors call it `path`.
    ///
    /// # Errors
    /// As [`Argument::read`].
    pub(crate) fn read_as(&self, path: &str, value: &Value) -> Result<K::Read, ArgumentError> {
        let value = match self.kind.is_absent(value) {
            true => &Value::Null,
            false => value,
        };
        self.kind.read(path, value)
    }
}

impl<K: Kind> Row for Argument<K> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Option<Value> {
        let mut schema = self.kind.schema();
        if !self.description.is_empty() {
            schema["description"] = json!(self.description);
        }
        self.is_listed.then_some(schema)
    }

    fn is_required(&self) -> bool {
        self.kind.is_required()
    }

    fn translate(&self, given: &mut Map<String, Value>) -> Option<String> {
        let names = std::iter::once(&self.name).chain(self.old_names);
        let values = names.filter_map(|name| given.remove(*name));
        // All of them are taken out, whichever is read.
        let values: Vec<_> = values.collect();
        let value = values
            .into_iter()
            .find(|value| !self.kind.is_absent(value))?;
        let largest = self.kind.exceeded(&value);
        let note = largest.map(|largest| {
            format!(
                "`{}` was cut to {largest}, the largest there is; {} was given",
                self.name,
                error::shown(&value)
            )
        });
        given.insert(self.name.to_owned(), largest.map_or(value, Value::from));
        note
    }
}

/// The arguments of one call, with no name that the tool does not know.
pub(crate) struct Arguments {
    given: Map<String, Value>,
    table: Table,
    /// What reading found to be said in the answer.
    notes: RefCell<Vec<String>>,
}

impl Arguments {
    /// Takes the arguments of a call to `tool`.
    ///
    /// # Errors
    /// If there is a name that does not stand in `table`.
    pub(crate) fn new(
        tool: &'static str,
        given: Map<String, Value>,
        table: Table,
    ) -> Result<Self, ArgumentError> {
        let is_known = |name: &str| table::rows(table).any(|row| row.name() == name);
        match given.keys().find(|name| !is_known(name)) {
            Some(name) => Err(unknown(tool, name, table)),
            None => Ok(Self {
                given,
                table,
                notes: RefCell::default(),
            }),
        }
    }

    /// Adds a sentence to the answer, such as how something was read that could be read in two ways.
    pub(crate) fn note(&self, sentence: String) {
        self.notes.borrow_mut().push(sentence);
    }

    /// Returns the sentences that the answer must say.
    pub(crate) fn into_notes(self) -> Vec<String> {
        self.notes.into_inner()
    }
}

/// Brings old spellings of a call into today's, numbers within their limits, and takes out what says nothing or has no
/// effect; returns sentences for the answer.
pub(crate) fn translate(table: Table, given: &mut Map<String, Value>) -> Vec<String> {
    given.retain(|_, value| !value.is_null());
    table::rows(table)
        .filter_map(|row| row.translate(given))
        .collect()
}

/// Describes the arguments of a tool as a JSON schema: always an object without alternatives at its root.
pub(crate) fn input_schema(table: Table) -> Map<String, Value> {
    let mut schema = table::schema_of(table);
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

fn unknown(tool: &'static str, name: &str, table: Table) -> ArgumentError {
    let listed = table::listed(table);
    let near = nearest(name, listed.iter().copied());
    let names: Vec<_> = listed.iter().map(|name| format!("`{name}`")).collect();
    ArgumentError::Unknown {
        tool,
        name: error::short(name),
        hint: near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)")),
        known: match names.as_slice() {
            [] => "no arguments".to_owned(),
            names => names.join(", "),
        },
    }
}
