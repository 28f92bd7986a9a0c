//! `POST /api/memories/delete`, `/undo` and `/purge`: several memories at once, each with its own result.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use commonplace_engine::{IdAct, Ids, MemoryId, Missed, WriteOp, WriteOutcome};
use serde::{Deserialize, Serialize};

use super::{body, written};
use crate::gate::App;
use crate::refusal::Refusal;

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
    Done(&'static str),
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
    let outcome = written(&app, WriteOp::ByIds(act, ids.clone()))
        .await?
        .applied
        .outcome;
    let WriteOutcome::ByIds { done, missed, .. } = outcome else {
        return Err(Refusal::Failed(format!(
            "the store answered with something else: {outcome:?}"
        )));
    };
    let missed: HashMap<MemoryId, Missed> = missed.into_iter().collect();
    let result = |id: &MemoryId| ResultOf {
        id: *id,
        result: match missed.get(id) {
            None => Outcome::Done("done"),
            Some(why) => Outcome::Missed(*why),
        },
    };
    Ok(Json(Answer {
        done: done.len(),
        results: ids.as_slice().iter().map(result).collect(),
    }))
}
