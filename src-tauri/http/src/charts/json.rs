//! A chart for our page: its figures, and its drawing with the places of its points, in one answer that agrees in itself.

use std::collections::BTreeMap;

use serde::Serialize;

use super::chart::Chart;
use super::drawing::{ChartView, Drawing, draw};

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    chart: &'a Chart,
    from_ms: i64,
    to_ms: i64,
    step_ms: i64,
    /// How long it stays what it is; None if it ended before now.
    fresh_ms: Option<i64>,
    /// The colour of each role in this theme, as it is written in a style sheet.
    colors: BTreeMap<String, String>,
    #[serde(flatten)]
    drawing: Drawing,
}

/// Writes a chart with its drawing as JSON.
pub(crate) fn json_of(chart: &Chart, view: ChartView) -> Vec<u8> {
    let series = chart.panels.iter().flat_map(|panel| &panel.series);
    let colors = series.map(|series| {
        let role = serde_json::to_value(series.role).unwrap_or_default();
        let role = role.as_str().unwrap_or_default().to_owned();
        (role, series.role.css(view.theme))
    });
    let shown = Shown {
        chart,
        from_ms: chart.range.from_ms,
        to_ms: chart.range.to_ms,
        step_ms: chart.range.step_ms,
        fresh_ms: chart.fresh_ms(),
        colors: colors.collect(),
        drawing: draw(chart, view),
    };
    serde_json::to_vec(&shown).expect("a chart has only texts and finite numbers")
}
