//! `GET /api/settings`: every setting. `PATCH /api/settings`: changes some, all or none.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde_json::{Map, Value};

use crate::control::SettingsStatus;
use crate::gate::App;
use crate::refusal::Refusal;
use crate::routes::changed;

pub(crate) async fn show(State(app): State<App>) -> Result<Json<SettingsStatus>, Refusal> {
    Ok(Json(changed(move || Ok(app.control.settings())).await?))
}

pub(crate) async fn change(
    State(app): State<App>,
    body: Bytes,
) -> Result<Json<SettingsStatus>, Refusal> {
    let asked: Map<String, Value> = serde_json::from_slice(&body).map_err(|_| {
        Refusal::BadRequest(
            "the body must be `{\"key\": value, …}`; null sets the default".to_owned(),
        )
    })?;
    let changes: Vec<_> = asked
        .into_iter()
        .map(|(key, value)| (key, Some(value).filter(|value| !value.is_null())))
        .collect();
    let settings = changed(move || app.control.change_settings(&changes)).await?;
    Ok(Json(settings))
}
