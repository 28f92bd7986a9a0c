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

/// Fewest characters of a shortened hash that are looked for.
const START_LEN_MIN: usize = 4;

/// A memory with one of the hashes that were named.
struct Found {
    id: MemoryId,
    project: String,
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
    let exact = mentions(connection, "m.content_hash = ?1", given.as_str())?;
    if !exact.is_empty() || given.as_str().len() < START_LEN_MIN {
        return Ok(exact);
    }
    let begins = "m.content_hash >= ?1 AND m.content_hash < ?1 || char(0x10FFFF)";
    mentions(connection, begins, given.as_str())
}

fn mentions(
    connection: &Connection,
    condition: &str,
    hash: &str,
) -> rusqlite::Result<Vec<Mention>> {
    let sql = format!(
        "SELECT {} FROM memories m WHERE {condition}
         ORDER BY m.deleted_ms IS NOT NULL, m.created_ms DESC, m.id DESC LIMIT {MENTIONS_MAX}",
        memory_row::COLUMNS
    );
    let mention = |row: &Row<'_>| Ok(Mention::of(&memory_row::from_row(row)?));
    connection
        .prepare_cached(&sql)?
        .query_map([hash], mention)?
        .collect()
}
