//! `GET /api/settings`: every setting. `PATCH /api/settings`: changes some, all or none.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use commonplace_api::settings::{SettingsChange, SettingsReport};

use crate::gate::App;
use crate::refusal::Answer;
use crate::routes::{changed, object};

pub(crate) async fn show(State(app): State<App>) -> Answer<Json<SettingsReport>> {
    Ok(Json(changed(move || app.host.settings()).await?))
}

pub(crate) async fn change(State(app): State<App>, body: Bytes) -> Answer<Json<SettingsReport>> {
    let asked: SettingsChange = object(&body, "{\"key\": value, …}, where null sets the default")?;
    Ok(Json(
        changed(move || app.host.change_settings(&asked)).await?,
    ))
}
