//! A chart for our page: its figures, and its drawing with the places of its points, in one answer that agrees in itself.

use commonplace_api::charts as api;

use super::chart::{Chart, Panel};
use super::drawing::{ChartView, draw};
use super::frame::Plot;

/// Writes a chart with its drawing as JSON.
pub(crate) fn json_of(chart: &Chart, view: ChartView) -> Vec<u8> {
    let series = chart.panels.iter().flat_map(|panel| &panel.series);
    let colors = series.map(|series| (series.role.key(), series.role.css(view.theme)));
    let drawing = draw(chart, view);
    let shown = api::Chart {
        name: chart.name,
        title: chart.title.into(),
        shape: chart.shape,
        points: chart.points.clone(),
        panels: chart.panels.iter().map(Panel::told).collect(),
        marks: chart.marks.clone(),
        empty: chart.empty.clone(),
        from_ms: chart.range.from_ms,
        to_ms: chart.range.to_ms,
        step_ms: chart.range.step_ms,
        fresh_ms: chart.fresh_ms(),
        colors: colors.collect(),
        svg: drawing.svg,
        places: drawing.places,
        plots: drawing.plots.into_iter().map(Plot::told).collect(),
    };
    serde_json::to_vec(&shown).expect("a chart has only texts and finite numbers")
}
