//! `GET /api/logs`: the log of the store's hosts, from its end.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use commonplace_api::Refusal;
use commonplace_api::logs::{LogPage, LogPlace};
use commonplace_api::query::LogQuery;

use crate::gate::App;
use crate::refusal::Answer;
use crate::routes::{changed, parsed, within};

pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<LogQuery>, QueryRejection>,
) -> Answer<Json<LogPage>> {
    let query = parsed(query)?;
    check(&query)?;
    Ok(Json(changed(move || app.host.logs(&query)).await?))
}

fn check(asked: &LogQuery) -> Result<(), Refusal> {
    let length = asked
        .contains
        .as_ref()
        .map_or(0, |text| text.chars().count());
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
    let (default, range) = (LogQuery::LIMIT_DEFAULT, 1..=LogQuery::LIMIT_MAX);
    within("limit", asked.limit, default, range).map(drop)
}
