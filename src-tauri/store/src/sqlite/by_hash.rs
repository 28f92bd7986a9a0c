//! Finds out which memories a hash means.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, Row, params_from_iter};

use super::filter::{Among, Condition, condition};
use super::memory_row;
use super::stop::Stop;
use crate::by_hash::{ByHash, MENTIONS_MAX, Mention, Whose};
use crate::memory::{ContentHash, MemoryId};
use crate::ops::Refusal;
use crate::query::Filter;

/// Fewest characters of a shortened hash whose memories an answer shows, without acting on them.
const SHOWN_DIGITS_MIN: usize = 4;
/// The memories whose hash begins with `?1`, which ends before `?2`: a range of the index.
const BEGINS: &str = "m.content_hash >= ?1 AND m.content_hash < ?2";

/// A memory with one of the hashes that were named.
struct Found {
    id: MemoryId,
    project: String,
}

/// Returns `filter` with whole hashes in place of shortened ones.
///
/// # Errors
/// [`Refusal::SeveralBegin`] for the first one that may be several.
pub(super) fn with_whole_hashes(connection: &Connection, filter: &Filter) -> Result<Filter, Stop> {
    let mut filter = filter.clone();
    if let Some(named) = &mut filter.named {
        *named = whole(connection, named)?;
    }
    Ok(filter)
}

/// Returns `named` with whole hashes in place of shortened ones; one that nothing begins with stays as it is.
///
/// # Errors
/// [`Refusal::SeveralBegin`] for the first one that may be several.
pub(super) fn whole(connection: &Connection, named: &ByHash) -> Result<ByHash, Stop> {
    let mut named = named.clone();
    for hash in named.hashes.iter_mut().filter(|hash| hash.is_start()) {
        if let Some(found) = beginning(connection, hash)? {
            *hash = found;
        }
    }
    Ok(named)
}

/// Returns the hash that begins with `start`; None if there is none.
///
/// Deleted memories count: a delete that is repeated must not reach another memory.
fn beginning(connection: &Connection, start: &ContentHash) -> Result<Option<ContentHash>, Stop> {
    let sql = beginning_sql();
    let found: Vec<(String, i64)> = connection
        .prepare_cached(&sql)?
        .query_map((start.as_str(), start.end()), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let is_there = found.iter().any(|(hash, _)| hash == start.as_str());
    match found.as_slice() {
        [] => Ok(None),
        _ if is_there => Ok(None),
        [(hash, _)] => Ok(Some(ContentHash::from_stored(hash.clone()))),
        several => {
            let mut candidates = Vec::new();
            for (_, id) in several {
                let memory = memory_row::any(connection, MemoryId(*id))?;
                candidates.extend(memory.as_ref().map(Mention::of));
            }
            let start = start.clone();
            Err(Refusal::SeveralBegin { start, candidates }.into())
        }
    }
}

pub(super) fn beginning_sql() -> String {
    format!(
        "SELECT m.content_hash, max(m.id) FROM memories m WHERE {BEGINS} GROUP BY m.content_hash LIMIT {MENTIONS_MAX}"
    )
}

/// Brings the hashes that `filter` names down to ids. A filter that names none stays as it is.
///
/// # Errors
/// [`Refusal::Ambiguous`] for the first hash that may mean memories of several projects.
pub(super) fn meant(
    connection: &Connection,
    filter: &Filter,
    among: Among,
) -> Result<Filter, Stop> {
    let Some(named) = &filter.named else {
        return Ok(filter.clone());
    };
    let projects = meant_in(connection, named, &condition(filter, among))?;
    let mut filter = filter.clone();
    filter.named = None;
    filter.meant = Some(projects.into_keys().collect());
    Ok(filter)
}

/// Finds which of the memories that meet `condition` the hashes mean, and in which project each.
///
/// # Errors
/// [`Refusal::Ambiguous`] for the first hash that may mean memories of several projects.
pub(super) fn meant_in(
    connection: &Connection,
    named: &ByHash,
    condition: &Condition,
) -> Result<BTreeMap<MemoryId, String>, Stop> {
    let mut found = found(connection, condition)?;
    let mut meant = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for hash in named.hashes.iter().filter(|hash| seen.insert(*hash)) {
        let Some(mut with_hash) = found.remove(hash) else {
            continue;
        };
        match project(connection, &named.whose, hash, &with_hash)? {
            Some(project) => with_hash.retain(|found| found.project == project),
            None => return Err(ambiguous(connection, hash, &with_hash)?.into()),
        }
        meant.extend(with_hash.into_iter().map(|found| (found.id, found.project)));
    }
    Ok(meant)
}

fn found(
    connection: &Connection,
    condition: &Condition,
) -> rusqlite::Result<HashMap<ContentHash, Vec<Found>>> {
    let sql = format!(
        "SELECT m.content_hash, m.id, m.project FROM memories m WHERE {} ORDER BY m.created_ms DESC, m.id DESC",
        condition.sql
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&condition.values))?;
    let mut found = HashMap::<_, Vec<Found>>::new();
    while let Some(row) = rows.next()? {
        let hash = ContentHash::from_stored(row.get(0)?);
        found.entry(hash).or_default().push(Found {
            id: MemoryId(row.get(1)?),
            project: row.get(2)?,
        });
    }
    Ok(found)
}

/// Returns the project that is meant; None if it may be one of several.
fn project(
    connection: &Connection,
    whose: &Whose,
    hash: &ContentHash,
    found: &[Found],
) -> rusqlite::Result<Option<String>> {
    match whose {
        Whose::Of(project) => return Ok(Some(project.clone())),
        Whose::FirstOf(own) if has(connection, own, hash)? => return Ok(Some(own.clone())),
        Whose::FirstOf(_) | Whose::TheOnly => {}
    }
    let projects: BTreeSet<&String> = found.iter().map(|found| &found.project).collect();
    let is_one = projects.len() == 1;
    Ok(projects
        .first()
        .filter(|_| is_one)
        .map(|project| (*project).clone()))
}

/// Says whether a project has a memory with this hash, living or deleted.
fn has(connection: &Connection, project: &str, hash: &ContentHash) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM memories WHERE content_hash = ?1 AND project = ?2)",
        )?
        .query_row((hash.as_str(), project), |row| row.get(0))
}

fn ambiguous(
    connection: &Connection,
    hash: &ContentHash,
    found: &[Found],
) -> rusqlite::Result<Refusal> {
    let mut projects = BTreeSet::new();
    let newest = found.iter().filter(|found| projects.insert(&found.project));
    let mut candidates = Vec::new();
    for found in newest.take(MENTIONS_MAX) {
        candidates.extend(memory_row::any(connection, found.id)?);
    }
    Ok(Refusal::Ambiguous {
        hash: hash.clone(),
        candidates: candidates.iter().map(Mention::of).collect(),
    })
}

/// Returns the memories that `given` may have meant although it hit none: those with this hash in any project, living
/// ones first; else those whose hash begins with it.
pub(super) fn candidates(
    connection: &Connection,
    given: &ContentHash,
) -> rusqlite::Result<Vec<Mention>> {
    let exact = mentions(connection, "m.content_hash = ?1", &[given.as_str()])?;
    if !exact.is_empty() || given.as_str().len() < SHOWN_DIGITS_MIN {
        return Ok(exact);
    }
    mentions(connection, BEGINS, &[given.as_str(), &given.end()])
}

fn mentions(
    connection: &Connection,
    condition: &str,
    values: &[&str],
) -> rusqlite::Result<Vec<Mention>> {
    let sql = format!(
        "SELECT {} FROM memories m WHERE {condition}
         ORDER BY m.deleted_ms IS NOT NULL, m.created_ms DESC, m.id DESC LIMIT {MENTIONS_MAX}",
        memory_row::COLUMNS
    );
    let mention = |row: &Row<'_>| Ok(Mention::of(&memory_row::from_row(row)?));
    connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(values), mention)?
        .collect()
}
