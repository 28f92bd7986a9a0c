//! A row as it lies in a file, whatever is in it: read from a damaged database or a backup, and put into a fresh one.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql, params_from_iter};
use serde_json::{Map, Value, json};

use super::sums::{self, Summed};
use crate::memory::ContentHash;

/// A value of any kind. A text need not be UTF-8.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl From<ValueRef<'_>> for Raw {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(bytes) => Self::Text(bytes.to_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_owned()),
        }
    }
}

impl Raw {
    fn value(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(bytes) => ValueRef::Text(bytes),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }
}

impl ToSql for Raw {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.value()))
    }
}

/// A row of one of the tables with checksums.
#[derive(Debug, Clone)]
pub(super) struct RawRow {
    values: Vec<Raw>,
    /// The checksum that it ought to have.
    pub(super) sum: i64,
}

impl RawRow {
    /// Makes a row of `table` out of the values of all its columns, the key first.
    pub(super) fn new(table: &Summed, values: Vec<Raw>) -> Self {
        let sum = table.sum_of_values(values.iter().map(Raw::value));
        Self { values, sum }
    }

    /// Reads the row with this key; None if there is none.
    pub(super) fn read(
        connection: &Connection,
        table: &Summed,
        key: i64,
    ) -> rusqlite::Result<Option<Self>> {
        let (name, key_name, columns) = (table.name, table.key(), table.columns_of("t"));
        let sql = format!("SELECT {columns} FROM {name} t WHERE t.{key_name} = ?1");
        connection
            .prepare_cached(&sql)?
            .query_row([key], |row| {
                let values = 0..table.columns.len();
                let values = values.map(|at| row.get_ref(at).map(Raw::from));
                Ok(Self {
                    values: values.collect::<rusqlite::Result<_>>()?,
                    sum: table.sum_of(row, 0)?,
                })
            })
            .optional()
    }

    /// Returns its key.
    pub(super) fn key(&self) -> i64 {
        match self.values.first() {
            Some(Raw::Integer(key)) => *key,
            _ => 0,
        }
    }

    /// Puts the row into a table of a fresh store, whose triggers give it its checksum.
    pub(super) fn insert(&self, into: &Connection, table: &Summed) -> rusqlite::Result<()> {
        self.put("INSERT", into, table)
    }

    /// Puts the row into a table, in place of one with its key.
    pub(super) fn replace(&self, into: &Connection, table: &Summed) -> rusqlite::Result<()> {
        self.put("REPLACE", into, table)
    }

    fn put(&self, how: &str, into: &Connection, table: &Summed) -> rusqlite::Result<()> {
        let marks = vec!["?"; self.values.len()].join(", ");
        let sql = format!(
            "{how} INTO {} ({}) VALUES ({marks})",
            table.name,
            table.columns.join(", ")
        );
        into.prepare_cached(&sql)?
            .execute(params_from_iter(&self.values))
            .map(drop)
    }

    /// Says whether this is a memory whose text has its hash, and whose tags and metadata can be read: no more is known of
    /// one without a checksum.
    pub(super) fn has_its_hash(&self) -> bool {
        let text = |at: usize| match self.values.get(at) {
            Some(Raw::Text(bytes)) => std::str::from_utf8(bytes).ok(),
            _ => None,
        };
        let (Some(hash), Some(words), Some(tags), Some(metadata)) =
            (text(1), text(2), text(3), text(6))
        else {
            return false;
        };
        ContentHash::of(words).as_str() == hash
            && serde_json::from_str::<Vec<String>>(tags).is_ok()
            && serde_json::from_str::<Map<String, Value>>(metadata).is_ok()
    }

    /// Returns the text of a memory, as far as it can be read.
    pub(super) fn text(&self) -> String {
        match self.values.get(2) {
            Some(Raw::Text(bytes) | Raw::Blob(bytes)) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            _ => String::new(),
        }
    }

    /// Returns all of it as JSON; what is no UTF-8 stands there as hexadecimal digits.
    pub(super) fn json(&self, table: &Summed) -> Value {
        let columns = table.columns.iter().zip(&self.values);
        let columns = columns.map(|(column, value)| ((*column).to_owned(), json_of(value)));
        Value::Object(columns.collect())
    }
}

fn json_of(value: &Raw) -> Value {
    let in_digits = |bytes: &[u8]| json!({ "hex": hex::encode(bytes) });
    match value {
        Raw::Null => Value::Null,
        Raw::Integer(number) => json!(number),
        Raw::Real(number) => json!(number),
        Raw::Text(bytes) => {
            std::str::from_utf8(bytes).map_or_else(|_| in_digits(bytes), |text| json!(text))
        }
        Raw::Blob(bytes) => in_digits(bytes),
    }
}

/// Returns the checksum that is kept for the row with this key; None if there is none.
pub(super) fn kept_sum(
    connection: &Connection,
    table: &Summed,
    key: i64,
) -> rusqlite::Result<Option<i64>> {
    let sql = format!("SELECT sum FROM {}_sums WHERE id = ?1", table.name);
    connection
        .prepare_cached(&sql)?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Says whether a table is that of the memories.
pub(super) fn is_of_memories(table: &Summed) -> bool {
    table.name == sums::MEMORIES.name
}
