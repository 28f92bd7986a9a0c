//! `GET /api/autostart`: whether a login starts the program. `PUT /api/autostart`: lets it, or not.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use commonplace_api::about::{LoginRequest, LoginStatus};

use crate::gate::App;
use crate::refusal::Answer;
use crate::routes::{changed, object};

pub(crate) async fn show(State(app): State<App>) -> Answer<Json<LoginStatus>> {
    Ok(Json(changed(move || app.login.status()).await?))
}

pub(crate) async fn change(State(app): State<App>, body: Bytes) -> Answer<Json<LoginStatus>> {
    let asked: LoginRequest = object(&body, "{\"start_at_login\": true}, or false")?;
    let status = changed(move || app.login.set(asked.start_at_login)).await?;
    Ok(Json(status))
}
