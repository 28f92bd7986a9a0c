//! One part of a write that concerns many memories, and what such a write chooses.
//!
//! Whoever asks has chosen the memories with a reader, outside the lock. Each part takes as many of them as it can in
//! [`PART_TIME_MAX`], so that nobody else waits for long, and says how far it came.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::by_hash;
use super::filter::{Among, Condition, condition, condition_on_few};
use super::memories::Change;
use super::memory_row::any;
use super::stop::Stop;
use crate::by_hash::{ByHash, Whose};
use crate::memory::{ContentHash, Memory, MemoryId};
use crate::ops::{
    Choice, CommitSeq, IdAct, Missed, Part, PartDone, Refusal, WriteOp, WriteOutcome,
};
use crate::query::Filter;

/// Longest time that a part takes from the lock before its commit, apart from its last memory.
const PART_TIME_MAX: Duration = Duration::from_millis(40);
/// Most hashes that an answer about many memories carries.
const HASHES_MAX: usize = 100;

/// What a part did with the memories it took.
#[derive(Default)]
struct Taken {
    done: Vec<MemoryId>,
    missed: Vec<(MemoryId, Missed)>,
}

impl Change<'_> {
    /// Takes memories of `part` until its time is up; at least one.
    pub(super) fn part(&self, part: &Part) -> rusqlite::Result<WriteOutcome> {
        let began = Instant::now();
        let act = act_of(&part.whole);
        let ids = still_meant(self.connection, part)?;
        let mut taken = Taken::default();
        let mut reached = None;
        for id in &ids {
            if reached.is_some() && began.elapsed() > PART_TIME_MAX {
                return Ok(self.outcome(part, act, taken, reached));
            }
            let before = self.to_mention(&part.whole, *id)?;
            match self.one(act, *id)? {
                Ok(()) => {
                    taken.done.push(*id);
                    before.iter().for_each(|memory| self.mention(memory));
                }
                Err(why) => taken.missed.push((*id, why)),
            }
            reached = Some(*id);
        }
        // Those that do not pass any more are behind as well.
        Ok(self.outcome(part, act, taken, part.ids.last().copied()))
    }

    /// Returns a memory as it is before the part, if it may be one of those that the answer names.
    fn to_mention(&self, whole: &WriteOp, id: MemoryId) -> rusqlite::Result<Option<Memory>> {
        let is_named_by_id = matches!(whole, WriteOp::ByIds(..));
        match is_named_by_id || self.mentions_are_full() {
            true => Ok(None),
            false => any(self.connection, id),
        }
    }

    fn outcome(
        &self,
        part: &Part,
        act: IdAct,
        taken: Taken,
        reached: Option<MemoryId>,
    ) -> WriteOutcome {
        let Taken { done, missed } = taken;
        let count = done.len() as u64;
        let part_done = self.progress(part, reached);
        match (&part.whole, act) {
            (WriteOp::ByIds(..), _) => WriteOutcome::ByIds {
                act,
                done: done.into(),
                missed: missed.into(),
                part: part_done,
            },
            (_, IdAct::Delete) => WriteOutcome::Deleted {
                count,
                hashes: self.first_hashes(&done),
                part: part_done,
            },
            (_, IdAct::Undelete) => WriteOutcome::Undeleted {
                count,
                part: part_done,
            },
            (_, IdAct::Purge) => WriteOutcome::Purged {
                count,
                part: part_done,
            },
        }
    }

    /// Says how far the whole write has come; None if this part is all of it.
    fn progress(&self, part: &Part, reached: Option<MemoryId>) -> Option<PartDone> {
        let place = |id| part.ids.iter().position(|one| *one == id);
        let taken = reached.and_then(place).map_or(0, |place| place as u64 + 1);
        let done = part.done + taken;
        if part.act.is_none() && done >= part.of {
            return None;
        }
        Some(PartDone {
            act: part.act.unwrap_or(self.seq),
            reached: reached.unwrap_or(part.up_to),
            up_to: part.up_to,
            done,
            of: part.of,
        })
    }

    fn first_hashes(&self, ids: &[MemoryId]) -> Vec<ContentHash> {
        let newest_first = ids.iter().rev().take(HASHES_MAX);
        let found = newest_first.filter_map(|id| any(self.connection, *id).ok().flatten());
        found.map(|memory| memory.content_hash).collect()
    }
}

/// What is done with each memory of a write in parts.
fn act_of(whole: &WriteOp) -> IdAct {
    match whole {
        WriteOp::Undelete(_) | WriteOp::UndoDelete(_) => IdAct::Undelete,
        WriteOp::Purge(_) => IdAct::Purge,
        WriteOp::ByIds(act, _) => *act,
        _ => IdAct::Delete,
    }
}

/// Returns those memories of a part that are still what was asked for, in the same order: they were chosen before the lock
/// was taken; those that changed since may have been deleted, restored, retagged or moved.
fn still_meant(connection: &Connection, part: &Part) -> rusqlite::Result<Vec<MemoryId>> {
    let by_hash = |named: &ByHash| Filter::default().with_named(named.clone());
    match &part.whole {
        WriteOp::Delete(filter) => still_passing(connection, filter, Among::Living, part),
        WriteOp::Undelete(named) | WriteOp::Purge(named) => {
            still_passing(connection, &by_hash(named), Among::Deleted, part)
        }
        WriteOp::UndoDelete(act) => still_deleted_by(connection, *act, &part.ids),
        // Whoever names memories by their ids means them as they are.
        _ => Ok(part.ids.clone()),
    }
}

/// Returns those that pass the filter. One that was meant by its hash is also where it was when it was chosen: its hash
/// may mean another one by now.
fn still_passing(
    connection: &Connection,
    filter: &Filter,
    among: Among,
    part: &Part,
) -> rusqlite::Result<Vec<MemoryId>> {
    let condition = condition_on_few(filter, among);
    let hashes = filter.named.as_ref().map(|named| Given::of(&named.hashes));
    // The order of the join is said: an index on something that many memories have would cost all of them for each part.
    let sql = format!(
        "SELECT m.id, m.project, m.content_hash FROM json_each(?) j CROSS JOIN memories m ON m.id = j.value WHERE {} ORDER BY j.key",
        condition.sql
    );
    let values = std::iter::once(Value::from(as_json(&part.ids))).chain(condition.values);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut passing = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, project) = (MemoryId(row.get(0)?), row.get::<_, String>(1)?);
        let hash = row.get_ref(2)?.as_str()?;
        let is_meant =
            |given: &Given<'_>| given.names(hash) && part.projects.get(&id) == Some(&project);
        if hashes.as_ref().is_none_or(is_meant) {
            passing.push(id);
        }
    }
    Ok(passing)
}

/// Hashes as they were given, whole ones apart from shortened ones: there may be tens of thousands of the former.
struct Given<'a> {
    whole: HashSet<&'a str>,
    starts: Vec<&'a ContentHash>,
}

impl<'a> Given<'a> {
    fn of(hashes: &'a [ContentHash]) -> Self {
        Self {
            whole: hashes.iter().map(ContentHash::as_str).collect(),
            starts: hashes.iter().filter(|hash| hash.is_start()).collect(),
        }
    }

    fn names(&self, stored: &str) -> bool {
        self.whole.contains(stored) || self.starts.iter().any(|start| start.names(stored))
    }
}

/// Returns those that `act` was the last to delete.
fn still_deleted_by(
    connection: &Connection,
    act: CommitSeq,
    ids: &[MemoryId],
) -> rusqlite::Result<Vec<MemoryId>> {
    connection
        .prepare_cached(
            "SELECT m.id
             FROM json_each(?1) j CROSS JOIN memories m ON m.id = j.value
             WHERE m.deleted_ms IS NOT NULL
               AND (
                   SELECT c.seq = ?2 OR json_extract(c.outcome, '$.part.act') = ?2
                   FROM memory_history h JOIN commit_log c ON c.seq = h.seq
                   WHERE h.memory_id = m.id
                   ORDER BY h.id DESC
                   LIMIT 1
               )
             ORDER BY j.key",
        )?
        .query_map((as_json(ids), act.0), |row| row.get(0).map(MemoryId))?
        .collect()
}

fn as_json(ids: &[MemoryId]) -> String {
    serde_json::to_string(ids).expect("numbers always have a JSON form")
}

/// Chooses what a write in parts goes through, in the order in which it does. `before` is how far an earlier try of the same
/// write came. Which memories a hash means is decided here.
///
/// # Errors
/// [`Refusal::Ambiguous`] if a hash may mean memories of several projects; [`Refusal::SeveralBegin`];
/// [`Refusal::NoDelete`].
pub(super) fn choose(
    connection: &Connection,
    whole: &WriteOp,
    before: Option<&PartDone>,
) -> Result<Choice, Stop> {
    match whole {
        WriteOp::Delete(filter) => {
            let filter = by_hash::with_whole_hashes(connection, filter)?;
            living(connection, &filter, before)
        }
        WriteOp::Undelete(named) => {
            deleted(connection, &by_hash::whole(connection, named)?, before)
        }
        WriteOp::Purge(named) => deleted(connection, &purged_again(named, before), before),
        WriteOp::UndoDelete(act) => {
            refuse_other(connection, *act)?;
            Ok(unnamed(deleted_by(connection, *act)?))
        }
        WriteOp::ByIds(_, ids) => {
            let is_behind = |id: &&MemoryId| before.is_some_and(|before| **id != before.reached);
            let ids = ids.as_slice();
            let behind = ids.iter().take_while(is_behind).count();
            let skipped = if before.is_some() { behind + 1 } else { 0 };
            Ok(unnamed(ids.get(skipped..).unwrap_or_default().to_vec()))
        }
        _ => Ok(Choice::default()),
    }
}

/// Refuses to undo what is no delete.
fn refuse_other(connection: &Connection, act: CommitSeq) -> Result<(), Stop> {
    let found: Option<String> = connection
        .prepare_cached("SELECT kind FROM commit_log WHERE seq = ?1")?
        .query_row([act.0], |row| row.get(0))
        .optional()?;
    match found.as_deref() {
        Some("delete") => Ok(()),
        _ => Err(Refusal::NoDelete { act, found }.into()),
    }
}

fn unnamed(ids: Vec<MemoryId>) -> Choice {
    let projects = BTreeMap::new();
    Choice { ids, projects }
}

/// Returns what a later try of a purge means. What an earlier one has removed is not there to say that a hash meant the own
/// project, so the later one does not look into others.
fn purged_again(named: &ByHash, before: Option<&PartDone>) -> ByHash {
    let mut named = named.clone();
    if let (Some(_), Whose::FirstOf(own)) = (before, &named.whose) {
        named.whose = Whose::Of(own.clone());
    }
    named
}

/// Living memories that pass, the oldest first. Eight bytes each, however large the store is. What an earlier try has been
/// through, what was stored since, and what was restored since is not the business of a later one.
fn living(
    connection: &Connection,
    filter: &Filter,
    before: Option<&PartDone>,
) -> Result<Choice, Stop> {
    let mut condition = condition(filter, Among::Living);
    if let Some(before) = before {
        let range = [before.reached, before.up_to].map(|id| Value::from(id.0));
        condition.add_all("m.id > ? AND m.id <= ?", range);
        let came_back = "NOT EXISTS (SELECT 1 FROM memory_history h
                                     WHERE h.memory_id = m.id AND h.change = 'undelete' AND h.seq > ?)";
        condition.add_all(came_back, [Value::from(before.act.0)]);
    }
    let named = filter.named.as_ref();
    chosen(connection, named, condition, "m.id")
}

/// Deleted memories that these hashes mean, the one deleted last first. What was deleted after an earlier try had begun is
/// not the business of a later one. The order of commits decides that: a time is that of asking, and of some clock.
fn deleted(
    connection: &Connection,
    named: &ByHash,
    before: Option<&PartDone>,
) -> Result<Choice, Stop> {
    let filter = Filter::default().with_named(named.clone());
    let mut condition = condition(&filter, Among::Deleted);
    if let Some(before) = before {
        let was_deleted = "coalesce((SELECT max(h.seq) FROM memory_history h
                                     WHERE h.memory_id = m.id AND h.change = 'delete'), 0) < ?";
        condition.add_all(was_deleted, [Value::from(before.act.0)]);
    }
    let order = "m.deleted_ms DESC, m.id DESC";
    chosen(connection, Some(named), condition, order)
}

fn chosen(
    connection: &Connection,
    named: Option<&ByHash>,
    mut condition: Condition,
    order: &str,
) -> Result<Choice, Stop> {
    let mut projects = BTreeMap::new();
    if let Some(named) = named {
        projects = by_hash::meant_in(connection, named, &condition)?;
        let meant: Vec<_> = projects.keys().copied().collect();
        let meant = Value::from(as_json(&meant));
        condition.add_all("m.id IN (SELECT value FROM json_each(?))", [meant]);
    }
    let sql = format!(
        "SELECT m.id FROM memories m WHERE {} ORDER BY {order}",
        condition.sql
    );
    let ids = ids(connection, &sql, condition.values)?;
    Ok(Choice { ids, projects })
}

fn ids(
    connection: &Connection,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> rusqlite::Result<Vec<MemoryId>> {
    connection
        .prepare_cached(sql)?
        .query_map(params_from_iter(values), |row| row.get(0).map(MemoryId))?
        .collect()
}

/// Memories that one delete has deleted and that are deleted since, over all its parts.
fn deleted_by(connection: &Connection, act: CommitSeq) -> rusqlite::Result<Vec<MemoryId>> {
    connection
        .prepare_cached(
            "WITH parts AS (
                 SELECT seq, at_ms FROM commit_log
                 WHERE seq = ?1
                    OR (seq > ?1 AND kind = 'delete' AND json_extract(outcome, '$.part.act') = ?1)
             )
             SELECT m.id
             FROM memories m
             WHERE m.deleted_ms BETWEEN (SELECT min(at_ms) FROM parts) AND (SELECT max(at_ms) FROM parts)
               AND EXISTS (
                   SELECT 1 FROM memory_history h
                   JOIN parts p ON p.seq = h.seq AND p.at_ms = m.deleted_ms
                   WHERE h.memory_id = m.id AND h.change = 'delete'
               )
             ORDER BY m.id",
        )?
        .query_map([act.0], |row| row.get(0).map(MemoryId))?
        .collect()
}
