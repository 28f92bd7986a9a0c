//! `POST /api/integrity`: begins a check of the store.

use axum::Json;
use axum::extract::State;
use commonplace_api::about::CheckBegun;
use commonplace_api::status::IntegrityStatus;
use http::StatusCode;

use crate::gate::App;
use crate::refusal::Answer;
use crate::routes::changed;

/// Answers at once; the status tells how it ended.
pub(crate) async fn begin(State(app): State<App>) -> Answer<(StatusCode, Json<CheckBegun>)> {
    changed(move || app.host.start_check()).await?;
    let integrity = IntegrityStatus::Checking;
    Ok((StatusCode::ACCEPTED, Json(CheckBegun { integrity })))
}
