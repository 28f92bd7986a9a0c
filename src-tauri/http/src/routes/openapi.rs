//! `GET /api/openapi.json`: what this host answers, as an OpenAPI 3.1 document.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

/// Written by hand; a test compares its paths with the list of routes.
const DOCUMENT: &str = include_str!("../../openapi.json");

pub(crate) async fn show() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
