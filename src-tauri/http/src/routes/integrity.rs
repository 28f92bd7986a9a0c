//! `POST /api/integrity`: begins a check of the store.

use axum::Json;
use axum::extract::State;
use commonplace_engine::IntegrityStatus;
use http::StatusCode;
use serde::Serialize;

use crate::gate::App;
use crate::refusal::Refusal;
use crate::routes::changed;

#[derive(Serialize)]
pub(crate) struct Begun {
    integrity: IntegrityStatus,
}

/// Answers at once; the status tells how it ended.
pub(crate) async fn begin(State(app): State<App>) -> Result<(StatusCode, Json<Begun>), Refusal> {
    changed(move || app.control.start_integrity_check()).await?;
    let integrity = IntegrityStatus::Checking;
    Ok((StatusCode::ACCEPTED, Json(Begun { integrity })))
}
