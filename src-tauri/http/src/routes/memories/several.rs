//! `POST /api/memories/delete`, `/undo` and `/purge`: several memories at once, each with its own result.
//!
//! They are written in small parts, so that no client waits for all of them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use commonplace_api::Refusal;
use commonplace_api::memories::{MemoryIds, MemoryOutcome, MemoryResult, MemoryResults};
use commonplace_engine::{IdAct, Ids, MemoryId, Missed, WriteOp, WriteOutcome};

use super::{unexpected, written};
use crate::answers::refusal::Answer;
use crate::routes::asked::object;
use crate::state::App;

/// Memories in one write: deleting them holds the lock for some tens of milliseconds, as a batch of other writes does.
const IDS_PER_WRITE: usize = 25;

pub(crate) async fn delete(app: State<App>, bytes: Bytes) -> Answer<Json<MemoryResults>> {
    each(app, IdAct::Delete, bytes).await
}

pub(crate) async fn undo(app: State<App>, bytes: Bytes) -> Answer<Json<MemoryResults>> {
    each(app, IdAct::Undelete, bytes).await
}

pub(crate) async fn purge(app: State<App>, bytes: Bytes) -> Answer<Json<MemoryResults>> {
    each(app, IdAct::Purge, bytes).await
}

async fn each(State(app): State<App>, act: IdAct, bytes: Bytes) -> Answer<Json<MemoryResults>> {
    let asked: MemoryIds = object(&bytes, "{\"ids\": [1, 2, …]}")?;
    let ids = ids_of(asked.ids.into_iter().map(MemoryId).collect())?;
    let mut answer = MemoryResults {
        done: 0,
        results: Vec::with_capacity(ids.as_slice().len()),
        problem: None,
    };
    for part in ids.as_slice().chunks(IDS_PER_WRITE) {
        let is_tried = answer.problem.is_none();
        if is_tried {
            match part_of(&app, act, part).await {
                Ok(did) => add(&mut answer, part, did),
                // The answer tells what was done before; it stays done.
                Err(refusal) if answer.results.is_empty() => return Err(refusal),
                Err(refusal) => answer.problem = Some(refusal.0.to_string()),
            }
        }
        if answer.problem.is_some() {
            let not_tried = |id: &MemoryId| result_of(*id, MemoryOutcome::NotTried);
            answer.results.extend(part.iter().map(not_tried));
        }
    }
    Ok(Json(answer))
}

/// Adds a part that was written.
fn add(answer: &mut MemoryResults, part: &[MemoryId], did: PartResult) {
    answer.done += did.done.len();
    answer.problem = did.problem;
    let result = |id: &MemoryId| {
        let why = did.missed.iter().find(|(missed, _)| missed == id);
        let outcome = match why {
            Some((_, Missed::NotFound)) => MemoryOutcome::NotFound,
            Some((_, Missed::AlreadyDeleted)) => MemoryOutcome::AlreadyDeleted,
            Some((_, Missed::NotDeleted)) => MemoryOutcome::NotDeleted,
            Some((_, Missed::TextTaken)) => MemoryOutcome::TextTaken,
            None if did.done.contains(id) => MemoryOutcome::Done,
            None => MemoryOutcome::NotTried,
        };
        result_of(*id, outcome)
    };
    answer.results.extend(part.iter().map(result));
}

fn result_of(id: MemoryId, result: MemoryOutcome) -> MemoryResult {
    MemoryResult { id: id.0, result }
}

fn ids_of(ids: Vec<MemoryId>) -> Result<Ids, Refusal> {
    Ids::parse(ids).map_err(|error| Refusal::bad_request(error.to_string()))
}

/// The result of one write.
struct PartResult {
    done: Box<[MemoryId]>,
    missed: Box<[(MemoryId, Missed)]>,
    /// Why the others were not tried, if there are any.
    problem: Option<String>,
}

async fn part_of(app: &App, act: IdAct, part: &[MemoryId]) -> Answer<PartResult> {
    let ids = ids_of(part.to_vec())?;
    let acknowledged = written(app, WriteOp::ByIds(act, ids)).await?;
    match acknowledged.applied.outcome {
        WriteOutcome::ByIds { done, missed, .. } => Ok(PartResult {
            done,
            missed,
            problem: acknowledged.unfinished.map(|rest| rest.to_string()),
        }),
        other => Err(unexpected(&other).into()),
    }
}
