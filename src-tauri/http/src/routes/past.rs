//! What has happened: `GET /api/history`, by the second or in samples of equal length; `GET /api/slow`, slow holds, slow
//! waits and failures; `GET /api/logs`, the log of the store's hosts, from its end.

use axum::Json;
use axum::extract::State;
use commonplace_api::Refusal;
use commonplace_api::logs::{LogPage, LogPlace};
use commonplace_api::query::{HistoryQuery, IncidentsQuery, LogQuery};
use commonplace_api::statistics::{History, Incidents};

use super::asked::{Asked, Past, within};
use super::json;
use crate::answers::refusal::Answer;
use crate::state::App;

pub(crate) async fn history(
    State(app): State<App>,
    Asked(asked): Asked<HistoryQuery>,
) -> Answer<Json<History>> {
    let range = (1, HistoryQuery::POINTS_MAX);
    let points = within("points", asked.points, HistoryQuery::DEFAULT, range)? as usize;
    if asked.points.is_some() && asked.from.is_none() {
        let problem = "`points` needs `from`; without it, give `seconds`";
        return Err(Refusal::bad_request(problem).into());
    }
    let ends = (asked.from, asked.to);
    let now_ms = app.site.status.now_ms();
    let past = Past::parse(asked.seconds, HistoryQuery::SECONDS_MAX, ends, now_ms)?;
    json(move || {
        let status = &app.site.status;
        let samples = match past {
            Past::Seconds(seconds) => status.history(seconds as usize),
            Past::Between(from_ms, to_ms) => status.history_between(from_ms, to_ms, points),
        };
        Ok(History { samples })
    })
    .await
}

pub(crate) async fn slow(
    State(app): State<App>,
    Asked(asked): Asked<IncidentsQuery>,
) -> Answer<Json<Incidents>> {
    let range = (1, IncidentsQuery::LIMIT_MAX);
    let limit = within("limit", asked.limit, IncidentsQuery::LIMIT_DEFAULT, range)?;
    json(move || app.site.host.incidents(limit)).await
}

pub(crate) async fn logs(
    State(app): State<App>,
    Asked(asked): Asked<LogQuery>,
) -> Answer<Json<LogPage>> {
    check(&asked)?;
    json(move || app.site.host.logs(&asked)).await
}

fn check(asked: &LogQuery) -> Result<(), Refusal> {
    let contains = asked.contains.as_deref().unwrap_or_default();
    let length = contains.chars().count();
    if length > LogQuery::CONTAINS_LEN_MAX {
        return Err(Refusal::bad_request(format!(
            "`contains` has {length} characters, but may have {}",
            LogQuery::CONTAINS_LEN_MAX
        )));
    }
    let is_place = |text: &String| text.parse::<LogPlace>().is_ok();
    if !asked.before.as_ref().is_none_or(is_place) {
        return Err(Refusal::bad_request(
            "`before` must be what an earlier answer gave as `before`, such as `2026-11-25.1234`",
        ));
    }
    let range = (1, LogQuery::LIMIT_MAX);
    within("limit", asked.limit, LogQuery::LIMIT_DEFAULT, range).map(drop)
}
