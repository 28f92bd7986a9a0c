//! What a request asks for: its query, its body, and numbers and times within their ranges.

use std::fmt::Display;

use axum::extract::{FromRequestParts, Query};
use commonplace_api::Refusal;
use commonplace_api::query::HistoryQuery;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::answers::refusal::Refused;

/// The query string, read as a `T`.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Refusal::bad_request(rejection.body_text()).into()),
        }
    }
}

/// Reads a body that must be an object of the form `shape`: by itself, serde would also take an array, as the fields one
/// after the other.
pub(super) fn object<T: DeserializeOwned>(bytes: &[u8], shape: &str) -> Result<T, Refusal> {
    let fields: serde_json::Result<Map<String, Value>> = serde_json::from_slice(bytes);
    fields
        .and_then(|fields| serde_json::from_value(fields.into()))
        .map_err(|error| Refusal::bad_request(format!("the body must be `{shape}`: {error}")))
}

/// Does the same for a body that may be left out.
pub(super) fn optional<T: DeserializeOwned + Default>(
    bytes: &[u8],
    shape: &str,
) -> Result<T, Refusal> {
    if bytes.is_empty() {
        return Ok(T::default());
    }
    object(bytes, shape)
}

/// Checks a number of the query string against its range.
pub(super) fn within<T: Display + PartialOrd>(
    name: &str,
    value: Option<T>,
    default: T,
    (least, most): (T, T),
) -> Result<T, Refusal> {
    let value = value.unwrap_or(default);
    if least <= value && value <= most {
        return Ok(value);
    }
    Err(Refusal::bad_request(format!(
        "`{name}` is `{value}`, but must be from {least} to {most}"
    )))
}

/// A part of the past.
pub(super) enum Past {
    /// The last seconds up to now.
    Seconds(u32),
    /// Between two moments, milliseconds since 1970.
    Between(i64, i64),
}

impl Past {
    /// Reads the part of the past that `seconds`, or `from` and `to`, ask for: the last 300 s if nothing is given.
    pub(super) fn parse(
        seconds: Option<u32>,
        seconds_max: u32,
        (from, to): (Option<i64>, Option<i64>),
        now_ms: i64,
    ) -> Result<Self, Refusal> {
        let Some(from_ms) = from else {
            if to.is_some() {
                return Err(Refusal::bad_request(
                    "`to` needs `from`; without it, give `seconds`",
                ));
            }
            let seconds = within("seconds", seconds, HistoryQuery::DEFAULT, (1, seconds_max))?;
            return Ok(Self::Seconds(seconds));
        };
        if seconds.is_some() {
            return Err(Refusal::bad_request("give `seconds` or `from`, not both"));
        }
        let to_ms = to.unwrap_or(now_ms);
        if to_ms <= from_ms {
            return Err(Refusal::bad_request(format!(
                "`to` is `{to_ms}`, but must be after `from`, `{from_ms}`; both are milliseconds since 1970"
            )));
        }
        Ok(Self::Between(from_ms, to_ms))
    }
}
