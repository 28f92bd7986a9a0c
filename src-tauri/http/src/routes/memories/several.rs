//! `POST /api/memories/delete`, `/undo` and `/purge`: several memories at once, each with its own result.
//!
//! They are written in small parts, so that no client waits for all of them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use commonplace_engine::{IdAct, Ids, MemoryId, Missed, WriteOp, WriteOutcome};
use serde::{Deserialize, Serialize};

use super::{body, unexpected, written};
use crate::gate::App;
use crate::refusal::Refusal;

/// Memories in one write: deleting them holds the lock for some tens of milliseconds, as a batch of other writes does.
const IDS_PER_WRITE: usize = 25;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    ids: Vec<MemoryId>,
}

#[derive(Serialize)]
pub(crate) struct Answer {
    /// How many were done.
    done: usize,
    /// One for each id, in the order they were asked for.
    results: Vec<ResultOf>,
    /// Why the last ones were not tried, if they were not.
    problem: Option<String>,
}

#[derive(Serialize)]
struct ResultOf {
    id: MemoryId,
    /// `done`, or why not.
    result: Outcome,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Word(&'static str),
    Missed(Missed),
}

pub(crate) async fn delete(app: State<App>, bytes: Bytes) -> Result<Json<Answer>, Refusal> {
    each(app, IdAct::Delete, bytes).await
}

pub(crate) async fn undo(app: State<App>, bytes: Bytes) -> Result<Json<Answer>, Refusal> {
    each(app, IdAct::Undelete, bytes).await
}

pub(crate) async fn purge(app: State<App>, bytes: Bytes) -> Result<Json<Answer>, Refusal> {
    each(app, IdAct::Purge, bytes).await
}

async fn each(State(app): State<App>, act: IdAct, bytes: Bytes) -> Result<Json<Answer>, Refusal> {
    let asked: Asked = body(&bytes, "{\"ids\": [1, 2, …]}")?;
    let ids = Ids::parse(asked.ids).map_err(|error| Refusal::BadRequest(error.to_string()))?;
    let mut answer = Answer {
        done: 0,
        results: Vec::with_capacity(ids.as_slice().len()),
        problem: None,
    };
    for part in ids.as_slice().chunks(IDS_PER_WRITE) {
        let is_tried = answer.problem.is_none();
        if is_tried {
            match part_of(&app, act, part).await {
                Ok(did) => answer.add(part, did),
                // What was done before stays done, and is told.
                Err(refusal) if answer.results.is_empty() => return Err(refusal),
                Err(refusal) => answer.problem = Some(refusal.to_string()),
            }
        }
        if answer.problem.is_some() {
            let word = |id: &MemoryId| ResultOf {
                id: *id,
                result: Outcome::Word("not_tried"),
            };
            answer.results.extend(part.iter().map(word));
        }
    }
    Ok(Json(answer))
}

impl Answer {
    /// Adds a part that was written.
    fn add(&mut self, part: &[MemoryId], did: Did) {
        self.done += did.done.len();
        self.problem = did.problem;
        let result = |id: &MemoryId| {
            let why = did.missed.iter().find(|(missed, _)| missed == id);
            let result = match why {
                Some((_, why)) => Outcome::Missed(*why),
                None if did.done.contains(id) => Outcome::Word("done"),
                None => Outcome::Word("not_tried"),
            };
            ResultOf { id: *id, result }
        };
        self.results.extend(part.iter().map(result));
    }
}

/// What became of the memories of one write.
struct Did {
    done: Box<[MemoryId]>,
    missed: Box<[(MemoryId, Missed)]>,
    /// Why the others were not tried, if there are any.
    problem: Option<String>,
}

async fn part_of(app: &App, act: IdAct, part: &[MemoryId]) -> Result<Did, Refusal> {
    let ids = Ids::parse(part.to_vec()).map_err(|error| Refusal::BadRequest(error.to_string()))?;
    let acknowledged = written(app, WriteOp::ByIds(act, ids)).await?;
    match acknowledged.applied.outcome {
        WriteOutcome::ByIds { done, missed, .. } => Ok(Did {
            done,
            missed,
            problem: acknowledged.unfinished.map(|rest| rest.to_string()),
        }),
        other => Err(unexpected(&other)),
    }
}
