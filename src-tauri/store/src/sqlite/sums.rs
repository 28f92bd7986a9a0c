//! A checksum for each row of the tables that are true.
//!
//! Triggers keep it, so that no way of writing can forget it. A change of a damaged row leaves its checksum as it is:
//! nothing makes damage look whole again but `repair`.
//!
//! It lies in a table beside that of its row, so that a row that vanished is missed as well. The log of commits has it in
//! the row: its numbers have no gaps, so a row that vanished is missed anyway, and a commit writes a page less.
//!
//! A checksum is the first 64 bits of SHA-256 over the name of the table and every column: with a library that is here
//! anyway, a memory of 500 bytes takes less than a microsecond where the processor has the instructions, and some where
//! it has not.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use sha2::{Digest, Sha256};

use crate::memory::ContentHash;

/// A table whose rows have checksums. `id` and `sum` of each are in the table or view of the same name with `_sums` at its
/// end.
pub(super) struct Summed {
    pub(super) name: &'static str,
    /// Every column but the checksum, the key first, in the order in which they count.
    pub(super) columns: &'static [&'static str],
    /// Whether the checksum is the last column of the row itself.
    pub(super) is_in_row: bool,
}

pub(super) const STORE_META: Summed = Summed {
    name: "store_meta",
    columns: &[
        "id",
        "store_uuid",
        "incarnation",
        "epoch",
        "generation",
        "holder",
        "created_ms",
        "taken_from",
    ],
    is_in_row: false,
};

pub(super) const MEMORIES: Summed = Summed {
    name: "memories",
    columns: &[
        "id",
        "content_hash",
        "text",
        "tags",
        "memory_type",
        "project",
        "metadata",
        "created_ms",
        "updated_ms",
        "deleted_ms",
        "client",
        "client_version",
        "session",
        "host_name",
        "chunks_indexed",
    ],
    is_in_row: false,
};

pub(super) const VECTORS: Summed = Summed {
    name: "memory_vectors",
    columns: &["id", "memory_id", "chunk", "vector"],
    is_in_row: false,
};

pub(super) const HISTORY: Summed = Summed {
    name: "memory_history",
    columns: &[
        "id",
        "memory_id",
        "seq",
        "change",
        "at_ms",
        "client",
        "text",
        "tags",
        "memory_type",
        "metadata",
        "project",
    ],
    is_in_row: false,
};

pub(super) const COMMIT_LOG: Summed = Summed {
    name: "commit_log",
    columns: &[
        "seq",
        "epoch",
        "kind",
        "op_id",
        "request_hash",
        "outcome",
        "client",
        "at_ms",
        "instance",
        "generation",
    ],
    is_in_row: true,
};

/// All of them, as of schema 4. A migration that changes one of these tables recreates its triggers.
pub(super) const ALL: [&Summed; 5] = [&STORE_META, &MEMORIES, &VECTORS, &HISTORY, &COMMIT_LOG];

impl Summed {
    /// Returns the name of the key column.
    pub(super) fn key(&self) -> &'static str {
        self.columns[0]
    }

    /// Returns the columns of the row called `row`, separated by commas.
    pub(super) fn columns_of(&self, row: &str) -> String {
        let columns = self.columns.iter().map(|column| format!("{row}.{column}"));
        columns.collect::<Vec<_>>().join(", ")
    }

    /// Says whether `row` matches its checksum: it has the columns of the table from `first` on, and then the checksum,
    /// or NULL if there is none.
    pub(super) fn is_whole(&self, row: &Row<'_>, first: usize) -> rusqlite::Result<bool> {
        let known = row.get_ref(first + self.columns.len())?;
        Ok(known == ValueRef::Integer(self.sum_of(row, first)?))
    }

    /// Computes the checksum of a row that has the columns of the table from `first` on.
    pub(super) fn sum_of(&self, row: &Row<'_>, first: usize) -> rusqlite::Result<i64> {
        let mut sum = Sum::of_table(self.name);
        for column in first..first + self.columns.len() {
            sum.add(row.get_ref(column)?);
        }
        Ok(sum.end())
    }

    /// Computes the checksum of a row that has these values, in the order of the columns.
    pub(super) fn sum_of_values<'v>(&self, values: impl Iterator<Item = ValueRef<'v>>) -> i64 {
        let mut sum = Sum::of_table(self.name);
        values.for_each(|value| sum.add(value));
        sum.end()
    }

    fn expression(&self, row: &str) -> String {
        format!("row_sum('{}', {})", self.name, self.columns_of(row))
    }

    fn create(&self) -> String {
        let (name, key) = (self.name, self.key());
        if self.is_in_row {
            // A row that was cut has the default, which no row matches.
            return format!(
                "ALTER TABLE {name} ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
                 CREATE VIEW {name}_sums AS SELECT {key} AS id, sum FROM {name};\n"
            );
        }
        format!("CREATE TABLE {name}_sums (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL) STRICT;\n")
    }

    fn fill(&self) -> String {
        let (name, key) = (self.name, self.key());
        if self.is_in_row {
            return format!("UPDATE {name} SET sum = {};\n", self.expression(name));
        }
        let sum = self.expression("t");
        // What was damaged before there were checksums must not get one that says it is whole.
        let condition = if name == MEMORIES.name {
            "WHERE t.content_hash = text_hash(t.text) AND json_valid(t.tags) AND json_valid(t.metadata)"
        } else {
            ""
        };
        format!(
            "INSERT INTO {name}_sums (id, sum) SELECT t.{key}, {sum} FROM {name} t {condition} ORDER BY t.{key};\n"
        )
    }

    fn triggers(&self) -> String {
        let (name, key) = (self.name, self.key());
        let (new, old) = (self.expression("NEW"), self.expression("OLD"));
        if self.is_in_row {
            let columns = self.columns.join(", ");
            return format!(
                "CREATE TRIGGER {name}_sum_insert AFTER INSERT ON {name} WHEN NEW.sum <> {new}
                     BEGIN UPDATE {name} SET sum = {new} WHERE {key} = NEW.{key}; END;
                 CREATE TRIGGER {name}_sum_update AFTER UPDATE OF {columns} ON {name} WHEN OLD.sum = {old}
                     BEGIN UPDATE {name} SET sum = {new} WHERE {key} = NEW.{key}; END;\n"
            );
        }
        // REPLACE: where a row has vanished, its checksum is still there, and a new row must not be refused for that.
        format!(
            "CREATE TRIGGER {name}_sum_insert AFTER INSERT ON {name}
                 BEGIN INSERT OR REPLACE INTO {name}_sums (id, sum) VALUES (NEW.{key}, {new}); END;
             CREATE TRIGGER {name}_sum_update AFTER UPDATE ON {name}
                 BEGIN UPDATE {name}_sums SET id = NEW.{key}, sum = {new} WHERE id = OLD.{key} AND sum = {old}; END;
             CREATE TRIGGER {name}_sum_delete AFTER DELETE ON {name}
                 BEGIN DELETE FROM {name}_sums WHERE id = OLD.{key}; END;\n"
        )
    }
}

/// Gives every row of the store its checksum and makes the triggers that keep them. Reads the whole store.
///
/// A memory whose text does not match its hash, or whose tags or metadata cannot be read, gets none: it was damaged
/// before, and is told as such.
pub(super) fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("text_hash", 1, flags, |context| {
        let hash = context.get_raw(0).as_str().ok().map(ContentHash::of);
        Ok(hash.map(|hash| hash.as_str().to_owned()))
    })?;
    for table in ALL {
        connection.execute_batch(&table.create())?;
        connection.execute_batch(&table.fill())?;
        connection.execute_batch(&table.triggers())?;
    }
    connection.remove_function("text_hash", 1)
}

/// Makes `row_sum(table, column, ...)` known, which the triggers call. Without it nothing can be written.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // INNOCUOUS: otherwise triggers may not call it while the schema is not trusted.
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("row_sum", -1, flags, |context| {
        let mut sum = Sum::new();
        for at in 0..context.len() {
            sum.add(context.get_raw(at));
        }
        Ok(sum.end())
    })
}

/// A checksum under way. Every value counts with its type and its length, so that no two rows read alike.
struct Sum(Sha256);

impl Sum {
    fn new() -> Self {
        Self(Sha256::new())
    }

    fn of_table(name: &str) -> Self {
        let mut sum = Self::new();
        sum.add(ValueRef::Text(name.as_bytes()));
        sum
    }

    fn add(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.0.update([0]),
            ValueRef::Integer(number) => self.add_eight(1, number.to_le_bytes()),
            ValueRef::Real(number) => self.add_eight(2, number.to_le_bytes()),
            ValueRef::Text(bytes) => self.add_bytes(3, bytes),
            ValueRef::Blob(bytes) => self.add_bytes(4, bytes),
        }
    }

    /// A row has many small values, and each call costs more than their bytes.
    fn add_eight(&mut self, kind: u8, bytes: [u8; 8]) {
        let mut all = [0; 9];
        all[0] = kind;
        all[1..].copy_from_slice(&bytes);
        self.0.update(all);
    }

    fn add_bytes(&mut self, kind: u8, bytes: &[u8]) {
        self.add_eight(kind, (bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn end(self) -> i64 {
        let digest = self.0.finalize();
        let first: [u8; 8] = digest[..8].try_into().expect("a digest has 32 bytes");
        i64::from_le_bytes(first)
    }
}
