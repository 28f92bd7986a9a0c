//! Pages of the list, counts to filter by, and one memory with its history.

use std::collections::HashMap;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::filter::{Among, condition};
use super::{memories, reader};
use crate::browse::{Browse, Cursor, Earlier, Facet, Facets, HISTORY_LEN_MAX, Page, Record};
use crate::memory::{Memory, MemoryId};
use crate::ops::CommitSeq;

/// Reads the part of the list that `browse` asks for.
///
/// The page is found by ids alone and read afterwards: a filter that no index serves makes SQLite sort what passes, and
/// whole texts are long to sort.
pub(super) fn page(connection: &Connection, browse: &Browse) -> rusqlite::Result<Page> {
    let (among, time) = if browse.deleted {
        (Among::Deleted, "deleted_ms")
    } else {
        (Among::Living, "created_ms")
    };
    let mut condition = condition(&browse.filter, among);
    let total = match browse.after {
        None => Some(reader::count(connection, &condition)?),
        Some(_) => None,
    };
    if let Some(after) = browse.after {
        condition
            .sql
            .push_str(&format!(" AND (m.{time}, m.id) < (?, ?)"));
        condition
            .values
            .extend([Value::from(after.at_ms), Value::from(after.id.0)]);
    }
    let sql = format!(
        "SELECT {}
         FROM memories m
         WHERE m.id IN (
             SELECT m.id
             FROM memories m
             WHERE {}
             ORDER BY m.{time} DESC, m.id DESC
             LIMIT {}
         )
         ORDER BY m.{time} DESC, m.id DESC",
        memories::COLUMNS,
        condition.sql,
        browse.limit + 1,
    );
    let mut memories: Vec<Memory> = connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(&condition.values), memories::from_row)?
        .collect::<rusqlite::Result<_>>()?;
    let goes_on = memories.len() > browse.limit;
    memories.truncate(browse.limit);
    let next = memories.last().filter(|_| goes_on).map(place);
    Ok(Page {
        memories,
        next,
        total,
    })
}

/// The place right after a memory: among deleted ones by the time of deletion, among living ones by that of creation.
fn place(memory: &Memory) -> Cursor {
    Cursor {
        at_ms: memory.deleted_ms.unwrap_or(memory.created_ms),
        id: memory.id,
    }
}

/// Counts living memories by what they can be filtered by.
pub(super) fn facets(connection: &Connection, top: usize) -> rusqlite::Result<Facets> {
    let projects = counted(
        connection,
        "SELECT project, count(*) FROM memories WHERE deleted_ms IS NULL GROUP BY project",
    )?;
    let (types, clients) = types_and_clients(connection)?;
    Ok(Facets {
        projects: Facet::of(projects, top),
        tags: Facet::of(tags(connection)?, top),
        types: Facet::of(types, top),
        clients: Facet::of(clients, top),
    })
}

/// Counts tags of living memories. Deleted ones keep their tags, so they are counted apart and taken off: joining each
/// tag with its memory costs twenty times as much as counting the index. CROSS JOIN begins with the few that are deleted.
fn tags(connection: &Connection) -> rusqlite::Result<HashMap<String, u64>> {
    let mut all = counted(
        connection,
        "SELECT tag, count(*) FROM memory_tags GROUP BY tag",
    )?;
    let gone = counted(
        connection,
        "SELECT t.tag, count(*)
         FROM memories m
         CROSS JOIN memory_tags t ON t.memory_id = m.id
         WHERE m.deleted_ms IS NOT NULL
         GROUP BY t.tag",
    )?;
    for (tag, count) in gone {
        all.entry(tag)
            .and_modify(|all| *all = all.saturating_sub(count));
    }
    Ok(all)
}

type Counts = HashMap<String, u64>;

/// Counts types and clients, which no index has, in one look at all memories in the order they lie in the file.
fn types_and_clients(connection: &Connection) -> rusqlite::Result<(Counts, Counts)> {
    let (mut types, mut clients) = (Counts::new(), Counts::new());
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(memory_type, ''), client, count(*)
         FROM memories NOT INDEXED
         WHERE deleted_ms IS NULL
         GROUP BY memory_type, client",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let count = row.get::<_, i64>(2)? as u64;
        *types.entry(row.get(0)?).or_default() += count;
        *clients.entry(row.get(1)?).or_default() += count;
    }
    Ok((types, clients))
}

fn counted(connection: &Connection, sql: &str) -> rusqlite::Result<Counts> {
    connection
        .prepare_cached(sql)?
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?
        .collect()
}

/// Reads a memory, living or deleted, and its history.
pub(super) fn record(connection: &Connection, id: MemoryId) -> rusqlite::Result<Option<Record>> {
    let Some(memory) = memories::any(connection, id)? else {
        return Ok(None);
    };
    let is_indexed = connection
        .prepare_cached("SELECT chunks_indexed IS NOT NULL FROM memories WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?
        .unwrap_or(false);
    let history = connection
        .prepare_cached(
            "SELECT change, seq, at_ms, client, text, tags, memory_type, project, metadata
             FROM memory_history
             WHERE memory_id = ?1
             ORDER BY id DESC
             LIMIT ?2",
        )?
        .query_map((id.0, HISTORY_LEN_MAX as i64), earlier)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(Record {
        memory,
        is_indexed,
        history,
    }))
}

fn earlier(row: &Row<'_>) -> rusqlite::Result<Earlier> {
    Ok(Earlier {
        change: row.get(0)?,
        seq: CommitSeq(row.get(1)?),
        at_ms: row.get(2)?,
        client: row.get(3)?,
        text: row.get(4)?,
        tags: memories::from_json(row, 5)?,
        memory_type: row.get(6)?,
        project: row.get(7)?,
        metadata: memories::from_json(row, 8)?,
    })
}
