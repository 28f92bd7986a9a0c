//! The table `memories`, with its tags and its history: row type, reads and writes.

use std::cell::RefCell;

use rusqlite::{Connection, OptionalExtension};
use serde_json::Map;

use super::connection::{Overwrite, overwrite};
use super::filter::{Among, Condition, condition};
use super::memory_row::{COLUMNS, any, from_row};
use super::stop::Stop;
use super::{by_hash, vectors, words};
use crate::by_hash::{ByHash, MENTIONS_MAX, Mention, Whose};
use crate::changes::Changes;
use crate::memory::{ContentHash, Memory, MemoryId, NewMemory, checked_metadata};
use crate::ops::{CommitSeq, Refusal, Stamp, WHOLE_MEMORIES_MAX, WriteOp, WriteOutcome};
use crate::query::Filter;

/// One more than a write without parts may change.
const FEW_AND_ONE: i64 = WHOLE_MEMORIES_MAX as i64 + 1;
/// Most text that such a write may concern, in bytes, unless it is that of one memory: a text has a thousand words in some
/// kilobytes, and each is looked up.
const FEW_BYTES_MAX: usize = 32 * 1024;

fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("texts and JSON values always have a JSON form")
}

/// Carries out one change. Returns what it did, and the first memories that it hit.
pub(super) fn apply(
    connection: &Connection,
    op: &WriteOp,
    stamp: &Stamp,
    seq: CommitSeq,
) -> Result<(WriteOutcome, Vec<Mention>), Stop> {
    let change = Change {
        connection,
        stamp,
        seq,
        mentions: RefCell::default(),
    };
    if matches!(op, WriteOp::Store(_)) {
        return Ok((change.carry_out(op)?, Vec::new()));
    }
    // What frees pages that a text stood in leaves no copy of it there: a later purge could not find it.
    overwrite(connection, Overwrite::Wholly)?;
    let outcome = change.carry_out(op);
    overwrite(connection, Overwrite::Cheaply)?;
    Ok((outcome?, change.mentions.into_inner()))
}

/// One change and what is recorded about it.
pub(super) struct Change<'a> {
    pub(super) connection: &'a Connection,
    stamp: &'a Stamp,
    pub(super) seq: CommitSeq,
    /// The first memories that were hit, as they were before.
    mentions: RefCell<Vec<Mention>>,
}

impl Change<'_> {
    fn carry_out(&self, op: &WriteOp) -> Result<WriteOutcome, Stop> {
        match op {
            WriteOp::Store(memory) => Ok(self.store(memory)?),
            WriteOp::Update(hash, whose, changes) => self.update(hash, whose, changes),
            WriteOp::Delete(filter) => self.delete(filter),
            WriteOp::Undelete(named) => self.undelete(named),
            WriteOp::Purge(named) => self.purge(named),
            WriteOp::Edit(edit) => self.edit(edit),
            WriteOp::ByIds(act, ids) => self.by_ids(*act, ids),
            WriteOp::UndoDelete(_) => Err(Refusal::TooMany.into()),
            WriteOp::Part(part) => Ok(self.part(part)?),
            WriteOp::PutVectors(batch) => {
                let mut count = 0;
                for indexed in batch {
                    count += u64::from(vectors::put(self.connection, indexed)?);
                }
                Ok(WriteOutcome::Indexed { count })
            }
        }
    }

    fn store(&self, memory: &NewMemory) -> rusqlite::Result<WriteOutcome> {
        if let Some((id, created_ms)) =
            living_with_text(self.connection, &memory.project, &memory.hash)?
        {
            return Ok(WriteOutcome::AlreadyStored {
                id,
                content_hash: memory.hash.clone(),
                created_ms,
            });
        }
        let tags = to_json(&memory.tags);
        // An import says who made the memory; otherwise it is whoever asks.
        let is_told = !memory.provenance.client.is_empty();
        let provenance = if is_told {
            &memory.provenance
        } else {
            &self.stamp.provenance
        };
        self.connection
            .prepare_cached(
                "INSERT INTO memories (content_hash, text, tags, memory_type, project, metadata, created_ms, updated_ms,
                                       client, client_version, session, host_name)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute((
                memory.hash.as_str(),
                &memory.text,
                &tags,
                &memory.memory_type,
                &memory.project,
                to_json(&memory.metadata),
                self.stamp.now_ms,
                &provenance.client,
                &provenance.client_version,
                &provenance.session,
                &provenance.host_name,
            ))?;
        let id = MemoryId(self.connection.last_insert_rowid());
        insert_tags(self.connection, id, &memory.tags)?;
        words::add(self.connection, id, &memory.text, &tags)?;
        Ok(WriteOutcome::Stored {
            id,
            content_hash: memory.hash.clone(),
        })
    }

    fn update(
        &self,
        hash: &ContentHash,
        whose: &Whose,
        changes: &Changes,
    ) -> Result<WriteOutcome, Stop> {
        let named = ByHash {
            hashes: vec![hash.clone()],
            whose: whose.clone(),
        };
        let named = by_hash::whole(self.connection, &named)?;
        let filter = by_hash::meant(
            self.connection,
            &Filter::default().with_named(named),
            Among::Living,
        )?;
        let Some(old) = select(self.connection, &condition(&filter, Among::Living), 1)?.pop()
        else {
            return Err(Refusal::NotFound { hash: hash.clone() }.into());
        };
        let outcome = self.replace(&old, changes)?;
        self.mention(&old);
        Ok(outcome)
    }

    /// Notes what was hit, for the answer.
    pub(super) fn mention(&self, memory: &Memory) {
        let mut mentions = self.mentions.borrow_mut();
        if mentions.len() < MENTIONS_MAX {
            mentions.push(Mention::of(memory));
        }
    }

    pub(super) fn mentions_are_full(&self) -> bool {
        self.mentions.borrow().len() >= MENTIONS_MAX
    }

    /// Changes a living memory.
    pub(super) fn replace(&self, old: &Memory, changes: &Changes) -> Result<WriteOutcome, Stop> {
        // What is kept of it would be taken for what was stored.
        if old.is_damaged {
            return Err(Refusal::Damaged { id: old.id }.into());
        }
        let new = self.changed(old, changes)?;
        self.keep_history(old, "update")?;
        let has_other_words = new.text != old.text || new.tags != old.tags;
        if has_other_words {
            words::remove(self.connection, old.id, &old.text, &to_json(&old.tags))?;
        }
        self.write_changed(old, &new)?;
        if has_other_words {
            words::add(self.connection, new.id, &new.text, &to_json(&new.tags))?;
        }
        let fields = changes.fields().into_iter().map(str::to_owned).collect();
        Ok(WriteOutcome::Updated {
            id: new.id,
            content_hash: new.content_hash,
            fields,
        })
    }

    /// Returns `old` with `changes` made, or the reason why that cannot be.
    fn changed(&self, old: &Memory, changes: &Changes) -> Result<Memory, Stop> {
        let mut new = old.clone();
        if let Some(text) = &changes.text {
            new.content_hash = ContentHash::of(text);
            new.text.clone_from(text);
        }
        if let Some(project) = &changes.project {
            new.project.clone_from(project);
        }
        if changes.text.is_some() || changes.project.is_some() {
            let taken = living_with_text(self.connection, &new.project, &new.content_hash)?;
            if taken.is_some_and(|(id, _)| id != old.id) {
                return Err(Refusal::TextTaken {
                    hash: new.content_hash,
                }
                .into());
            }
        }
        // Grows with every change, also within a millisecond and when the clock goes back: it tells states apart.
        new.updated_ms = self.stamp.now_ms.max(old.updated_ms + 1);
        if let Some(tags) = &changes.tags {
            new.tags.clone_from(tags);
        }
        if let Some(memory_type) = &changes.memory_type {
            new.memory_type = (!memory_type.is_empty()).then(|| memory_type.clone());
        }
        if let Some(metadata) = &changes.metadata {
            merge(&mut new.metadata, metadata);
            checked_metadata(&new.metadata).map_err(Refusal::from)?;
        }
        Ok(new)
    }

    fn write_changed(&self, old: &Memory, new: &Memory) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "UPDATE memories
                 SET content_hash = ?2, text = ?3, tags = ?4, memory_type = ?5, metadata = ?6, updated_ms = ?7,
                     project = ?8
                 WHERE id = ?1",
            )?
            .execute((
                new.id.0,
                new.content_hash.as_str(),
                &new.text,
                to_json(&new.tags),
                &new.memory_type,
                to_json(&new.metadata),
                new.updated_ms,
                &new.project,
            ))?;
        if new.tags != old.tags {
            self.connection
                .prepare_cached("DELETE FROM memory_tags WHERE memory_id = ?1")?
                .execute([new.id.0])?;
            insert_tags(self.connection, new.id, &new.tags)?;
        }
        if new.text != old.text {
            vectors::remove(self.connection, new.id)?;
            self.connection
                .prepare_cached("UPDATE memories SET chunks_indexed = NULL WHERE id = ?1")?
                .execute([new.id.0])?;
        }
        Ok(())
    }

    fn delete(&self, filter: &Filter) -> Result<WriteOutcome, Stop> {
        filter.named.as_ref().map_or(Ok(()), few_hashes)?;
        let filter = by_hash::with_whole_hashes(self.connection, filter)?;
        let filter = by_hash::meant(self.connection, &filter, Among::Living)?;
        let condition = condition(&filter, Among::Living);
        let mut gone = few(select(self.connection, &condition, FEW_AND_ONE)?)?;
        let hashes = gone.iter().map(|memory| memory.content_hash.clone());
        let hashes = hashes.collect();
        gone.iter().for_each(|memory| self.mention(memory));
        // In ascending order: see `Part::ids`.
        gone.sort_by_key(|memory| memory.id);
        for memory in &gone {
            self.delete_one(memory)?;
        }
        Ok(WriteOutcome::Deleted {
            count: gone.len() as u64,
            hashes,
            part: None,
        })
    }

    pub(super) fn delete_one(&self, memory: &Memory) -> rusqlite::Result<()> {
        self.keep_history(memory, "delete")?;
        // FTS5 takes words that it does not know for damage of its index. Those of a damaged memory stay there, and no
        // search shows what does not live; `rebuild` and `repair` clear them.
        if !memory.is_damaged {
            let tags = to_json(&memory.tags);
            words::remove(self.connection, memory.id, &memory.text, &tags)?;
        }
        vectors::hide(self.connection, memory.id)?;
        self.connection
            .prepare_cached("UPDATE memories SET deleted_ms = ?2 WHERE id = ?1")?
            .execute((memory.id.0, self.stamp.now_ms))?;
        Ok(())
    }

    fn undelete(&self, named: &ByHash) -> Result<WriteOutcome, Stop> {
        few_hashes(named)?;
        let named = by_hash::whole(self.connection, named)?;
        let mut count = 0;
        for memory in self.deleted(&named)? {
            // Stored again meanwhile, or deleted twice: the living one stays.
            if self.is_text_taken(&memory)? {
                continue;
            }
            self.undelete_one(&memory)?;
            self.mention(&memory);
            count += 1;
        }
        Ok(WriteOutcome::Undeleted { count, part: None })
    }

    pub(super) fn undelete_one(&self, memory: &Memory) -> rusqlite::Result<()> {
        self.keep_history(memory, "undelete")?;
        self.connection
            .prepare_cached("UPDATE memories SET deleted_ms = NULL WHERE id = ?1")?
            .execute([memory.id.0])?;
        // They were left in the index.
        if !memory.is_damaged {
            let tags = to_json(&memory.tags);
            words::add(self.connection, memory.id, &memory.text, &tags)?;
        }
        vectors::show(self.connection, memory.id)
    }

    fn purge(&self, named: &ByHash) -> Result<WriteOutcome, Stop> {
        let gone = self.deleted(named)?;
        for memory in &gone {
            self.purge_one(memory.id)?;
            self.mention(memory);
        }
        Ok(WriteOutcome::Purged {
            count: gone.len() as u64,
            part: None,
        })
    }

    /// Removes a deleted memory permanently. Its words went when it was deleted.
    pub(super) fn purge_one(&self, id: MemoryId) -> rusqlite::Result<()> {
        for sql in [
            "DELETE FROM memory_vectors WHERE memory_id = ?1",
            "DELETE FROM memory_tags WHERE memory_id = ?1",
            "DELETE FROM memory_history WHERE memory_id = ?1",
            "DELETE FROM memories WHERE id = ?1",
        ] {
            self.connection.prepare_cached(sql)?.execute([id.0])?;
        }
        Ok(())
    }

    /// Returns the deleted memories that these hashes mean, the one deleted last first.
    fn deleted(&self, named: &ByHash) -> Result<Vec<Memory>, Stop> {
        few_hashes(named)?;
        let filter = by_hash::meant(
            self.connection,
            &Filter::default().with_named(named.clone()),
            Among::Deleted,
        )?;
        let condition = condition(&filter, Among::Deleted);
        let mut deleted = few(select(self.connection, &condition, FEW_AND_ONE)?)?;
        deleted.sort_by_key(|memory| std::cmp::Reverse((memory.deleted_ms, memory.id)));
        Ok(deleted)
    }

    fn keep_history(&self, memory: &Memory, change: &str) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO memory_history (memory_id, seq, change, at_ms, client, text, tags, memory_type, metadata,
                                             project)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute((
                memory.id.0,
                self.seq.0,
                change,
                self.stamp.now_ms,
                &self.stamp.provenance.client,
                &memory.text,
                to_json(&memory.tags),
                &memory.memory_type,
                to_json(&memory.metadata),
                &memory.project,
            ))?;
        Ok(())
    }
}

/// Refuses what is too much for one transaction: it would keep everybody else waiting.
pub(super) fn few(memories: Vec<Memory>) -> Result<Vec<Memory>, Refusal> {
    let bytes: usize = memories.iter().map(|memory| memory.text.len()).sum();
    let is_few = memories.len() <= WHOLE_MEMORIES_MAX && bytes <= FEW_BYTES_MAX;
    if is_few || memories.len() == 1 {
        Ok(memories)
    } else {
        Err(Refusal::TooMany)
    }
}

/// Refuses more hashes than one transaction takes memories: what they mean is found out without the lock.
fn few_hashes(named: &ByHash) -> Result<(), Refusal> {
    match named.hashes.len() > WHOLE_MEMORIES_MAX {
        true => Err(Refusal::TooMany),
        false => Ok(()),
    }
}

/// Merges `given` into `kept`; null removes a key.
fn merge(kept: &mut Map<String, serde_json::Value>, given: &Map<String, serde_json::Value>) {
    for (key, value) in given {
        if value.is_null() {
            kept.remove(key);
        } else {
            kept.insert(key.clone(), value.clone());
        }
    }
}

fn insert_tags(connection: &Connection, id: MemoryId, tags: &[String]) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT INTO memory_tags (tag, memory_id) VALUES (?1, ?2)")?;
    for tag in tags {
        insert.execute((tag, id.0))?;
    }
    Ok(())
}

/// Finds the living memory of a project with this text, and when it was stored.
pub(super) fn living_with_text(
    connection: &Connection,
    project: &str,
    hash: &ContentHash,
) -> rusqlite::Result<Option<(MemoryId, i64)>> {
    connection
        .prepare_cached(
            "SELECT id, created_ms FROM memories WHERE project = ?1 AND content_hash = ?2 AND deleted_ms IS NULL",
        )?
        .query_row((project, hash.as_str()), |row| Ok((MemoryId(row.get(0)?), row.get(1)?)))
        .optional()
}

/// Returns the memories that meet `condition`, the newest first.
pub(super) fn select(
    connection: &Connection,
    condition: &Condition,
    limit: i64,
) -> rusqlite::Result<Vec<Memory>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM memories m WHERE {} ORDER BY m.created_ms DESC, m.id DESC LIMIT {limit}",
        condition.sql
    );
    let mut statement = connection.prepare_cached(&sql)?;
    statement
        .query_map(rusqlite::params_from_iter(&condition.values), from_row)?
        .collect()
}

/// Returns one living memory.
pub(super) fn living(connection: &Connection, id: MemoryId) -> rusqlite::Result<Option<Memory>> {
    Ok(any(connection, id)?.filter(|memory| memory.deleted_ms.is_none()))
}
