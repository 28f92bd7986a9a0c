//! `POST /api/pause` and `POST /api/resume`: writes stop, and go on.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use commonplace_api::{PauseAnswer, PauseRequest};

use crate::gate::App;
use crate::refusal::Answer;
use crate::routes::{changed, optional};

/// Who paused, if nobody says.
const BY_DEFAULT: &str = "the dashboard";

pub(crate) async fn begin(State(app): State<App>, body: Bytes) -> Answer<Json<PauseAnswer>> {
    let asked: PauseRequest = optional(&body, "{\"by\": \"…\"}")?;
    let by = asked.by.unwrap_or_else(|| BY_DEFAULT.to_owned());
    let pause = changed(move || app.host.pause(&by)).await?;
    Ok(Json(PauseAnswer { pause: Some(pause) }))
}

pub(crate) async fn end(State(app): State<App>) -> Answer<Json<PauseAnswer>> {
    let pause = changed(move || app.host.resume()).await?;
    Ok(Json(PauseAnswer { pause }))
}
