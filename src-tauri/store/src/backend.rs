//! The seam between the engine and a database: what a backend must be able to do.
//!
//! [`crate::SqliteStore`] is the one for a single machine. The traits use plain types only, so that a database server
//! can stand behind them as well. Everything here blocks its thread.

use std::path::Path;

use commonplace_lock::{Locks, TakeOver, WriteLock};

use crate::browse::{Browse, Facets, Page, Record};
use crate::by_hash::{Mention, Passing};
use crate::error::{FenceError, ReadError, WriteError};
use crate::hit::Hit;
use crate::maintenance::{
    BackupError, BackupMade, BackupStep, BackupTo, CheckStep, Damage, LostWrites,
};
use crate::memory::{ContentHash, Memory, MemoryId};
use crate::ops::{Applied, Choice, Epoch, PartDone, Refusal, Stamp, WriteOp};
use crate::query::{Filter, ListQuery, Query};
use crate::sqlite::Displaced;

/// A database that keeps memories.
pub trait Backend: Send + Sync {
    /// Begins a transaction that changes the store; `lock` proves that nobody else does.
    ///
    /// Waits for programs that ignore the write lock for at most some seconds, then answers [`WriteError::Busy`].
    /// [`WriteError::Displaced`] if the files that are open are not those of the store any more.
    fn begin_write<'a>(&'a self, lock: &'a WriteLock) -> Result<Box<dyn Writer + 'a>, WriteError>;

    /// Puts the next generation of the write lock and the next epoch in force, in one transaction. From then on the
    /// holder that was watched is refused. Finish `take_over` after it.
    ///
    /// Waits for at most some seconds for a transaction that is open.
    fn fence_off(&self, take_over: &TakeOver) -> Result<Epoch, FenceError>;

    /// Says whether somebody has a transaction open that changes the store. Waits for nobody.
    fn is_in_transaction(&self) -> Result<bool, ReadError>;

    /// Takes a reading connection from the pool, or opens one. It goes back when the reader is dropped.
    /// [`ReadError::Displaced`] if the files that are open are not those of the store any more.
    fn reader(&self) -> Result<Box<dyn Reader + '_>, ReadError>;

    /// Returns facts about the files.
    fn facts(&self) -> StoreFacts;

    /// Looks whether the files that are open are still those of the store, without touching them. None if they are, and
    /// for a database that has no files here.
    fn displaced(&self) -> Option<Displaced> {
        None
    }

    /// Writes out what was acknowledged and lies only in open files that no name leads to, as a backup in `folder`, or else
    /// beside the database; None if there is nothing of the kind. For an instance that is about to close them. Blocks like
    /// [`Backend::backup`].
    ///
    /// # Errors
    /// Those of a backup; the directory of the store is not made again if it is gone.
    fn rescue(
        &self,
        locks: &Locks,
        folder: &Path,
        now_ms: i64,
    ) -> Result<Option<BackupMade>, BackupError> {
        let _ = (locks, folder, now_ms);
        Ok(None)
    }

    /// Looks for damage: pages, rows against their checksums, indexes. Reads the whole store, beside reads and writes: for
    /// a background thread. `report` is told where it stands. Ok(None) means nothing was found.
    fn check(&self, report: &mut dyn FnMut(CheckStep)) -> Result<Option<Damage>, ReadError>;

    /// Makes a backup while others write, and keeps it only if it is whole and synced. Blocks for as long as reading
    /// everything twice takes: for a thread of its own. One at a time for each open store.
    ///
    /// `folder` is where the time of the last backup is kept, `locks` are those that the store was opened with.
    /// Displaced files are backed up as they are open.
    /// `report` is told where it stands, at least ten times a second while it copies; its `false` ends the backup.
    fn backup(
        &self,
        locks: &Locks,
        folder: &Path,
        to: &BackupTo,
        now_ms: i64,
        report: &mut dyn FnMut(BackupStep) -> bool,
    ) -> Result<BackupMade, BackupError>;

    /// Moves committed changes from the log into the database and empties the log, so that nothing stands there any more
    /// that was removed. Waits for nobody; false if a reader or another checkpoint was in the way: then the log still
    /// holds what it held.
    fn checkpoint(&self, lock: &WriteLock) -> Result<bool, WriteError>;
}

/// One transaction, and the only door to changes. Dropped without [`Writer::commit`], it undoes everything.
pub trait Writer {
    /// Returns the fencing number that this transaction writes under.
    fn epoch(&self) -> Epoch;

    /// Carries out one request inside the transaction.
    ///
    /// The inner error means that this request was refused and left no trace, while its neighbours go on; the outer one
    /// that the whole transaction is lost.
    fn apply(
        &mut self,
        op: &WriteOp,
        stamp: &Stamp,
    ) -> Result<Result<Applied, Refusal>, WriteError>;

    /// Makes all of it durable. When this returns, the changes survive a crash of the machine.
    ///
    /// [`WriteError::Displaced`] if the files were displaced meanwhile: then the changes are in files that are no longer
    /// those of the store.
    fn commit(self: Box<Self>) -> Result<(), WriteError>;
}

/// A consistent view of the store for one question.
pub trait Reader {
    /// Searches. `vector` is the embedded query, a unit vector of 384; without it only words are compared.
    fn search(&mut self, query: &Query, vector: Option<&[f32]>) -> Result<Vec<Hit>, ReadError>;

    /// Returns one page and the number of all memories that pass the filter.
    fn list(&mut self, query: &ListQuery) -> Result<(Vec<Memory>, u64), ReadError>;

    /// Returns the part of the list that `browse` asks for.
    fn browse(&mut self, browse: &Browse) -> Result<Page, ReadError>;

    /// Counts living memories, or deleted ones, by project, tag, type and client, and names the `top` most frequent of each.
    fn facets(&mut self, deleted: bool, top: usize) -> Result<Facets, ReadError>;

    /// Returns a memory, living or deleted, with what it was before; None if there is none.
    fn record(&mut self, id: MemoryId) -> Result<Option<Record>, ReadError>;

    /// Returns living memories with this hash; more than one if several projects hold the same text.
    fn by_hash(&mut self, hash: &ContentHash) -> Result<Vec<Memory>, ReadError>;

    /// Returns up to 10 memories that a hash may have meant although it hit none: those with this hash in any project,
    /// else those whose hash begins with it.
    fn candidates(&mut self, given: &ContentHash) -> Result<Vec<Mention>, ReadError>;

    /// Counts living memories that pass, and tells which come first: what a delete would take, or why it would refuse.
    fn count(&mut self, filter: &Filter) -> Result<Result<Passing, Refusal>, ReadError>;

    /// Chooses the memories that a write in parts goes through, in its order. `before` is how far an earlier try of the
    /// same write came: what it has been through is behind, and what came later is not its business.
    /// A hash that may mean memories of several projects is refused.
    fn choose(
        &mut self,
        whole: &WriteOp,
        before: Option<&PartDone>,
    ) -> Result<Result<Choice, Refusal>, ReadError>;

    /// Counts everything.
    fn totals(&mut self) -> Result<Totals, ReadError>;

    /// Returns up to `limit` memories without vectors, the newest first.
    fn unindexed(&mut self, limit: usize) -> Result<Vec<Unindexed>, ReadError>;
}

/// A memory that waits for its vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unindexed {
    /// The memory.
    pub id: MemoryId,
    /// Hash of its text.
    pub content_hash: ContentHash,
    /// Its text.
    pub text: String,
}

/// Counts over the whole store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Living memories.
    pub living: u64,
    /// Deleted ones that can be restored.
    pub deleted: u64,
    /// Living memories without vectors.
    pub unindexed: u64,
}

/// Facts about a store's files.
#[derive(Debug, Clone)]
pub struct StoreFacts {
    /// Path of the database.
    pub database: std::path::PathBuf,
    /// Its size in bytes.
    pub database_bytes: u64,
    /// Size of the write-ahead log in bytes.
    pub wal_bytes: u64,
    /// Version of SQLite.
    pub sqlite_version: &'static str,
    /// Version of sqlite-vec.
    pub vec_version: &'static str,
    /// Version of the schema.
    pub schema_version: i64,
    /// Writes that were acknowledged and are missing, until a person has accepted it.
    pub lost_writes: Option<LostWrites>,
    /// Why the last commit is not noted outside the database; None if it is.
    pub note_trouble: Option<String>,
}
