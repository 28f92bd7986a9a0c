//! `GET /api/locks`: the table of locks. `POST /api/locks/settle`: settles one that is left over or stuck.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use commonplace_api::locks::{LocksReport, Settle, Settled};

use crate::gate::App;
use crate::refusal::Answer;
use crate::routes::{changed, optional};

pub(crate) async fn show(State(app): State<App>) -> Answer<Json<LocksReport>> {
    Ok(Json(changed(move || app.host.locks()).await?))
}

pub(crate) async fn settle(State(app): State<App>, body: Bytes) -> Answer<Json<Settled>> {
    let shape = "{\"act\": \"clear_leftovers\"}, or `take_over` or `terminate`, with \"holder\": {\"instance\": …, \
                 \"since_ms\": …} as the table of locks shows it";
    let asked: Settle = optional(&body, shape)?;
    Ok(Json(changed(move || app.host.settle(&asked)).await?))
}
