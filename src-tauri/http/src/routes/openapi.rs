//! `GET /api/openapi.json`: what this host answers, as an OpenAPI 3.1 document.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

pub(crate) async fn show() -> Response {
    (
        [(CONTENT_TYPE, "application/json")],
        commonplace_api::OPENAPI,
    )
        .into_response()
}
