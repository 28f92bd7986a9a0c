//! Folding: reading what is new in the journals and adding it up, in one transaction.
//!
//! How far each journal has been read is kept in the same transaction as what was read from it. So each event counts
//! once, whoever folds, however often, and whenever it is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use commonplace_lock::InstanceId;
use rusqlite::{Connection, named_params};

use super::journal::{self, JournalName};
use super::tally::Tally;
use super::trouble::Trouble;
use super::{history, incidents, shares};

/// Reads the new events of all journals in `dir`. Returns the journals that are of no more use once the transaction is
/// committed: read to the end, and nobody will append.
pub(super) fn fold(
    connection: &Connection,
    dir: &Path,
    now_ms: i64,
    is_alive: &dyn Fn(&InstanceId) -> bool,
) -> Result<Vec<JournalName>, Trouble> {
    let known = offsets(connection)?;
    // Who is alive is asked before the journals are read: what a dead one wrote is all there by then.
    let names = journal::list(dir)?;
    let complete = complete(&names, is_alive);
    let mut tally = Tally::new(now_ms);
    let mut used_up = Vec::new();
    for name in &names {
        let file_name = name.file_name();
        let before = known.get(&file_name).copied();
        let is_complete = complete.contains(name);
        let Some(offset) = read_to_end(
            &dir.join(&file_name),
            before.unwrap_or_default(),
            is_complete,
            |event| tally.add(event, name.instance.as_str()),
        )?
        else {
            continue;
        };
        if before != Some(offset) {
            keep_offset(connection, &file_name, offset)?;
        }
        if is_complete {
            used_up.push(name.clone());
        }
    }
    forget_removed(connection, &known, &names)?;
    tally.figures.add_to(connection, now_ms)?;
    history::add(connection, &tally.seconds)?;
    shares::add(connection, &tally.shares)?;
    incidents::add(connection, &tally.incidents)?;
    Ok(used_up)
}

/// Returns the journals that nobody will append to.
fn complete(
    names: &[JournalName],
    is_alive: &dyn Fn(&InstanceId) -> bool,
) -> BTreeSet<JournalName> {
    let mut complete = BTreeSet::new();
    for journals in names.chunk_by(|a, b| a.instance == b.instance) {
        let (newest, older) = journals.split_last().expect("a chunk is not empty");
        complete.extend(older.iter().cloned());
        if !is_alive(&newest.instance) {
            complete.insert(newest.clone());
        }
    }
    complete
}

/// Hands out the events from `offset` on. Returns up to where it read; None if the journal is gone or not ours.
fn read_to_end(
    path: &Path,
    mut offset: u64,
    is_complete: bool,
    mut take: impl FnMut(&super::Event),
) -> Result<Option<u64>, Trouble> {
    loop {
        let Some(segment) = journal::read(path, offset, is_complete)? else {
            return Ok(None);
        };
        segment.events.iter().for_each(&mut take);
        offset = segment.read_up_to;
        if segment.is_at_end {
            return Ok(Some(offset));
        }
    }
}

fn offsets(connection: &Connection) -> Result<BTreeMap<String, u64>, Trouble> {
    let mut statement = connection.prepare_cached("SELECT name, read_up_to FROM journals")?;
    let rows = statement.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, i64>(1)?.cast_unsigned(),
        ))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn keep_offset(connection: &Connection, file_name: &str, offset: u64) -> Result<(), Trouble> {
    connection
        .prepare_cached("REPLACE INTO journals (name, read_up_to) VALUES (:name, :read_up_to)")?
        .execute(named_params! { ":name": file_name, ":read_up_to": offset.cast_signed() })?;
    Ok(())
}

/// Forgets how far journals were read that are gone. Their names are never used again.
fn forget_removed(
    connection: &Connection,
    known: &BTreeMap<String, u64>,
    names: &[JournalName],
) -> Result<(), Trouble> {
    let there: BTreeSet<String> = names.iter().map(JournalName::file_name).collect();
    for gone in known.keys().filter(|name| !there.contains(*name)) {
        connection
            .prepare_cached("DELETE FROM journals WHERE name = ?1")?
            .execute([gone])?;
    }
    Ok(())
}
