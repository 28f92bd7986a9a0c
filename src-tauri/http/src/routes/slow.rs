//! `GET /api/slow`: slow holds, slow waits and failures, each with who was in the way.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use commonplace_api::query::IncidentsQuery;
use commonplace_api::statistics::Incidents;

use crate::gate::App;
use crate::refusal::Answer;
use crate::routes::{changed, parsed, within};

pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<IncidentsQuery>, QueryRejection>,
) -> Answer<Json<Incidents>> {
    let (default, range) = (IncidentsQuery::LIMIT_DEFAULT, 1..=IncidentsQuery::LIMIT_MAX);
    let limit = within("limit", parsed(query)?.limit, default, range)?;
    Ok(Json(changed(move || app.host.incidents(limit)).await?))
}
