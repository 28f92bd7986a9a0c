//! The table `memories`, with its tags and its history: row type, reads and writes.

use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::Map;

use super::connection::{Overwrite, overwrite};
use super::filter::{Among, Condition, condition};
use super::writer::Stop;
use super::{vectors, words};
use crate::backend::Stamp;
use crate::memory::{ContentHash, Memory, MemoryId, NewMemory, Provenance, checked_metadata};
use crate::ops::{Changes, CommitSeq, Refusal, WriteOp, WriteOutcome};
use crate::query::Filter;

/// Columns of a whole memory, in the order [`from_row`] reads them.
pub(super) const COLUMNS: &str = "m.id, m.content_hash, m.text, m.tags, m.memory_type, m.project, m.metadata, \
     m.created_ms, m.updated_ms, m.deleted_ms, m.client, m.client_version, m.session, m.host_name";

/// Most hashes that an answer about many memories carries.
const HASHES_MAX: usize = 100;

/// Memories that a delete reads at once, so that deleting a whole store does not need all of it in memory.
const DELETED_AT_ONCE: i64 = 500;

/// Reads a row of [`COLUMNS`].
pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Memory> {
    let hash: String = row.get(1)?;
    Ok(Memory {
        id: MemoryId(row.get(0)?),
        content_hash: ContentHash::from_stored(hash),
        text: row.get(2)?,
        tags: from_json(row, 3)?,
        memory_type: row.get(4)?,
        project: row.get(5)?,
        metadata: from_json(row, 6)?,
        created_ms: row.get(7)?,
        updated_ms: row.get(8)?,
        deleted_ms: row.get(9)?,
        provenance: Provenance {
            client: row.get(10)?,
            client_version: row.get(11)?,
            session: row.get(12)?,
            host_name: row.get(13)?,
        },
    })
}

/// Reads a column that holds JSON.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("texts and JSON values always have a JSON form")
}

/// Carries out one change.
pub(super) fn apply(
    connection: &Connection,
    op: &WriteOp,
    stamp: &Stamp,
    seq: CommitSeq,
) -> Result<WriteOutcome, Stop> {
    let change = Change {
        connection,
        stamp,
        seq,
    };
    if matches!(op, WriteOp::Store(_)) {
        return change.carry_out(op);
    }
    // What frees pages that a text stood in leaves no copy of it there: a later purge could not find it.
    overwrite(connection, Overwrite::Wholly)?;
    let outcome = change.carry_out(op);
    overwrite(connection, Overwrite::Cheaply)?;
    outcome
}

/// One change and what is recorded about it.
pub(super) struct Change<'a> {
    pub(super) connection: &'a Connection,
    stamp: &'a Stamp,
    seq: CommitSeq,
}

impl Change<'_> {
    fn carry_out(&self, op: &WriteOp) -> Result<WriteOutcome, Stop> {
        match op {
            WriteOp::Store(memory) => Ok(self.store(memory)?),
            WriteOp::Update(hash, changes) => self.update(hash, changes),
            WriteOp::Delete(filter) => Ok(self.delete(filter)?),
            WriteOp::Undelete(hashes) => Ok(self.undelete(hashes)?),
            WriteOp::Purge(hashes) => Ok(self.purge(hashes)?),
            WriteOp::Edit(edit) => self.edit(edit),
            WriteOp::ByIds(act, ids) => Ok(self.by_ids(*act, ids)?),
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

    fn update(&self, hash: &ContentHash, changes: &Changes) -> Result<WriteOutcome, Stop> {
        let filter = Filter::default().with_hashes(vec![hash.clone()]);
        let Some(old) = select(self.connection, &condition(&filter, Among::Living), 1)?.pop()
        else {
            return Err(Refusal::NotFound { hash: hash.clone() }.into());
        };
        self.replace(&old, changes)
    }

    /// Changes a living memory.
    pub(super) fn replace(&self, old: &Memory, changes: &Changes) -> Result<WriteOutcome, Stop> {
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

    fn delete(&self, filter: &Filter) -> rusqlite::Result<WriteOutcome> {
        let condition = condition(filter, Among::Living);
        let (mut count, mut hashes) = (0, Vec::new());
        loop {
            let gone = select(self.connection, &condition, DELETED_AT_ONCE)?;
            if gone.is_empty() {
                return Ok(WriteOutcome::Deleted { count, hashes });
            }
            for memory in gone {
                self.delete_one(&memory)?;
                count += 1;
                if hashes.len() < HASHES_MAX {
                    hashes.push(memory.content_hash);
                }
            }
        }
    }

    pub(super) fn delete_one(&self, memory: &Memory) -> rusqlite::Result<()> {
        self.keep_history(memory, "delete")?;
        words::remove(
            self.connection,
            memory.id,
            &memory.text,
            &to_json(&memory.tags),
        )?;
        vectors::hide(self.connection, memory.id)?;
        self.connection
            .prepare_cached("UPDATE memories SET deleted_ms = ?2 WHERE id = ?1")?
            .execute((memory.id.0, self.stamp.now_ms))?;
        Ok(())
    }

    fn undelete(&self, hashes: &[ContentHash]) -> rusqlite::Result<WriteOutcome> {
        let mut count = 0;
        for memory in self.deleted(hashes)? {
            // Stored again meanwhile, or deleted twice: the living one stays.
            if self.is_text_taken(&memory)? {
                continue;
            }
            self.undelete_one(&memory)?;
            count += 1;
        }
        Ok(WriteOutcome::Undeleted { count })
    }

    pub(super) fn undelete_one(&self, memory: &Memory) -> rusqlite::Result<()> {
        self.keep_history(memory, "undelete")?;
        self.connection
            .prepare_cached("UPDATE memories SET deleted_ms = NULL WHERE id = ?1")?
            .execute([memory.id.0])?;
        words::add(
            self.connection,
            memory.id,
            &memory.text,
            &to_json(&memory.tags),
        )?;
        vectors::show(self.connection, memory.id)
    }

    fn purge(&self, hashes: &[ContentHash]) -> rusqlite::Result<WriteOutcome> {
        let gone = self.deleted(hashes)?;
        for memory in &gone {
            self.purge_one(memory.id)?;
        }
        Ok(WriteOutcome::Purged {
            count: gone.len() as u64,
        })
    }

    /// Removes a deleted memory for good. Its words went when it was deleted.
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

    /// Returns the deleted memories with these hashes, the one deleted last first.
    fn deleted(&self, hashes: &[ContentHash]) -> rusqlite::Result<Vec<Memory>> {
        let filter = Filter::default().with_hashes(hashes.to_vec());
        let mut deleted = select(
            self.connection,
            &condition(&filter, Among::Deleted),
            i64::MAX,
        )?;
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

/// Returns one memory, living or deleted.
pub(super) fn any(connection: &Connection, id: MemoryId) -> rusqlite::Result<Option<Memory>> {
    let sql = format!("SELECT {COLUMNS} FROM memories m WHERE m.id = ?1");
    connection
        .prepare_cached(&sql)?
        .query_row([id.0], from_row)
        .optional()
}
