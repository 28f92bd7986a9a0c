//! `GET /events`: the status, again and again, as server-sent events.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use commonplace_api::Refusal;
use http::HeaderMap;

use crate::gate::App;
use crate::guard::bearer_token;
use crate::refusal::Refused;
use crate::sse;

pub(crate) async fn stream(State(app): State<App>, headers: HeaderMap) -> Response {
    let token = bearer_token(&headers).unwrap_or_default().to_owned();
    match Arc::clone(&app.streams).try_acquire_owned() {
        Ok(permit) => sse::answer(&app, token, permit),
        Err(_) => {
            let limit = app.limits.streams_max;
            Refused(Refusal::TooManyStreams { limit }).into_response()
        }
    }
}
