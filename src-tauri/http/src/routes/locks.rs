//! `GET /api/locks`: the table of locks. `POST /api/locks/settle`: settles one that is left over or stuck.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use commonplace_engine::{LocksReport, MeantHolder, SettleAct, Settled};
use serde::Deserialize;

use crate::gate::App;
use crate::refusal::Refusal;
use crate::routes::{changed, object};

#[derive(Deserialize)]
struct Asked {
    act: SettleAct,
    holder: Option<MeantHolder>,
}

pub(crate) async fn show(State(app): State<App>) -> Result<Json<LocksReport>, Refusal> {
    Ok(Json(changed(move || app.control.locks()).await?))
}

pub(crate) async fn settle(State(app): State<App>, body: Bytes) -> Result<Json<Settled>, Refusal> {
    let asked = if body.is_empty() {
        // What is always safe.
        Asked {
            act: SettleAct::ClearLeftovers,
            holder: None,
        }
    } else {
        object(&body).map_err(|_| {
            Refusal::BadRequest(
                "the body must be `{\"act\": \"clear_leftovers\"}`, or `take_over` or `terminate`, with `\"holder\": {\"instance\": …, \"since_ms\": …}` as the table of locks shows it"
                    .to_owned(),
            )
        })?
    };
    let settled = changed(move || app.control.settle(asked.act, asked.holder.as_ref()));
    Ok(Json(settled.await?))
}
