//! `GET /api/status`: everything the page shows, as JSON.

use axum::Json;
use axum::extract::State;
use commonplace_api::status::Status;

use crate::gate::App;

pub(crate) async fn show(State(app): State<App>) -> Json<Status> {
    Json(app.status.status())
}
