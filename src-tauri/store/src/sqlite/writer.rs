//! One writing transaction: epoch check, a savepoint for each request, commit.

use std::path::Path;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use super::meta::Meta;
use super::meta::read_meta;
use super::stop::Stop;
use crate::ops::Stamp;
use commonplace_lock::{WriteLock, fail_point};
use rusqlite::{Connection, ffi};

use super::{SqliteStore, Writing, commit_log, memories};
use crate::backend::Writer;
use crate::error::WriteError;
use crate::ops::{Applied, CommitSeq, Epoch, OpId, Refusal, WriteOp};

/// An open transaction on the writing connection.
pub(super) struct SqliteWriter<'a> {
    store: &'a SqliteStore,
    path: &'a Path,
    /// The last write of this transaction, and its time.
    last: Option<(CommitSeq, i64)>,
    writing: MutexGuard<'a, Writing>,
    epoch: Epoch,
    /// Kept for as long as the transaction: without the lock there is no writer.
    lock: &'a WriteLock,
}

impl<'a> SqliteWriter<'a> {
    /// Begins the transaction and checks that the lock that is held is the one in force.
    pub(super) fn begin(
        store: &'a SqliteStore,
        mut writing: MutexGuard<'a, Writing>,
        lock: &'a WriteLock,
    ) -> Result<Self, WriteError> {
        let path = store.path();
        let failed = |e| WriteError::from_sqlite(path, e);
        writing.renew(store)?;
        writing
            .connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(failed)?;
        let mut writer = Self {
            store,
            path,
            last: None,
            writing,
            epoch: Epoch(0),
            lock,
        };
        let meta = read_meta(&writer.writing.connection).map_err(failed)?;
        if meta.generation != lock.generation().0 && !fail_point::is_left_out("fence") {
            return Err(WriteError::Fenced {
                held: lock.generation().0,
                current: meta.generation,
                was_taken_from_us: meta.taken_from == lock.instance().as_str(),
            });
        }
        writer.epoch = writer
            .take_epoch(&meta, lock.instance().as_str())
            .map_err(failed)?;
        fail_point::reached("epoch-taken");
        Ok(writer)
    }

    /// Takes the next epoch if another instance wrote last, and lets the triggers of this connection through.
    fn take_epoch(&self, meta: &Meta, instance: &str) -> rusqlite::Result<Epoch> {
        let fence = &self.writing.fence;
        if meta.holder == instance && meta.epoch > 0 {
            fence.store(meta.epoch as i64, Ordering::Relaxed);
            return Ok(Epoch(meta.epoch));
        }
        let epoch = meta.epoch + 1;
        fence.store(epoch as i64, Ordering::Relaxed);
        self.writing
            .connection
            .prepare_cached("UPDATE store_meta SET epoch = ?1, holder = ?2 WHERE id = 1")?
            .execute((epoch as i64, instance))?;
        Ok(Epoch(epoch))
    }

    fn connection(&self) -> &Connection {
        &self.writing.connection
    }

    fn run_in_savepoint(&self, op: &WriteOp, stamp: &Stamp) -> Result<Applied, Stop> {
        // Outside a transaction, a savepoint would begin one, and releasing it would commit.
        if self.connection().is_autocommit() {
            return Err(Stop::Failed(undone_before()));
        }
        execute_cached(self.connection(), "SAVEPOINT request")?;
        let answer = self.run(op, stamp);
        if let Err(Stop::Refused(_)) = answer
            && !fail_point::is_left_out("savepoint")
        {
            execute_cached(self.connection(), "ROLLBACK TO request")?;
        }
        if !matches!(answer, Err(Stop::Failed(_))) {
            execute_cached(self.connection(), "RELEASE request")?;
        }
        answer
    }

    fn run(&self, op: &WriteOp, stamp: &Stamp) -> Result<Applied, Stop> {
        if let Some(op_id) = &stamp.op_id
            && let Some(earlier) = commit_log::find(self.connection(), op_id, op)?
        {
            return Ok(earlier);
        }
        let seq = commit_log::next_seq(self.connection())?;
        let (outcome, mentions) = memories::apply(self.connection(), op, stamp, seq)?;
        let by = commit_log::By {
            epoch: self.epoch,
            instance: self.lock.instance().as_str(),
            generation: self.lock.generation().0,
        };
        commit_log::append(self.connection(), seq, &by, op, stamp, &outcome)?;
        // Today every refusal comes before the first change; a test makes one that leaves work for the savepoint.
        if fail_point::is_left_out("refused-late") {
            let op_id = stamp.op_id.as_ref().map_or("", OpId::as_str).to_owned();
            let kind = op.kind().to_owned();
            return Err(Refusal::OpIdTaken { op_id, kind }.into());
        }
        Ok(Applied {
            seq,
            outcome,
            is_repeat: false,
            mentions,
        })
    }
}

impl Writer for SqliteWriter<'_> {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn apply(
        &mut self,
        op: &WriteOp,
        stamp: &Stamp,
    ) -> Result<Result<Applied, Refusal>, WriteError> {
        match self.run_in_savepoint(op, stamp) {
            Ok(applied) => {
                if !applied.is_repeat {
                    self.last = Some((applied.seq, stamp.now_ms));
                }
                Ok(Ok(applied))
            }
            Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
            Err(Stop::Failed(error)) => {
                self.writing.is_suspect = true;
                let error = self.named(error);
                // At once, so that nobody can commit the half of it.
                self.undo();
                Err(error)
            }
        }
    }

    fn commit(mut self: Box<Self>) -> Result<(), WriteError> {
        fail_point::reached("before-commit");
        let answer = self.connection().execute_batch("COMMIT");
        self.writing.is_suspect = answer.is_err();
        answer.map_err(|e| WriteError::from_commit(self.path, e))?;
        fail_point::reached("committed");
        // Not before COMMIT: what is under the names now is where the changes have been written.
        self.store.files.check(&self.store.open)?;
        if let Some((seq, at_ms)) = self.last {
            let note = &self.store.note;
            note.write(self.path, seq, self.epoch, at_ms);
        }
        Ok(())
    }
}

impl Drop for SqliteWriter<'_> {
    fn drop(&mut self) {
        self.undo();
    }
}

impl SqliteWriter<'_> {
    /// Names an error inside the transaction.
    ///
    /// sqlite-vec says "SQL logic error" for whatever happens inside it. But SQLite rolls back by itself only where
    /// memory, room or the disk failed, and the first two have names of their own.
    fn named(&self, error: rusqlite::Error) -> WriteError {
        match WriteError::from_sqlite(self.path, error) {
            WriteError::Sqlite { path, source }
                if self.connection().is_autocommit() && is_unnamed(&source) =>
            {
                let reason = source.to_string();
                WriteError::Disk { path, reason }
            }
            named => named,
        }
    }

    /// Ends the transaction without keeping anything, if it has not ended yet.
    fn undo(&self) {
        self.writing.fence.store(0, Ordering::Relaxed);
        // It was committed, or SQLite has rolled back by itself, as it does after some errors.
        if self.connection().is_autocommit() {
            return;
        }
        if let Err(error) = self.connection().execute_batch("ROLLBACK") {
            tracing::error!(%error, database = %self.path.display(), "a transaction could not be rolled back");
        }
    }
}

fn is_unnamed(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == ffi::SQLITE_ERROR)
}

/// What a request is told that comes after one that ended the transaction.
fn undone_before() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        ffi::Error::new(ffi::SQLITE_ABORT_ROLLBACK),
        Some("an earlier error has undone this transaction".to_owned()),
    )
}

pub(super) fn execute_cached(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
