//! Lines over time, in panels one below the other.

use commonplace_api::charts::{ChartMark, ChartPoint};
use plotters::style::text_anchor::HPos;

use super::axes::{ValueAxis, count_label, time_label, time_ticks};
use super::chart::{Chart, Panel, Series};
use super::frame::{Frame, Laid, Plot};
use super::ink::{Drawn, Ink, text_width};
use super::legend::{Entry, Sign, draw_legend, legend_height, triangle};
use super::palette::Role;
use super::range::Range;

/// Room below the last panel for the labels of the time axis, right of the plots, and between panels, in CSS pixels.
const LABELS_BELOW: f64 = 24.0;
const MARGIN_RIGHT: f64 = 20.0;
const BETWEEN: f64 = 10.0;
/// Height of the lane in which marks stand.
const MARKS_LANE: f64 = 12.0;
/// How the height is divided between panels: the first one tells most.
const FIRST_SHARE: f64 = 0.6;
/// The axis of a queue reaches up to its limit once the queue fills this part of it.
const LIMIT_SHOWN_FROM: f64 = 0.25;
/// Room for one label of the axis of values, in CSS pixels.
const LABEL_EVERY: f64 = 28.0;

/// Draws all panels and the time axis.
pub(crate) fn draw(ink: &Ink<'_, '_>, chart: &Chart, frame: Frame) -> Laid {
    let laid = Layout::of(chart, frame);
    for ((panel, plot), axis) in chart.panels.iter().zip(&laid.plots).zip(&laid.axes) {
        draw_grid(ink, plot, axis, laid.label_width)?;
        draw_panel(ink, panel, plot, &laid.places)?;
    }
    for (entries, frame) in &laid.legends {
        draw_legend(ink, entries, *frame)?;
    }
    let last = laid.plots[laid.plots.len() - 1];
    draw_marks(ink, &chart.marks, chart.range, &last)?;
    draw_times(ink, chart.range, &last, laid.lane)?;
    Ok((laid.places, laid.plots))
}

/// Where everything stands.
struct Layout {
    legends: Vec<(Vec<Entry>, Frame)>,
    axes: Vec<ValueAxis>,
    plots: Vec<Plot>,
    places: Vec<f64>,
    label_width: f64,
    lane: f64,
}

impl Layout {
    fn of(chart: &Chart, frame: Frame) -> Self {
        let lane = if chart.marks.is_empty() {
            0.0
        } else {
            MARKS_LANE
        };
        let mut legends: Vec<Vec<Entry>> = chart.panels.iter().map(entries).collect();
        if let Some(last) = legends.last_mut() {
            last.extend(mark_entries(&chart.marks));
        }
        let legend_frame = Frame {
            right: frame.right - 4.0,
            ..frame
        };
        let heights: Vec<f64> = legends
            .iter()
            .map(|entries| legend_height(entries, legend_frame))
            .collect();
        let gaps = BETWEEN * (chart.panels.len() - 1) as f64;
        let above: f64 = heights.iter().sum();
        let height = (frame.bottom - frame.top - LABELS_BELOW - lane - above - gaps).max(20.0);
        let parts = match chart.panels.len() {
            1 => vec![height],
            _ => vec![height * FIRST_SHARE, height * (1.0 - FIRST_SHARE)],
        };
        let axes: Vec<ValueAxis> = chart
            .panels
            .iter()
            .zip(&parts)
            .map(|(panel, height)| axis(panel, *height))
            .collect();
        let label_width = axes.iter().map(widest_label).fold(0.0, f64::max);
        let left = frame.left + label_width + 12.0;
        let mut top = frame.top;
        let mut plots = Vec::new();
        let mut frames = Vec::new();
        for ((axis, part), legend) in axes.iter().zip(&parts).zip(&heights) {
            frames.push(Frame {
                top,
                ..legend_frame
            });
            plots.push(Plot {
                left,
                top: top + legend,
                width: (frame.right - MARGIN_RIGHT - left).max(20.0),
                height: *part,
                end: axis.end,
            });
            top += legend + part + BETWEEN;
        }
        let places = chart
            .points
            .iter()
            .map(|point| place(point, chart.range, &plots[0]));
        Self {
            places: places.collect(),
            legends: legends.into_iter().zip(frames).collect(),
            axes,
            plots,
            label_width,
            lane,
        }
    }
}

fn entries(panel: &Panel) -> Vec<Entry> {
    let entry = |series: &Series| Entry {
        name: series.name.to_owned(),
        role: series.role,
        sign: Sign::Line,
    };
    let title = (!panel.title.is_empty()).then(|| Entry {
        name: panel.title.to_owned(),
        role: Role::StrongInk,
        sign: Sign::Title,
    });
    let limit = panel.limit.map(|limit| Entry {
        name: format!("Limit {}", count_label(limit)),
        role: Role::Limit,
        sign: Sign::Dashes,
    });
    title
        .into_iter()
        .chain(panel.series.iter().map(entry))
        .chain(limit)
        .collect()
}

fn mark_entries(marks: &[ChartMark]) -> Vec<Entry> {
    let entry = |name: &str, role| Entry {
        name: name.to_owned(),
        role,
        sign: Sign::Triangle,
    };
    let has = |is_failure| marks.iter().any(|mark| mark.is_failure == is_failure);
    let slow = has(false).then(|| entry("Slow", Role::Slow));
    let failed = has(true).then(|| entry("Failed", Role::Failure));
    slow.into_iter().chain(failed).collect()
}

fn axis(panel: &Panel, height: f64) -> ValueAxis {
    let largest = panel.largest();
    let shown = match panel.limit {
        Some(limit) if largest >= limit * LIMIT_SHOWN_FROM => largest.max(limit),
        _ => largest,
    };
    let ticks = (height / LABEL_EVERY).floor().clamp(2.0, 4.0) as u32;
    ValueAxis::holding(shown, panel.unit(), ticks)
}

fn widest_label(axis: &ValueAxis) -> f64 {
    let widths = axis.ticks.iter().map(|tick| text_width(&axis.label(*tick)));
    widths.fold(0.0, f64::max)
}

fn place(point: &ChartPoint, range: Range, plot: &Plot) -> f64 {
    match point {
        ChartPoint::Time { at_ms, length_ms } => x(at_ms + length_ms / 2, range, plot),
        ChartPoint::Bin { .. } | ChartPoint::Name { .. } => plot.left,
    }
}

fn x(at_ms: i64, range: Range, plot: &Plot) -> f64 {
    let share = (at_ms - range.from_ms) as f64 / range.length_ms() as f64;
    plot.left + plot.width * share.clamp(0.0, 1.0)
}

fn draw_grid(ink: &Ink<'_, '_>, plot: &Plot, axis: &ValueAxis, label_width: f64) -> Drawn {
    for tick in &axis.ticks {
        let y = plot.y(*tick);
        ink.hairline((plot.left, plot.right()), y, Role::Grid)?;
        let place = (plot.left - 8.0, y);
        debug_assert!(text_width(&axis.label(*tick)) <= label_width);
        ink.text(&axis.label(*tick), place, HPos::Right, Role::Ink)?;
    }
    Ok(())
}

fn draw_panel(ink: &Ink<'_, '_>, panel: &Panel, plot: &Plot, places: &[f64]) -> Drawn {
    // A light fill below the longest: the eye finds the hills first.
    if let Some(first) = panel.series.first() {
        draw_hills(ink, first, plot, places)?;
    }
    for (n, series) in panel.series.iter().enumerate() {
        let width = if n == 0 { 1.25 } else { 1.75 };
        draw_series(ink, series, plot, places, width)?;
    }
    match panel.limit {
        Some(limit) if limit <= plot.end => {
            ink.dashes((plot.left, plot.right()), plot.y(limit), Role::Limit)
        }
        _ => Ok(()),
    }
}

fn draw_hills(ink: &Ink<'_, '_>, series: &Series, plot: &Plot, places: &[f64]) -> Drawn {
    for (start, run) in series.runs() {
        if run.len() < 2 {
            continue;
        }
        let xs = &places[start..start + run.len()];
        let mut corners: Vec<_> = xs
            .iter()
            .copied()
            .zip(run.iter().map(|v| plot.y(*v)))
            .collect();
        corners.push((xs[xs.len() - 1], plot.bottom()));
        corners.push((xs[0], plot.bottom()));
        ink.fill(&corners, series.role, 0.13)?;
    }
    Ok(())
}

/// Draws a line through each run of values, and a dot where one stands alone.
fn draw_series(
    ink: &Ink<'_, '_>,
    series: &Series,
    plot: &Plot,
    places: &[f64],
    width: f64,
) -> Drawn {
    for (start, run) in series.runs() {
        let xs = &places[start..start + run.len()];
        let through: Vec<_> = xs
            .iter()
            .copied()
            .zip(run.iter().map(|v| plot.y(*v)))
            .collect();
        match through[..] {
            [alone] => ink.dot(alone, 2.25, series.role)?,
            _ => ink.line(&through, series.role, width)?,
        }
    }
    Ok(())
}

fn draw_marks(ink: &Ink<'_, '_>, marks: &[ChartMark], range: Range, plot: &Plot) -> Drawn {
    // Failures last: they stand over what was only slow.
    let (failed, slow): (Vec<&ChartMark>, Vec<&ChartMark>) =
        marks.iter().partition(|mark| mark.is_failure);
    for mark in slow.into_iter().chain(failed) {
        let role = if mark.is_failure {
            Role::Failure
        } else {
            Role::Slow
        };
        let place = (
            x(mark.at_ms, range, plot),
            plot.bottom() + MARKS_LANE / 2.0 + 1.0,
        );
        triangle(ink, place, role)?;
    }
    Ok(())
}

fn draw_times(ink: &Ink<'_, '_>, range: Range, plot: &Plot, lane: f64) -> Drawn {
    let seconds = (range.length_ms() / 1000).max(1);
    let labels_max = (plot.width / 84.0).clamp(2.0, 8.0) as i64;
    for tick in time_ticks(seconds, labels_max) {
        let x = x(range.to_ms - tick * 1000, range, plot);
        let place = (x, plot.bottom() + lane + LABELS_BELOW / 2.0 + 2.0);
        let label = time_label(tick, range.fresh_ms.is_some());
        ink.text(&label, place, HPos::Center, Role::Ink)?;
    }
    Ok(())
}
