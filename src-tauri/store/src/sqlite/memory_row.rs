//! A row of the table of memories, read as a memory.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{lenient, sums};
use crate::memory::{ContentHash, Memory, MemoryId, Provenance};

/// Columns of a whole memory, in the order [`from_row`] reads them: those of the table, and the checksum.
pub(super) const COLUMNS: &str = "m.id, m.content_hash, m.text, m.tags, m.memory_type, m.project, m.metadata, \
     m.created_ms, m.updated_ms, m.deleted_ms, m.client, m.client_version, m.session, m.host_name, m.chunks_indexed, \
     (SELECT s.sum FROM memories_sums s WHERE s.id = m.id)";

/// Reads a row of [`COLUMNS`]. A damaged one is read as far as it can be, so that a list shows the others.
pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Memory> {
    let is_whole = sums::MEMORIES.is_whole(row, 0)?;
    Ok(Memory {
        id: MemoryId(row.get(0)?),
        content_hash: ContentHash::from_stored(lenient::text(row, 1)?),
        text: lenient::text(row, 2)?,
        tags: lenient::json(row, 3)?,
        memory_type: lenient::name(row, 4)?,
        project: lenient::text(row, 5)?,
        metadata: lenient::json(row, 6)?,
        created_ms: lenient::number(row, 7)?,
        updated_ms: lenient::number(row, 8)?,
        deleted_ms: lenient::time(row, 9)?,
        provenance: Provenance {
            client: lenient::text(row, 10)?,
            client_version: lenient::name(row, 11)?,
            session: lenient::name(row, 12)?,
            host_name: lenient::name(row, 13)?,
        },
        is_damaged: !is_whole,
    })
}

/// Returns one memory, living or deleted.
pub(super) fn any(connection: &Connection, id: MemoryId) -> rusqlite::Result<Option<Memory>> {
    let sql = format!("SELECT {COLUMNS} FROM memories m WHERE m.id = ?1");
    connection
        .prepare_cached(&sql)?
        .query_row([id.0], from_row)
        .optional()
}
