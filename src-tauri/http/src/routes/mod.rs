//! What each route does: check, ask, shape.
//!
//! Promises that what may block runs on threads that may, and that whatever is wrong with a query or a body is named in
//! the refusal. Does not know how a request came in, nor who may send it.

mod asked;
pub(crate) mod charts;
pub(crate) mod events;
pub(crate) mod host;
pub(crate) mod memories;
pub(crate) mod metrics;
pub(crate) mod past;
pub(crate) mod redactions;
pub(crate) mod session;

use axum::Json;
use commonplace_api::Refusal;

use crate::answers::refusal::Answer;

/// Does what may take a while on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Answer<T> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.unwrap_or_else(|error| Err(Refusal::failed(error)))?)
}

/// Does the same, and answers with the result as JSON.
async fn json<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Answer<Json<T>> {
    blocking(work).await.map(Json)
}
