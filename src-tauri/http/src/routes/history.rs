//! `GET /api/history`: one sample for each of the last seconds.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use commonplace_engine::Sample;
use serde::{Deserialize, Serialize};

use crate::gate::App;
use crate::refusal::Refusal;
use crate::routes::{parsed, seconds_within};

#[derive(Deserialize)]
pub(crate) struct Asked {
    seconds: Option<u32>,
}

#[derive(Serialize)]
pub(crate) struct History {
    samples: Vec<Sample>,
}

pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<History>, Refusal> {
    let seconds = seconds_within(parsed(query)?.seconds)?;
    let samples = app.status.history(seconds as usize);
    Ok(Json(History { samples }))
}
