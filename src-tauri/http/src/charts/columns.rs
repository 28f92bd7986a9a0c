//! Columns over bins: how many waits were of about the same length.

use commonplace_api::charts::ChartPoint;
use plotters::style::text_anchor::HPos;

use super::axes::{ValueAxis, time_value_label};
use super::chart::{Chart, Panel, Series};
use super::frame::{Frame, Laid, Plot};
use super::ink::{Drawn, Ink, text_width};
use super::legend::{Entry, Sign, draw_legend, legend_height};
use super::palette::Role;

const LABELS_BELOW: f64 = 24.0;
const MARGIN_RIGHT: f64 = 20.0;
/// Room for one label below the columns, in CSS pixels.
const LABEL_EVERY: f64 = 54.0;
/// A column with something in it is at least this high: one long wait among millions must be seen.
const HEIGHT_MIN: f64 = 1.5;

/// Draws the columns of all series side by side, and the edges of the bins below.
pub(crate) fn draw(ink: &Ink<'_, '_>, chart: &Chart, frame: Frame) -> Laid {
    let panel = &chart.panels[0];
    let entries: Vec<Entry> = panel.series.iter().map(entry).collect();
    let legend = legend_height(&entries, frame);
    let height = (frame.bottom - frame.top - legend - LABELS_BELOW).max(20.0);
    let axis = ValueAxis::holding(
        panel.largest(),
        panel.unit(),
        (height / 28.0).clamp(2.0, 4.0) as u32,
    );
    let labels = axis.ticks.iter().map(|tick| text_width(&axis.label(*tick)));
    let left = frame.left + labels.fold(0.0, f64::max) + 12.0;
    let plot = Plot {
        left,
        top: frame.top + legend,
        width: (frame.right - MARGIN_RIGHT - left).max(20.0),
        height,
        end: axis.end,
    };
    draw_legend(ink, &entries, frame)?;
    for tick in &axis.ticks {
        let y = plot.y(*tick);
        ink.hairline((plot.left, plot.right()), y, Role::Grid)?;
        ink.text(
            &axis.label(*tick),
            (plot.left - 8.0, y),
            HPos::Right,
            Role::Ink,
        )?;
    }
    let slot = plot.width / chart.points.len() as f64;
    draw_columns(ink, panel, &plot, slot)?;
    draw_edges(ink, &chart.points, &plot, slot)?;
    let places = (0..chart.points.len()).map(|n| plot.left + slot * (n as f64 + 0.5));
    Ok((places.collect(), vec![plot]))
}

fn entry(series: &Series) -> Entry {
    Entry {
        name: series.name.to_owned(),
        role: series.role,
        sign: Sign::Dot,
    }
}

fn draw_columns(ink: &Ink<'_, '_>, panel: &Panel, plot: &Plot, slot: f64) -> Drawn {
    let gap = (slot * 0.1).clamp(1.0, 6.0);
    let width = (slot - 2.0 * gap) / panel.series.len() as f64;
    for (n, series) in panel.series.iter().enumerate() {
        for (bin, value) in series.values.iter().enumerate() {
            let Some(value) = value.filter(|value| *value > 0.0) else {
                continue;
            };
            let left = plot.left + slot * bin as f64 + gap + width * n as f64;
            let right = left + (width - 1.0).max(1.0);
            let (top, bottom) = (plot.y(value).min(plot.bottom() - HEIGHT_MIN), plot.bottom());
            let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
            ink.fill(&corners, series.role, 1.0)?;
        }
    }
    Ok(())
}

/// Writes the edges between bins, as many as find room.
fn draw_edges(ink: &Ink<'_, '_>, points: &[ChartPoint], plot: &Plot, slot: f64) -> Drawn {
    let every = (LABEL_EVERY / slot).ceil().max(1.0) as usize;
    let y = plot.bottom() + LABELS_BELOW / 2.0 + 2.0;
    for (n, point) in points.iter().enumerate().step_by(every) {
        let ChartPoint::Bin { from_ms, .. } = point else {
            continue;
        };
        let label = match *from_ms {
            0.0 => "0".to_owned(),
            from_ms => time_value_label(from_ms),
        };
        let x = plot.left + slot * n as f64;
        ink.text(&label, (x, y), HPos::Center, Role::Ink)?;
    }
    Ok(())
}
