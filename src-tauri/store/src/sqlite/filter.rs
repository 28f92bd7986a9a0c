//! Turns a [`Filter`] into SQL over `memories m`.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::memory::ContentHash;
use crate::query::{Filter, TagMatch};

/// A condition and the values of its parameters, which are all named `?`.
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

/// Says which memories a condition starts from.
#[derive(Clone, Copy)]
pub(super) enum Among {
    Living,
    Deleted,
}

impl Among {
    /// Living memories, or deleted ones.
    pub(super) fn of(deleted: bool) -> Self {
        if deleted { Self::Deleted } else { Self::Living }
    }

    /// Returns the condition on `memories m`.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Living => "m.deleted_ms IS NULL",
            Self::Deleted => "m.deleted_ms IS NOT NULL",
        }
    }

    /// Returns the column whose time orders them.
    pub(super) fn time(self) -> &'static str {
        match self {
            Self::Living => "created_ms",
            Self::Deleted => "deleted_ms",
        }
    }
}

/// Says how many memories a condition is tried on.
#[derive(Clone, Copy, PartialEq)]
enum On {
    /// Any of the store: one list of those with a tag is made first.
    All,
    /// A few that are known: each one's tags are looked up.
    Few,
}

/// Builds the condition for `filter`.
pub(super) fn condition(filter: &Filter, among: Among) -> Condition {
    build(filter, among, On::All)
}

/// Builds the condition for `filter` on memories that are few and already chosen, without the hashes that they were named
/// by: those may be tens of thousands, and are compared by whoever asks.
pub(super) fn condition_on_few(filter: &Filter, among: Among) -> Condition {
    build(filter, among, On::Few)
}

fn build(filter: &Filter, among: Among, on: On) -> Condition {
    let mut condition = Condition {
        sql: among.sql().to_owned(),
        values: Vec::new(),
    };
    condition.add_tags(filter, on);
    match filter.memory_type.as_deref() {
        // No stored type is empty.
        Some("") => condition.sql.push_str(" AND m.memory_type IS NULL"),
        memory_type => condition.add("m.memory_type = ?", memory_type.map(str::to_owned)),
    }
    condition.add("m.project = ?", filter.project.clone());
    condition.add("m.client = ?", filter.client.clone());
    condition.add("m.created_ms >= ?", filter.after_ms);
    condition.add("m.created_ms < ?", filter.before_ms);
    condition.add_hashes(filter.hashes.as_deref());
    condition.add(
        "m.content_hash IN (SELECT value FROM json_each(?))",
        filter
            .named
            .as_ref()
            .filter(|_| on == On::All)
            .map(|named| as_json(&named.hashes)),
    );
    condition.add(
        "m.id IN (SELECT value FROM json_each(?))",
        filter.meant.as_deref().map(as_json),
    );
    // Last, because the others are cheaper and leave less to look through; a long word first, because it is rarer.
    let mut words: Vec<&String> = filter.contained.iter().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in words {
        condition.add_contained(word);
    }
    condition
}

/// One parameter for any number of hashes or ids: SQLite takes at most 32,766 parameters.
fn as_json(names: &[impl serde::Serialize]) -> String {
    serde_json::to_string(names).expect("hashes and ids always have a JSON form")
}

impl Condition {
    /// Adds a condition with as many values as it has parameters.
    pub(super) fn add_all(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
        self.values.extend(values);
    }

    fn add(&mut self, sql: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add_all(sql, [value.into()]);
        }
    }

    /// Adds that the hash is one of these. A single one may be the beginning of a hash, which is a range of the index.
    fn add_hashes(&mut self, hashes: Option<&[ContentHash]>) {
        match hashes {
            Some([start]) if start.is_start() => {
                let range = [start.as_str().to_owned(), start.end()].map(Value::from);
                self.add_all("m.content_hash >= ? AND m.content_hash < ?", range);
            }
            hashes => self.add(
                "m.content_hash IN (SELECT value FROM json_each(?))",
                hashes.map(as_json),
            ),
        }
    }

    /// Adds that the text contains `words`; the case of ASCII letters does not count (SQLite, LIKE).
    pub(super) fn add_contained(&mut self, words: &str) {
        let escaped = words
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        self.add("m.text LIKE ? ESCAPE '\\'", Some(format!("%{escaped}%")));
    }

    fn add_tags(&mut self, filter: &Filter, on: On) {
        if filter.tags.is_empty() {
            return;
        }
        let marks = vec!["?"; filter.tags.len()].join(", ");
        match filter.tag_match {
            TagMatch::Any if on == On::Few => {
                self.sql.push_str(&format!(
                    " AND EXISTS (SELECT 1 FROM memory_tags t WHERE t.tag IN ({marks}) AND t.memory_id = m.id)"
                ));
            }
            TagMatch::Any => {
                self.sql.push_str(&format!(
                    " AND m.id IN (SELECT t.memory_id FROM memory_tags t WHERE t.tag IN ({marks}))"
                ));
            }
            TagMatch::All => {
                for _ in &filter.tags {
                    self.sql.push_str(
                        " AND EXISTS (SELECT 1 FROM memory_tags t WHERE t.tag = ? AND t.memory_id = m.id)",
                    );
                }
            }
        }
        self.values
            .extend(filter.tags.iter().cloned().map(Value::from));
    }
}

/// Counts the memories that pass.
pub(super) fn count(connection: &Connection, condition: &Condition) -> rusqlite::Result<u64> {
    let sql = format!("SELECT count(*) FROM memories m WHERE {}", condition.sql);
    let count: i64 = connection
        .prepare_cached(&sql)?
        .query_row(params_from_iter(&condition.values), |row| row.get(0))?;
    Ok(count as u64)
}
