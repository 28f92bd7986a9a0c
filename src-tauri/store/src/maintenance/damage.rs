//! What a check of a store found, and which command mends it.

use std::fmt;

use serde::Serialize;

use crate::memory::MemoryId;

/// Memories that a text about damage names; the rest is counted.
const NAMED_MAX: usize = 5;

/// Where a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum CheckStep {
    /// SQLite looks through every page, index and reference.
    Pages,
    /// Rows are compared with their checksums.
    Rows {
        /// Rows so far.
        rows: u64,
        /// Rows of all tables when it began.
        rows_expected: u64,
    },
    /// Indexes are compared with what they were made from.
    Indexes,
}

/// Damage of a store. Never empty where it is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// What is wrong with pages, the schema, or tables that cannot be read.
    pub structure: Vec<String>,
    /// Memories that do not match their checksum, or are gone while their checksum is there; the first 100.
    pub memories: Vec<DamagedMemory>,
    /// How many there are.
    pub memory_count: u64,
    /// Other tables with such rows, and how many they are.
    pub rows: Vec<DamagedRows>,
    /// What is wrong with what is derived and can be rebuilt.
    pub derived: Vec<String>,
}

/// A memory that is not what was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamagedMemory {
    /// Its name inside the store.
    pub id: MemoryId,
    /// When it was stored, in milliseconds since 1970, as far as that can be read.
    pub created_ms: Option<i64>,
    /// The beginning of its text as it is now, without control characters; None if it is gone.
    pub start: Option<String>,
}

/// Damaged rows of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DamagedRows {
    /// The table.
    pub table: &'static str,
    /// How many.
    pub count: u64,
}

/// The command that mends a damaged store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cure {
    /// `commonplace rebuild`: only what is derived is wrong.
    Rebuild,
    /// `commonplace repair`: rows or pages are wrong.
    Repair,
}

impl Cure {
    /// Returns the command and what it does, as a part of a sentence.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Rebuild => {
                "`commonplace rebuild` rebuilds that from the memories, which are intact"
            }
            Self::Repair => {
                "`commonplace repair` keeps all that is intact and takes the rest from the backups"
            }
        }
    }
}

impl Damage {
    /// Makes damage of something that SQLite said about the file.
    #[must_use]
    pub fn of_structure(said: impl Into<String>) -> Self {
        Self {
            structure: vec![said.into()],
            ..Self::default()
        }
    }

    /// Says whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Says whether further writes could make it worse: pages, and not only the contents of rows, are wrong.
    #[must_use]
    pub fn is_of_structure(&self) -> bool {
        !self.structure.is_empty()
    }

    /// Returns the command that mends it.
    #[must_use]
    pub fn cure(&self) -> Cure {
        let is_derived_only =
            self.structure.is_empty() && self.memory_count == 0 && self.rows.is_empty();
        if is_derived_only {
            Cure::Rebuild
        } else {
            Cure::Repair
        }
    }
}

impl fmt::Display for DamagedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        if let Some(date) = self.created_ms.and_then(date) {
            write!(f, " of {date}")?;
        }
        match &self.start {
            Some(start) => write!(f, " (`{start}`)"),
            None => f.write_str(" (gone)"),
        }
    }
}

fn date(ms: i64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(ms).ok()?;
    Some(time.strftime("%Y-%m-%d").to_string())
}

impl fmt::Display for Damage {
    /// Says what is damaged and what mends it, in one sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what(), self.cure().advice())
    }
}

impl Damage {
    /// Says what is damaged.
    #[must_use]
    pub fn what(&self) -> String {
        let mut parts = Vec::new();
        if self.memory_count > 0 {
            parts.push(self.memory_words());
        }
        parts.extend(self.rows.iter().map(|rows| {
            let DamagedRows { table, count } = rows;
            match count {
                1 => format!("a row of {table} does not match its checksum"),
                _ => format!("{count} rows of {table} do not match their checksums"),
            }
        }));
        parts.extend(self.structure.iter().cloned());
        parts.extend(self.derived.iter().cloned());
        parts.join("; ")
    }

    fn memory_words(&self) -> String {
        let named = self.memories.iter().take(NAMED_MAX);
        let named: Vec<String> = named.map(ToString::to_string).collect();
        let more = match self.memory_count - named.len() as u64 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let what = match self.memory_count {
            1 => "a memory does not match its checksum".to_owned(),
            count => format!("{count} memories do not match their checksums"),
        };
        format!("{what}: {}{more}", named.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(id: i64, start: Option<&str>) -> DamagedMemory {
        DamagedMemory {
            id: MemoryId(id),
            created_ms: Some(1_769_423_400_000),
            start: start.map(str::to_owned),
        }
    }

    #[test]
    fn damage_is_named_with_the_command_that_mends_it() {
        let memories = Damage {
            memories: vec![memory(12, Some("the port is")), memory(13, None)],
            memory_count: 2,
            ..Damage::default()
        };
        let rows = Damage {
            rows: vec![DamagedRows {
                table: "memory_history",
                count: 1,
            }],
            ..Damage::default()
        };
        let derived = Damage {
            derived: vec!["3 memories are not found by their words".to_owned()],
            ..Damage::default()
        };
        let structure = Damage::of_structure("page 7 is malformed");
        let table = [
            (
                &memories,
                Cure::Repair,
                "2 memories do not match their checksums: 12 of 2026-01-26 (`the port is`), 13 of 2026-01-26 (gone); `commonplace repair`",
            ),
            (
                &rows,
                Cure::Repair,
                "a row of memory_history does not match its checksum; `commonplace repair`",
            ),
            (
                &structure,
                Cure::Repair,
                "page 7 is malformed; `commonplace repair`",
            ),
            (
                &derived,
                Cure::Rebuild,
                "3 memories are not found by their words; `commonplace rebuild`",
            ),
        ];
        for (damage, cure, words) in table {
            assert_eq!(damage.cure(), cure, "{damage}");
            assert!(damage.to_string().starts_with(words), "{damage}");
            assert_eq!(damage.is_of_structure(), *damage == structure, "{damage}");
        }
    }
}
