//! `GET /api/charts/{name}.svg`, `.json` and `.csv`: the past, drawn, as places and values, or as a table.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use commonplace_api::Refusal;
use commonplace_api::charts::ChartName;
use commonplace_api::query::{ChartQuery, HistoryQuery};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use crate::charts::{ChartView, Key, Range, csv_of, draw, figures_of, json_of};
use crate::gate::App;
use crate::refusal::Answer;
use crate::routes::{changed, parsed, within};

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
    query: Result<Query<ChartQuery>, QueryRejection>,
) -> Answer<Response> {
    let (name, form) = named(&chart)?;
    let asked = parsed(query)?;
    let range = range_of(&asked, app.status.now_ms())?;
    let view = ChartView {
        width: within("width", asked.width, 800, span(ChartQuery::WIDTH))?,
        height: within("height", asked.height, 260, span(ChartQuery::HEIGHT))?,
        theme: asked.theme.unwrap_or_default(),
        is_standalone: form == Form::Svg,
    };
    let key = Key { name, range, view };
    let text = changed(move || Ok(answer(&app, key, form))).await?;
    let mut response = ([(CONTENT_TYPE, form.content_type())], text).into_response();
    if form == Form::Csv {
        let file = format!("attachment; filename=\"commonplace-{chart}\"");
        let value = file.parse().expect("a name of a chart is a header value");
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn span((least, most): (u32, u32)) -> std::ops::RangeInclusive<u32> {
    least..=most
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

fn range_of(asked: &ChartQuery, now_ms: i64) -> Result<Range, Refusal> {
    let (from_ms, to_ms) = match (asked.from, asked.to) {
        (None, None) => {
            let (default, most) = (HistoryQuery::DEFAULT, ChartQuery::SECONDS_MAX);
            let seconds = within("seconds", asked.seconds, default, 1..=most)?;
            return Ok(Range::last(seconds, now_ms));
        }
        (None, Some(_)) => {
            return Err(Refusal::bad_request(
                "`to` needs `from`; without it, ask for `seconds`",
            ));
        }
        (Some(from_ms), to_ms) => (from_ms, to_ms.unwrap_or(now_ms)),
    };
    if asked.seconds.is_some() {
        return Err(Refusal::bad_request(
            "ask for `seconds` or for `from`, not for both",
        ));
    }
    if to_ms <= from_ms {
        return Err(Refusal::bad_request(format!(
            "`to` is `{to_ms}`, but must be after `from`, `{from_ms}`; both are milliseconds since 1970"
        )));
    }
    Ok(Range::between(from_ms, to_ms, now_ms))
}

/// Draws a chart. Only what an open page asks for again and again is kept, and no word of there being nothing: the next
/// write makes it untrue.
fn answer(app: &App, key: Key, form: Form) -> Bytes {
    let figures = || figures_of(app.status.as_ref(), key.name, key.range);
    match form {
        Form::Csv => csv_of(&figures()).into(),
        Form::Svg => draw(&figures(), key.view).svg.into(),
        Form::Json => app.charts.get(key, || {
            let chart = figures();
            (json_of(&chart, key.view).into(), chart.empty.is_none())
        }),
    }
}
