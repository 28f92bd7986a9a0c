//! A reader: one consistent view of the store on a pooled connection.

use std::cell::Cell;

use rusqlite::{Connection, params_from_iter};

use super::filter;
use super::filter::{Among, condition};
use super::memory_row;
use super::stop::Stop;
use super::{SqliteStore, browse, by_hash, lenient, memories, parts, search};
use crate::backend::{Reader, Totals, Unindexed};
use crate::browse::{Browse, Facets, Page, Record};
use crate::by_hash::{MENTIONS_MAX, Mention, Passing};
use crate::error::ReadError;
use crate::hit::Hit;
use crate::memory::{ContentHash, Memory, MemoryId};
use crate::ops::{Choice, PartDone, Refusal, WriteOp};
use crate::query::{Filter, ListQuery, Query};

/// Most hashes that a count carries.
const HASHES_MAX: i64 = 100;

/// A read transaction. Short-lived on purpose: an open one keeps SQLite from cutting its log.
pub(super) struct SqliteReader<'a> {
    store: &'a SqliteStore,
    /// None only while being dropped.
    connection: Option<Connection>,
    /// True after an error, which may have left something wrong in the memory of the connection.
    is_suspect: Cell<bool>,
}

impl<'a> SqliteReader<'a> {
    /// Begins the read transaction.
    pub(super) fn begin(store: &'a SqliteStore, connection: Connection) -> Result<Self, ReadError> {
        connection
            .execute_batch("BEGIN")
            .map_err(|e| store.read_error(e))?;
        Ok(Self {
            store,
            connection: Some(connection),
            is_suspect: Cell::new(false),
        })
    }

    fn connection(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("the connection is there until the reader is dropped")
    }

    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ReadError> {
        question(self.connection()).map_err(|e| {
            self.is_suspect.set(true);
            self.store.read_error(e)
        })
    }
}

impl Reader for SqliteReader<'_> {
    fn search(&mut self, query: &Query, vector: Option<&[f32]>) -> Result<Vec<Hit>, ReadError> {
        self.ask(|connection| search::search(connection, self.store.fusion, query, vector))
    }

    fn list(&mut self, query: &ListQuery) -> Result<(Vec<Memory>, u64), ReadError> {
        let among = Among::of(query.deleted);
        let condition = condition(&query.filter, among);
        let skipped = (query.page - 1) * query.page_size;
        let sql = format!(
            "SELECT {} FROM memories m WHERE {} ORDER BY m.{} DESC, m.id DESC LIMIT {} OFFSET {skipped}",
            memory_row::COLUMNS,
            condition.sql,
            among.time(),
            query.page_size,
        );
        self.ask(|connection| {
            let page = connection
                .prepare_cached(&sql)?
                .query_map(params_from_iter(&condition.values), memory_row::from_row)?
                .collect::<rusqlite::Result<_>>()?;
            Ok((page, filter::count(connection, &condition)?))
        })
    }

    fn browse(&mut self, asked: &Browse) -> Result<Page, ReadError> {
        self.ask(|connection| browse::page(connection, asked))
    }

    fn facets(&mut self, deleted: bool, top: usize) -> Result<Facets, ReadError> {
        self.ask(|connection| browse::facets(connection, Among::of(deleted), top))
    }

    fn record(&mut self, id: MemoryId) -> Result<Option<Record>, ReadError> {
        self.ask(|connection| browse::record(connection, id))
    }

    fn by_hash(&mut self, hash: &ContentHash) -> Result<Vec<Memory>, ReadError> {
        let filter = Filter::default().with_hashes(vec![hash.clone()]);
        self.ask(|connection| {
            memories::select(connection, &condition(&filter, Among::Living), HASHES_MAX)
        })
    }

    fn candidates(&mut self, given: &ContentHash) -> Result<Vec<Mention>, ReadError> {
        self.ask(|connection| by_hash::candidates(connection, given))
    }

    fn count(&mut self, filter: &Filter) -> Result<Result<Passing, Refusal>, ReadError> {
        self.ask(|connection| or_refusal(passing(connection, filter)))
    }

    fn choose(
        &mut self,
        whole: &WriteOp,
        before: Option<&PartDone>,
    ) -> Result<Result<Choice, Refusal>, ReadError> {
        self.ask(|connection| or_refusal(parts::choose(connection, whole, before)))
    }

    fn totals(&mut self) -> Result<Totals, ReadError> {
        let one = |connection: &Connection, condition: &str| -> rusqlite::Result<u64> {
            let sql = format!("SELECT count(*) FROM memories WHERE {condition}");
            connection
                .prepare_cached(&sql)?
                .query_row([], |row| row.get::<_, i64>(0))
                .map(|n| n as u64)
        };
        self.ask(|connection| {
            Ok(Totals {
                living: one(connection, "deleted_ms IS NULL")?,
                deleted: one(connection, "deleted_ms IS NOT NULL")?,
                unindexed: one(connection, "deleted_ms IS NULL AND chunks_indexed IS NULL")?,
            })
        })
    }

    fn unindexed(&mut self, limit: usize) -> Result<Vec<Unindexed>, ReadError> {
        self.ask(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, content_hash, text
                     FROM memories
                     WHERE deleted_ms IS NULL AND chunks_indexed IS NULL
                     ORDER BY id DESC
                     LIMIT ?1",
                )?
                .query_map([limit as i64], |row| {
                    Ok(Unindexed {
                        id: MemoryId(row.get(0)?),
                        content_hash: ContentHash::from_stored(lenient::text(row, 1)?),
                        text: lenient::text(row, 2)?,
                    })
                })?
                .collect()
        })
    }
}

fn passing(connection: &Connection, filter: &Filter) -> Result<Passing, Stop> {
    let filter = by_hash::with_whole_hashes(connection, filter)?;
    let filter = by_hash::meant(connection, &filter, Among::Living)?;
    let condition = condition(&filter, Among::Living);
    let first = memories::select(connection, &condition, HASHES_MAX)?;
    let mentions = first.iter().take(MENTIONS_MAX).map(Mention::of).collect();
    let hashes = first.into_iter().map(|memory| memory.content_hash);
    Ok(Passing {
        hashes: hashes.collect(),
        mentions,
        count: filter::count(connection, &condition)?,
    })
}

/// Tells a refusal, which is an answer, from a failure.
fn or_refusal<T>(asked: Result<T, Stop>) -> rusqlite::Result<Result<T, Refusal>> {
    match asked {
        Ok(answer) => Ok(Ok(answer)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

impl Drop for SqliteReader<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        // A connection on which something failed, or that cannot end its transaction, is closed instead of reused.
        if self.is_suspect.get() {
            return;
        }
        match connection.execute_batch("COMMIT") {
            Ok(()) => self.store.give_back(connection),
            Err(error) => tracing::warn!(%error, "a reading connection was closed"),
        }
    }
}
