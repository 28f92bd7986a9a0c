//! One file for each route: check, ask, shape.

pub(crate) mod autostart;
pub(crate) mod backups;
pub(crate) mod charts;
pub(crate) mod codes;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod integrity;
pub(crate) mod locks;
pub(crate) mod logs;
pub(crate) mod memories;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod pause;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod slow;
pub(crate) mod status;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;

use commonplace_api::Refusal;
use commonplace_api::query::HistoryQuery;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Asks the host for a look or a change that may take a while, on a thread that may block.
async fn changed<T: Send + 'static>(
    change: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(change)
        .await
        .unwrap_or_else(|error| Err(Refusal::failed(error)))
}

/// Takes a parsed query string, or says what is wrong with it.
fn parsed<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Refusal> {
    match query {
        Ok(Query(value)) => Ok(value),
        Err(rejection) => Err(Refusal::bad_request(rejection.body_text())),
    }
}

/// Reads a body that must be an object of the form `shape`: by itself, serde would also take an array, as the fields one
/// after the other.
fn object<T: DeserializeOwned>(bytes: &[u8], shape: &str) -> Result<T, Refusal> {
    let fields: serde_json::Result<Map<String, Value>> = serde_json::from_slice(bytes);
    fields
        .and_then(|fields| serde_json::from_value(fields.into()))
        .map_err(|error| Refusal::bad_request(format!("the body must be `{shape}`: {error}")))
}

/// Does the same for a body that may be left out.
fn optional<T: DeserializeOwned + Default>(bytes: &[u8], shape: &str) -> Result<T, Refusal> {
    if bytes.is_empty() {
        return Ok(T::default());
    }
    object(bytes, shape)
}

/// Checks a number of the query string against its range.
fn within(
    name: &str,
    value: Option<u32>,
    default: u32,
    range: std::ops::RangeInclusive<u32>,
) -> Result<u32, Refusal> {
    let value = value.unwrap_or(default);
    if range.contains(&value) {
        return Ok(value);
    }
    Err(Refusal::bad_request(format!(
        "`{name}` is `{value}`, but must be from {} to {}",
        range.start(),
        range.end()
    )))
}

fn seconds_within(seconds: Option<u32>) -> Result<u32, Refusal> {
    within(
        "seconds",
        seconds,
        HistoryQuery::DEFAULT,
        1..=HistoryQuery::SECONDS_MAX,
    )
}
