//! The table of a tool's arguments: its schema, and what happens to every name that a call may give.

use serde_json::{Map, Value, json};

/// One row of a table.
pub(crate) trait Row: Sync {
    /// Its name in a call.
    fn name(&self) -> &'static str;

    /// Describes it as a JSON schema; None if it is accepted and not listed.
    fn schema(&self) -> Option<Value>;

    /// Says whether a call without it is refused.
    fn is_required(&self) -> bool {
        false
    }

    /// Brings old spellings into today's; returns a sentence for the answer if that loses something.
    fn translate(&self, given: &mut Map<String, Value>) -> Option<String>;
}

/// The rows of a table, in groups that tools may share.
pub(crate) type Table = &'static [&'static [&'static dyn Row]];

/// Returns the rows of `table`.
pub(super) fn rows(table: Table) -> impl Iterator<Item = &'static dyn Row> {
    table.iter().copied().flatten().copied()
}

/// Returns the names that the schema lists, in the order of the table.
pub(super) fn listed(table: Table) -> Vec<&'static str> {
    let listed = rows(table).filter(|row| row.schema().is_some());
    listed.map(|row| row.name()).collect()
}

/// Describes an object with these members as a JSON schema.
pub(super) fn schema_of(table: Table) -> Map<String, Value> {
    let described = rows(table).filter_map(|row| Some((row.name().to_owned(), row.schema()?)));
    let properties: Map<String, Value> = described.collect();
    let required = rows(table).filter(|row| row.is_required());
    let required: Vec<_> = required.map(|row| row.name()).collect();
    let mut schema = Map::from_iter([("type".to_owned(), json!("object"))]);
    if !properties.is_empty() {
        schema.insert("properties".to_owned(), Value::Object(properties));
    }
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}
