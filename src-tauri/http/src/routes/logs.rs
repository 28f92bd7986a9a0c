//! `GET /api/logs`: the log of the store's hosts, from its end.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::gate::App;
use crate::logs::{LogLevel, LogPage, LogPlace, LogQuery};
use crate::refusal::Refusal;
use crate::routes::{changed, parsed, within};

/// Longest text that is looked for, in characters.
const CONTAINS_LENGTH_MAX: usize = 200;

#[derive(Deserialize)]
pub(crate) struct Asked {
    level: Option<LogLevel>,
    contains: Option<String>,
    limit: Option<u32>,
    before: Option<String>,
}

pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<LogPage>, Refusal> {
    let query = checked(parsed(query)?)?;
    Ok(Json(changed(move || app.control.logs(&query)).await?))
}

fn checked(asked: Asked) -> Result<LogQuery, Refusal> {
    let contains = asked.contains.filter(|text| !text.is_empty());
    let length = contains.as_ref().map_or(0, |text| text.chars().count());
    if length > CONTAINS_LENGTH_MAX {
        return Err(Refusal::BadRequest(format!(
            "`contains` has {length} characters, but may have {CONTAINS_LENGTH_MAX}"
        )));
    }
    let place = |text: String| {
        text.parse::<LogPlace>().map_err(|()| {
            Refusal::BadRequest(
                "`before` must be what an earlier answer gave as `before`, such as `2026-11-25.1234`"
                    .to_owned(),
            )
        })
    };
    Ok(LogQuery {
        level: asked.level.unwrap_or(LogLevel::Trace),
        contains,
        limit: within("limit", asked.limit, 200, 1..=1000)? as usize,
        before: asked.before.map(place).transpose()?,
    })
}
