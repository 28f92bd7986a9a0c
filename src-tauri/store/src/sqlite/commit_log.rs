//! The table `commit_log`: one row for each acknowledged write, in the order of commits.

use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use super::stop::Stop;
use crate::memory::Provenance;
use crate::ops::Stamp;
use crate::ops::{Applied, CommitSeq, Epoch, OpId, Refusal, WriteOp, WriteOutcome};

/// Returns the number of the next write. Numbers of undone writes are used again, so there are no gaps.
pub(super) fn next_seq(connection: &Connection) -> rusqlite::Result<CommitSeq> {
    connection
        .prepare_cached("SELECT coalesce(max(seq), 0) + 1 FROM commit_log")?
        .query_row([], |row| row.get(0).map(CommitSeq))
}

/// Finds what the write with this `op_id` did, if it was acknowledged before.
///
/// Refused with [`Refusal::OpIdTaken`] if that was a different write.
pub(super) fn find(
    connection: &Connection,
    op_id: &OpId,
    op: &WriteOp,
) -> Result<Option<Applied>, Stop> {
    let row: Option<(i64, String, Option<String>, String)> = connection
        .prepare_cached("SELECT seq, kind, request_hash, outcome FROM commit_log WHERE op_id = ?1")?
        .query_row([op_id.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((seq, kind, request, outcome)) = row else {
        return Ok(None);
    };
    if request.as_deref() != Some(request_hash(op).as_str()) {
        return Err(Refusal::OpIdTaken {
            op_id: op_id.as_str().to_owned(),
            kind,
        }
        .into());
    }
    let outcome = serde_json::from_str::<WriteOutcome>(&outcome).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(e))
    })?;
    Ok(Some(Applied {
        seq: CommitSeq(seq),
        outcome,
        is_repeat: true,
        mentions: Vec::new(),
    }))
}

/// Who commits.
#[derive(Debug, Clone, Copy)]
pub(super) struct By<'a> {
    pub(super) epoch: Epoch,
    /// Id of the instance, as it names itself.
    pub(super) instance: &'a str,
    /// Of the lock file that it holds.
    pub(super) generation: u64,
}

/// Adds the row of one write.
pub(super) fn append(
    connection: &Connection,
    seq: CommitSeq,
    by: &By<'_>,
    op: &WriteOp,
    stamp: &Stamp,
    outcome: &WriteOutcome,
) -> rusqlite::Result<()> {
    let request = stamp.op_id.as_ref().map(|_| request_hash(op));
    let outcome = serde_json::to_string(outcome).expect("an outcome is plain data");
    connection
        .prepare_cached(
            "INSERT INTO commit_log (seq, epoch, kind, op_id, request_hash, outcome, client, at_ms, instance, generation, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
                     row_sum('commit_log', ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10))",
        )?
        .execute((
            seq.0,
            by.epoch.0 as i64,
            op.kind(),
            stamp.op_id.as_ref().map(OpId::as_str),
            request,
            outcome,
            &stamp.provenance.client,
            stamp.now_ms,
            by.instance,
            by.generation as i64,
        ))?;
    Ok(())
}

/// Hashes what a write asks for, so that one `op_id` stands for one write only.
///
/// Who asks does not count: a client that lost its connection asks again from a new session. A part counts as the whole:
/// which memories are next depends on how far the parts before it came.
fn request_hash(op: &WriteOp) -> String {
    let mut op = match op {
        WriteOp::Part(part) => part.whole.clone(),
        whole => whole.clone(),
    };
    if let WriteOp::Store(memory) = &mut op {
        memory.provenance = Provenance::default();
    }
    // The Debug form names every field; it is compared within one program version or answers "another write".
    let digest = Sha256::digest(format!("{op:?}").as_bytes());
    hex::encode(&digest[..16])
}
