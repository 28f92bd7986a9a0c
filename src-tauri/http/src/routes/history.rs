//! `GET /api/history`: the past, by the second for the last hour, or any part of what is kept.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use commonplace_engine::Sample;
use serde::{Deserialize, Serialize};

use crate::gate::App;
use crate::refusal::Refusal;
use crate::routes::{changed, parsed, seconds_within, within};

#[derive(Deserialize)]
pub(crate) struct Asked {
    seconds: Option<u32>,
    /// Milliseconds since 1970.
    from: Option<i64>,
    to: Option<i64>,
    points: Option<u32>,
}

#[derive(Serialize)]
pub(crate) struct History {
    samples: Vec<Sample>,
}

pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<History>, Refusal> {
    let asked = parsed(query)?;
    let samples = match asked.from {
        Some(from_ms) => between(app, from_ms, &asked).await?,
        None => last_seconds(app, &asked).await?,
    };
    Ok(Json(History { samples }))
}

async fn last_seconds(app: App, asked: &Asked) -> Result<Vec<Sample>, Refusal> {
    if asked.to.is_some() || asked.points.is_some() {
        return Err(Refusal::BadRequest(
            "`to` and `points` need `from`; without it, ask for `seconds`".to_owned(),
        ));
    }
    let seconds = seconds_within(asked.seconds)?;
    changed(move || Ok(app.status.history(seconds as usize))).await
}

async fn between(app: App, from_ms: i64, asked: &Asked) -> Result<Vec<Sample>, Refusal> {
    if asked.seconds.is_some() {
        return Err(Refusal::BadRequest(
            "ask for `seconds` or for `from`, not for both".to_owned(),
        ));
    }
    let points = within("points", asked.points, 300, 1..=5000)? as usize;
    let to_ms = asked.to.unwrap_or_else(|| app.status.now_ms());
    if to_ms <= from_ms {
        return Err(Refusal::BadRequest(format!(
            "`to` is `{to_ms}`, but must be after `from`, `{from_ms}`; both are milliseconds since 1970"
        )));
    }
    changed(move || Ok(app.status.history_between(from_ms, to_ms, points))).await
}
