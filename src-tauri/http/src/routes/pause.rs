//! `POST /api/pause` and `POST /api/resume`: writes stop, and go on.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use commonplace_engine::PauseStatus;
use serde::{Deserialize, Serialize};

use crate::gate::App;
use crate::refusal::Refusal;
use crate::routes::{changed, object};

/// Who paused, if nobody says.
const BY_DEFAULT: &str = "the dashboard";

#[derive(Deserialize)]
struct Asked {
    by: Option<String>,
}

/// The pause in force, or the one that ended.
#[derive(Serialize)]
pub(crate) struct Answer {
    pause: Option<PauseStatus>,
}

pub(crate) async fn begin(State(app): State<App>, body: Bytes) -> Result<Json<Answer>, Refusal> {
    let by = if body.is_empty() {
        None
    } else {
        let asked: Asked = object(&body).map_err(|_| {
            Refusal::BadRequest("the body must be empty or `{\"by\": \"…\"}`".to_owned())
        })?;
        asked.by
    };
    let by = by.unwrap_or_else(|| BY_DEFAULT.to_owned());
    let pause = changed(move || app.control.pause(&by)).await?;
    Ok(Json(Answer { pause: Some(pause) }))
}

pub(crate) async fn end(State(app): State<App>) -> Result<Json<Answer>, Refusal> {
    let pause = changed(move || app.control.resume()).await?;
    Ok(Json(Answer { pause }))
}
