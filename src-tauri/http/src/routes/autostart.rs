//! `GET /api/autostart`: whether a login starts the program. `PUT /api/autostart`: lets it, or not.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;

use crate::gate::App;
use crate::login::LoginStatus;
use crate::refusal::Refusal;
use crate::routes::{changed, object};

#[derive(Deserialize)]
struct Asked {
    start_at_login: bool,
}

pub(crate) async fn show(State(app): State<App>) -> Result<Json<LoginStatus>, Refusal> {
    Ok(Json(changed(move || app.login.status()).await?))
}

pub(crate) async fn change(
    State(app): State<App>,
    body: Bytes,
) -> Result<Json<LoginStatus>, Refusal> {
    let asked: Asked = object(&body).map_err(|_| {
        Refusal::BadRequest("the body must be `{\"start_at_login\": true}`, or false".to_owned())
    })?;
    let status = changed(move || app.login.set(asked.start_at_login)).await?;
    Ok(Json(status))
}
