//! `GET /api/charts/waits.svg`: wait times, drawn.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde::Deserialize;

use crate::charts::{ChartView, Theme, draw_waits};
use crate::gate::App;
use crate::refusal::Refusal;
use crate::routes::{changed, parsed, seconds_within, within};

#[derive(Deserialize)]
pub(crate) struct Asked {
    seconds: Option<u32>,
    width: Option<u32>,
    height: Option<u32>,
    theme: Option<Theme>,
}

pub(crate) async fn waits(
    State(app): State<App>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refusal> {
    let asked = parsed(query)?;
    let view = ChartView {
        seconds: seconds_within(asked.seconds)?,
        width: within("width", asked.width, 800, 240..=3840)?,
        height: within("height", asked.height, 260, 120..=1200)?,
        theme: asked.theme.unwrap_or_default(),
    };
    let samples = changed(move || Ok(app.status.history(view.seconds as usize))).await?;
    let svg = draw_waits(&samples, &view);
    Ok(([(CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}
