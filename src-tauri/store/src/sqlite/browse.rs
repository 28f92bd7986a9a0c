//! Pages of the list, counts to filter by, and one memory with its history.

use std::collections::HashMap;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::filter;
use super::filter::{Among, Condition, condition};
use super::memory_row;
use super::{lenient, sums};
use crate::browse::{Browse, Cursor, Earlier, Facet, Facets, HISTORY_LEN_MAX, Page, Record};
use crate::memory::{Memory, MemoryId};
use crate::ops::CommitSeq;

/// Reads the part of the list that `browse` asks for.
///
/// The page is found by ids alone and read afterwards: a filter that no index serves makes SQLite sort what passes, and
/// whole texts are long to sort.
pub(super) fn page(connection: &Connection, browse: &Browse) -> rusqlite::Result<Page> {
    let among = Among::of(browse.deleted);
    let mut condition = condition(&browse.filter, among);
    let (places, total) = match browse.after {
        Some(after) => {
            let after = [Value::from(after.at_ms), Value::from(after.id.0)];
            condition.add_all(&format!("(m.{}, m.id) < (?, ?)", among.time()), after);
            (first_places(connection, &condition, browse)?, None)
        }
        None if browse.filter.contained().is_empty() => {
            let total = filter::count(connection, &condition)?;
            (first_places(connection, &condition, browse)?, Some(total))
        }
        None => {
            // To count them all texts are looked through; to find the first ones they would be a second time.
            let all = all_places(connection, &condition, among)?;
            let total = all.len() as u64;
            (all, Some(total))
        }
    };
    let goes_on = places.len() > browse.limit;
    let places = &places[..places.len().min(browse.limit)];
    Ok(Page {
        memories: memories_at(connection, places)?,
        next: places.last().filter(|_| goes_on).copied(),
        total,
    })
}

/// Returns the places of the newest that meet `condition`: one more than are asked for, if there are so many.
fn first_places(
    connection: &Connection,
    condition: &Condition,
    browse: &Browse,
) -> rusqlite::Result<Vec<Cursor>> {
    let time = Among::of(browse.deleted).time();
    let order = format!(
        "ORDER BY m.{time} DESC, m.id DESC LIMIT {}",
        browse.limit + 1
    );
    places(connection, condition, time, &order)
}

/// Returns the places of all that meet `condition`, the newest first. Sorted here, so that SQLite reads the memories in
/// the order that suits it.
fn all_places(
    connection: &Connection,
    condition: &Condition,
    among: Among,
) -> rusqlite::Result<Vec<Cursor>> {
    let mut places = places(connection, condition, among.time(), "")?;
    places.sort_unstable_by_key(|place| std::cmp::Reverse((place.at_ms, place.id)));
    Ok(places)
}

fn places(
    connection: &Connection,
    condition: &Condition,
    time: &str,
    order: &str,
) -> rusqlite::Result<Vec<Cursor>> {
    let sql = format!(
        "SELECT m.{time}, m.id FROM memories m WHERE {} {order}",
        condition.sql
    );
    let place = |row: &Row<'_>| {
        Ok(Cursor {
            at_ms: row.get(0)?,
            id: MemoryId(row.get(1)?),
        })
    };
    connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(&condition.values), place)?
        .collect()
}

/// Reads the memories at these places, in their order.
fn memories_at(connection: &Connection, places: &[Cursor]) -> rusqlite::Result<Vec<Memory>> {
    let found = places
        .iter()
        .map(|place| memory_row::any(connection, place.id));
    let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// Counts memories by what they can be filtered by.
pub(super) fn facets(
    connection: &Connection,
    among: Among,
    top: usize,
) -> rusqlite::Result<Facets> {
    let [projects, types, clients] = names(connection, among)?;
    let tags = match among {
        Among::Living => tags_of_living(connection)?,
        Among::Deleted => tags_of_deleted(connection)?,
    };
    Ok(Facets {
        projects: Facet::of(projects, top),
        tags: Facet::of(tags, top),
        types: Facet::of(types, top),
        clients: Facet::of(clients, top),
    })
}

type Counts = HashMap<String, u64>;

/// Counts tags of living memories. Deleted ones keep their tags, so they are counted apart and taken off: joining each
/// tag with its memory costs twenty times as much as counting the index.
fn tags_of_living(connection: &Connection) -> rusqlite::Result<Counts> {
    let mut all = counted(
        connection,
        "SELECT tag, count(*) FROM memory_tags GROUP BY tag",
    )?;
    for (tag, count) in tags_of_deleted(connection)? {
        all.entry(tag)
            .and_modify(|all| *all = all.saturating_sub(count));
    }
    Ok(all)
}

/// Counts tags of deleted memories. CROSS JOIN begins with the few that are deleted.
fn tags_of_deleted(connection: &Connection) -> rusqlite::Result<Counts> {
    counted(
        connection,
        "SELECT t.tag, count(*)
         FROM memories m
         CROSS JOIN memory_tags t ON t.memory_id = m.id
         WHERE m.deleted_ms IS NOT NULL
         GROUP BY t.tag",
    )
}

/// Counts projects, types and clients in one look at the memories, the living ones in the order they lie in the file: no
/// index has all three, and to let SQLite sort them into groups costs several times as much.
fn names(connection: &Connection, among: Among) -> rusqlite::Result<[Counts; 3]> {
    let order = match among {
        Among::Living => "NOT INDEXED",
        Among::Deleted => "",
    };
    let sql = format!(
        "SELECT m.project, coalesce(m.memory_type, ''), m.client
         FROM memories m {order}
         WHERE {}",
        among.sql()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let mut all = [Counts::new(), Counts::new(), Counts::new()];
    while let Some(row) = rows.next()? {
        for (column, counts) in all.iter_mut().enumerate() {
            let name = row.get_ref(column)?.as_bytes().unwrap_or_default();
            let name = String::from_utf8_lossy(name);
            match counts.get_mut(name.as_ref()) {
                Some(count) => *count += 1,
                None => drop(counts.insert(name.into_owned(), 1)),
            }
        }
    }
    Ok(all)
}

fn counted(connection: &Connection, sql: &str) -> rusqlite::Result<Counts> {
    connection
        .prepare_cached(sql)?
        .query_map([], |row| {
            Ok((lenient::text(row, 0)?, row.get::<_, i64>(1)? as u64))
        })?
        .collect()
}

/// Reads a memory, living or deleted, and its history.
pub(super) fn record(connection: &Connection, id: MemoryId) -> rusqlite::Result<Option<Record>> {
    let Some(memory) = memory_row::any(connection, id)? else {
        return Ok(None);
    };
    let is_indexed = connection
        .prepare_cached("SELECT chunks_indexed IS NOT NULL FROM memories WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?
        .unwrap_or(false);
    let history = connection
        .prepare_cached(
            "SELECT h.id, h.memory_id, h.seq, h.change, h.at_ms, h.client, h.text, h.tags, h.memory_type, h.metadata,
                    h.project, (SELECT s.sum FROM memory_history_sums s WHERE s.id = h.id)
             FROM memory_history h
             WHERE h.memory_id = ?1
             ORDER BY h.id DESC
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

/// Reads a row of the history; a damaged one as far as it can be.
fn earlier(row: &Row<'_>) -> rusqlite::Result<Earlier> {
    Ok(Earlier {
        change: lenient::text(row, 3)?,
        seq: CommitSeq(lenient::number(row, 2)?),
        at_ms: lenient::number(row, 4)?,
        client: lenient::text(row, 5)?,
        text: lenient::text(row, 6)?,
        tags: lenient::json(row, 7)?,
        memory_type: lenient::name(row, 8)?,
        project: lenient::name(row, 10)?,
        metadata: lenient::json(row, 9)?,
        is_damaged: !sums::HISTORY.is_whole(row, 0)?,
    })
}
