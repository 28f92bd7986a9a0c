//! `GET /metrics`: figures for Prometheus.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use crate::gate::App;
use crate::metrics;

pub(crate) async fn show(State(app): State<App>) -> Response {
    let text = metrics::render(&app.status.status(), &app.refusals);
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response()
}
