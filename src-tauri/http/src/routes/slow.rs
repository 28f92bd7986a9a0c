//! `GET /api/slow`: slow holds, slow waits and failures, each with who was in the way.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use commonplace_engine::IncidentStatus;
use serde::{Deserialize, Serialize};

use crate::gate::App;
use crate::refusal::Refusal;
use crate::routes::{changed, parsed, within};

#[derive(Deserialize)]
pub(crate) struct Asked {
    limit: Option<u32>,
}

#[derive(Serialize)]
pub(crate) struct Slow {
    incidents: Vec<IncidentStatus>,
}

pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Slow>, Refusal> {
    let limit = within("limit", parsed(query)?.limit, 100, 1..=1000)? as usize;
    let incidents = changed(move || Ok(app.status.incidents(limit))).await?;
    Ok(Json(Slow { incidents }))
}
