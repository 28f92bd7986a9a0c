//! Looking through memories without a question: pages of a list, what there is to filter by, and all about one memory.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::memory::{Memory, MemoryId};
use crate::ops::CommitSeq;
use crate::query::{BROWSE_LIMIT_MAX, Filter, QueryError};

/// Most names that are counted one by one in a [`Facet`].
pub const FACET_NAMES_MAX: usize = 500;
/// Most earlier states of a memory in a [`Record`].
pub const HISTORY_LEN_MAX: usize = 100;

/// A place in a list, right after one memory. As text it is `TIME.ID`.
///
/// It stays valid when memories come and go: unlike a page number, it skips and repeats none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When that memory was created, or deleted in a list of deleted ones; milliseconds since 1970.
    pub(crate) at_ms: i64,
    pub(crate) id: MemoryId,
}

impl Cursor {
    /// Returns the place right after `memory`.
    pub fn after(memory: &Memory) -> Self {
        Self {
            at_ms: memory.deleted_ms.unwrap_or(memory.created_ms),
            id: memory.id,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at_ms, self.id)
    }
}

impl FromStr for Cursor {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let number = |text: &str| text.parse::<i64>().map_err(|_| QueryError::Cursor);
        let (at_ms, id) = text.split_once('.').ok_or(QueryError::Cursor)?;
        Ok(Self {
            at_ms: number(at_ms)?,
            id: MemoryId(number(id)?),
        })
    }
}

/// A checked request for a part of a list. Made by [`Browse::parse`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browse {
    pub(crate) filter: Filter,
    pub(crate) deleted: bool,
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: usize,
}

impl Browse {
    /// Asks for the `limit` memories after a place, 1 to [`BROWSE_LIMIT_MAX`]; None begins with the newest.
    ///
    /// `deleted` lists what was deleted and can be restored, the one deleted last first.
    pub fn parse(
        filter: Filter,
        deleted: bool,
        after: Option<Cursor>,
        limit: i64,
    ) -> Result<Self, QueryError> {
        if !(1..=BROWSE_LIMIT_MAX as i64).contains(&limit) {
            return Err(QueryError::BrowseLimit { given: limit });
        }
        Ok(Self {
            filter,
            deleted,
            after,
            limit: limit as usize,
        })
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The memories, the newest first.
    pub memories: Vec<Memory>,
    /// Where the list goes on; None at its end.
    pub next: Option<Cursor>,
    /// How many pass the filter in all; counted for the first part only.
    pub total: Option<u64>,
}

/// What living memories, or deleted ones, can be filtered by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facets {
    /// Projects; the empty name stands for memories without one.
    pub projects: Facet,
    /// Tags.
    pub tags: Facet,
    /// Types; the empty name stands for memories without one.
    pub types: Facet,
    /// Clients that stored them.
    pub clients: Facet,
}

/// The most frequent names of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facet {
    /// The names, the most frequent first.
    pub top: Vec<Named>,
    /// How many other names there are.
    pub more: usize,
}

/// A name and how many of the memories have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The name.
    pub name: String,
    /// How many.
    pub count: u64,
}

impl Facet {
    /// Keeps the `top` most frequent of `counts`; names of the same number in their alphabetic order.
    pub(crate) fn of(counts: impl IntoIterator<Item = (String, u64)>, top: usize) -> Self {
        let mut names: Vec<Named> = counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| Named { name, count })
            .collect();
        names.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        let more = names.len().saturating_sub(top);
        names.truncate(top);
        Self { top: names, more }
    }
}

/// All that is known of one memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// The memory as it is.
    pub memory: Memory,
    /// Whether it can be found by its meaning.
    pub is_indexed: bool,
    /// What it was before each change, the latest first; the last [`HISTORY_LEN_MAX`].
    pub history: Vec<Earlier>,
}

/// What a memory was before a change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Earlier {
    /// The change that ended it: `update`, `delete` or `undelete`.
    pub change: String,
    /// The write that made the change.
    pub seq: CommitSeq,
    /// When that was, in milliseconds since 1970.
    pub at_ms: i64,
    /// Program that asked for it.
    pub client: String,
    /// The text before.
    pub text: String,
    /// The tags before.
    pub tags: Vec<String>,
    /// The type before.
    #[serde(rename = "type")]
    pub memory_type: Option<String>,
    /// The project before; None if the change was made by a program that did not write it down.
    pub project: Option<String>,
    /// The metadata before.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// True if the row does not match its checksum: something of what is here is not what was written down.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_damaged: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_being_written_down_and_nothing_else_is_one() {
        let cursor = Cursor {
            at_ms: -5,
            id: MemoryId(7),
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for given in [
            "",
            ".",
            "1",
            "1.",
            ".1",
            "1.2.3",
            "a.b",
            "1.2 ",
            "99999999999999999999.1",
        ] {
            assert_eq!(given.parse::<Cursor>(), Err(QueryError::Cursor), "{given}");
        }
    }

    #[test]
    fn the_most_frequent_names_come_first_and_the_others_are_counted() {
        let counts = [("b", 2), ("none", 0), ("a", 2), ("c", 9), ("d", 1)];
        let counts = counts.map(|(name, count)| (name.to_owned(), count));
        let facet = Facet::of(counts, 3);
        let names: Vec<&str> = facet.top.iter().map(|named| named.name.as_str()).collect();
        assert_eq!((names, facet.more), (vec!["c", "a", "b"], 1));
    }
}
