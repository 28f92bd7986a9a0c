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
        if answer.problem.is_none() {
            match part_of(&app, act, part).await {
                Ok(missed) => answer.add(part, &missed),
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
    /// Adds a part that was written; `missed` are those that were left as they are.
    fn add(&mut self, part: &[MemoryId], missed: &[(MemoryId, Missed)]) {
        self.done += part.len() - missed.len();
        let result = |id: &MemoryId| {
            let why = missed.iter().find(|(missed, _)| missed == id);
            ResultOf {
                id: *id,
                result: why.map_or(Outcome::Word("done"), |(_, why)| Outcome::Missed(*why)),
            }
        };
        self.results.extend(part.iter().map(result));
    }
}

async fn part_of(
    app: &App,
    act: IdAct,
    part: &[MemoryId],
) -> Result<Box<[(MemoryId, Missed)]>, Refusal> {
    let ids = Ids::parse(part.to_vec()).map_err(|error| Refusal::BadRequest(error.to_string()))?;
    let outcome = written(app, WriteOp::ByIds(act, ids))
        .await?
        .applied
        .outcome;
    match outcome {
        WriteOutcome::ByIds { missed, .. } => Ok(missed),
        other => Err(unexpected(&other)),
    }
}
