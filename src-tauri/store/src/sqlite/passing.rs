//! Which memories pass a filter: asked once for each search, before anything is ranked.

use rusqlite::{Connection, params_from_iter};

use super::filter::Condition;
use crate::memory::MemoryId;

/// The memories that pass a filter, sorted.
pub(super) struct Passing(Vec<MemoryId>);

impl Passing {
    /// Looks up the memories that meet `condition`.
    pub(super) fn look_up(
        connection: &Connection,
        condition: &Condition,
    ) -> rusqlite::Result<Self> {
        let sql = format!("SELECT m.id FROM memories m WHERE {}", condition.sql);
        let mut statement = connection.prepare_cached(&sql)?;
        let ids = statement.query_map(params_from_iter(&condition.values), |row| {
            row.get(0).map(MemoryId)
        })?;
        let mut passing: Vec<MemoryId> = ids.collect::<rusqlite::Result<_>>()?;
        passing.sort_unstable();
        Ok(Self(passing))
    }

    /// Says whether `memory` passes.
    pub(super) fn has(&self, memory: MemoryId) -> bool {
        self.0.binary_search(&memory).is_ok()
    }

    /// Returns all of them, in the order of their ids.
    pub(super) fn all(&self) -> &[MemoryId] {
        &self.0
    }
}
