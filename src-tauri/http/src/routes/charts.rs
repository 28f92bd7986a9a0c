//! `GET /api/charts/{name}.svg`, `.json` and `.csv`: the past, drawn, as places and values, or as a table.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use commonplace_api::Refusal;
use commonplace_api::charts::ChartName;
use commonplace_api::query::ChartQuery;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::asked::{Asked, Past, within};
use super::blocking;
use crate::answers::refusal::Answer;
use crate::charts::{ChartView, Key, Range, csv_of, draw, figures_of, json_of};
use crate::state::App;

/// In which form a chart is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Svg,
    Json,
    Csv,
}

impl Form {
    fn content_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }
}

pub(crate) async fn show(
    State(app): State<App>,
    Path(chart): Path<String>,
    Asked(asked): Asked<ChartQuery>,
) -> Answer<Response> {
    let (name, form) = named(&chart)?;
    let now_ms = app.site.status.now_ms();
    let ends = (asked.from, asked.to);
    let range = match Past::parse(asked.seconds, ChartQuery::SECONDS_MAX, ends, now_ms)? {
        Past::Seconds(seconds) => Range::last(seconds, now_ms),
        Past::Between(from_ms, to_ms) => Range::between(from_ms, to_ms, now_ms),
    };
    let view = ChartView {
        width: within("width", asked.width, 800, ChartQuery::WIDTH)?,
        height: within("height", asked.height, 260, ChartQuery::HEIGHT)?,
        theme: asked.theme.unwrap_or_default(),
        is_standalone: form == Form::Svg,
    };
    let key = Key { name, range, view };
    let text = blocking(move || Ok(answer(&app, key, form))).await?;
    let mut response = ([(CONTENT_TYPE, form.content_type())], text).into_response();
    if form == Form::Csv {
        let file = format!("attachment; filename=\"commonplace-{chart}\"");
        let value = file.parse().expect("a name of a chart is a header value");
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn named(chart: &str) -> Result<(ChartName, Form), Refusal> {
    let forms = [
        (".svg", Form::Svg),
        (".json", Form::Json),
        (".csv", Form::Csv),
    ];
    let found = forms.into_iter().find_map(|(ending, form)| {
        let name = ChartName::parse(chart.strip_suffix(ending)?)?;
        Some((name, form))
    });
    found.ok_or_else(|| {
        let names = ChartName::ALL.map(ChartName::as_str).join("`, `");
        Refusal::bad_request(format!(
            "no chart `{chart}`; there are `{names}`, each with `.svg`, `.json` or `.csv`"
        ))
    })
}

/// Draws a chart. Only what an open page asks for again and again is kept, and no word of there being nothing: the next
/// write makes it untrue.
fn answer(app: &App, key: Key, form: Form) -> Bytes {
    let figures = || figures_of(app.site.status.as_ref(), key.name, key.range);
    match form {
        Form::Csv => csv_of(&figures()).into(),
        Form::Svg => draw(&figures(), key.view).svg.into(),
        Form::Json => app.charts.get(key, || {
            let chart = figures();
            (json_of(&chart, key.view).into(), chart.empty.is_none())
        }),
    }
}
