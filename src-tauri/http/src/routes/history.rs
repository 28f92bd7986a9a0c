//! `GET /api/history`: the past, by the second for the last hour, or any part of what is kept.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use commonplace_api::Refusal;
use commonplace_api::query::HistoryQuery;
use commonplace_api::statistics::{History, Sample};

use crate::gate::App;
use crate::refusal::Answer;
use crate::routes::{changed, parsed, seconds_within, within};

pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Answer<Json<History>> {
    let asked = parsed(query)?;
    let samples = match asked.from {
        Some(from_ms) => between(app, from_ms, &asked).await?,
        None => last_seconds(app, &asked).await?,
    };
    Ok(Json(History { samples }))
}

async fn last_seconds(app: App, asked: &HistoryQuery) -> Result<Vec<Sample>, Refusal> {
    if asked.to.is_some() || asked.points.is_some() {
        return Err(Refusal::bad_request(
            "`to` and `points` need `from`; without it, ask for `seconds`",
        ));
    }
    let seconds = seconds_within(asked.seconds)?;
    changed(move || Ok(app.status.history(seconds as usize))).await
}

async fn between(app: App, from_ms: i64, asked: &HistoryQuery) -> Result<Vec<Sample>, Refusal> {
    if asked.seconds.is_some() {
        return Err(Refusal::bad_request(
            "ask for `seconds` or for `from`, not for both",
        ));
    }
    let points = within(
        "points",
        asked.points,
        HistoryQuery::DEFAULT,
        1..=HistoryQuery::POINTS_MAX,
    )? as usize;
    let to_ms = asked.to.unwrap_or_else(|| app.status.now_ms());
    if to_ms <= from_ms {
        return Err(Refusal::bad_request(format!(
            "`to` is `{to_ms}`, but must be after `from`, `{from_ms}`; both are milliseconds since 1970"
        )));
    }
    changed(move || Ok(app.status.history_between(from_ms, to_ms, points))).await
}
