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

use crate::control::ControlError;
use crate::refusal::Refusal;

/// Longest part of the past that can be asked for by the second: the engine keeps one hour of them.
const HISTORY_SECONDS_MAX: u32 = 3600;
/// Part of the past that is shown if none is asked for.
const HISTORY_SECONDS_DEFAULT: u32 = 300;

/// Asks the host for a look or a change that may take a while, on a thread that may block.
async fn changed<T: Send + 'static>(
    change: impl FnOnce() -> Result<T, ControlError> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(change)
        .await
        .unwrap_or_else(|error| Err(ControlError::Failed(error.to_string())))
        .map_err(Refusal::from)
}

/// Takes a parsed query string, or says what is wrong with it.
fn parsed<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Refusal> {
    match query {
        Ok(Query(value)) => Ok(value),
        Err(rejection) => Err(Refusal::BadRequest(rejection.body_text())),
    }
}

/// Reads a body that must be an object: by itself, serde would also take an array, as the fields one after the other.
fn object<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes)?;
    serde_json::from_value(fields.into())
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
    Err(Refusal::BadRequest(format!(
        "`{name}` is `{value}`, but must be from {} to {}",
        range.start(),
        range.end()
    )))
}

fn seconds_within(seconds: Option<u32>) -> Result<u32, Refusal> {
    within(
        "seconds",
        seconds,
        HISTORY_SECONDS_DEFAULT,
        1..=HISTORY_SECONDS_MAX,
    )
}
