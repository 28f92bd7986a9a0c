//! A row for each name with dots on one axis: who waits how long.
//!
//! The axis counts factors of ten, since the longest wait is often a thousand times the usual one.

use commonplace_api::charts::{ChartPoint, ChartUnit};
use plotters::style::text_anchor::HPos;

use super::axes::{powers_of_ten, time_value_label};
use super::chart::{Chart, Series};
use super::frame::{Frame, Laid, Plot};
use super::ink::{Drawn, Ink, cut, text_width};
use super::legend::{Entry, Sign, draw_legend, legend_height};
use super::palette::Role;

const LABELS_BELOW: f64 = 24.0;
const MARGIN_RIGHT: f64 = 28.0;
/// Height of one row in CSS pixels, at least and at most.
const ROW_MIN: f64 = 20.0;
const ROW_MAX: f64 = 34.0;
/// Names take at most this part of the width.
const NAMES_SHARE: f64 = 0.36;

/// Draws as many rows as find room; the last one says how many did not.
pub(crate) fn draw(ink: &Ink<'_, '_>, chart: &Chart, frame: Frame) -> Laid {
    let drawn: Vec<&Series> = chart.panels[0]
        .series
        .iter()
        .filter(|s| is_drawn(s))
        .collect();
    let entries: Vec<Entry> = drawn.iter().map(|series| entry(series)).collect();
    let legend = legend_height(&entries, frame);
    let names: Vec<&str> = chart.points.iter().map(name_of).collect();
    let room = (frame.bottom - frame.top - legend - LABELS_BELOW).max(ROW_MIN);
    let rows_max = (room / ROW_MIN) as usize;
    let (shown, more) = match names.len() {
        all if all <= rows_max => (all, 0),
        all => (rows_max.saturating_sub(1), all + 1 - rows_max),
    };
    let rest = if more > 0 {
        format!("and {more} more")
    } else {
        String::new()
    };
    let written = names.iter().take(shown).copied().chain([rest.as_str()]);
    let widest = written.map(text_width).fold(0.0, f64::max);
    let names_width = (widest + 14.0).min(frame.width() * NAMES_SHARE);
    let lines = shown + usize::from(more > 0);
    let row = (room / lines as f64).min(ROW_MAX);
    let left = frame.left + names_width;
    let plot = Plot {
        left,
        top: frame.top + legend,
        width: (frame.right - MARGIN_RIGHT - left).max(20.0),
        height: row * lines as f64,
        end: 0.0,
    };
    draw_legend(ink, &entries, frame)?;
    let axis = Axis::of(&drawn, plot);
    axis.draw(ink)?;
    let places: Vec<f64> = (0..shown)
        .map(|n| plot.top + row * (n as f64 + 0.5))
        .collect();
    for (n, y) in places.iter().enumerate() {
        let name = cut(names[n], names_width - 10.0);
        ink.text(&name, (plot.left - 10.0, *y), HPos::Right, Role::StrongInk)?;
        draw_row(ink, &drawn, n, &axis, *y)?;
    }
    if more > 0 {
        let place = (plot.left - 10.0, plot.top + row * (shown as f64 + 0.5));
        ink.text(&rest, place, HPos::Right, Role::Ink)?;
    }
    Ok((places, vec![plot]))
}

/// What is not a time is in the table only.
fn is_drawn(series: &Series) -> bool {
    series.unit == ChartUnit::Milliseconds
}

fn entry(series: &Series) -> Entry {
    Entry {
        name: series.name.to_owned(),
        role: series.role,
        sign: Sign::Dot,
    }
}

fn name_of(point: &ChartPoint) -> &str {
    match point {
        ChartPoint::Name { name } => name,
        ChartPoint::Time { .. } | ChartPoint::Bin { .. } => "",
    }
}

/// The axis of times.
struct Axis {
    powers: Vec<f64>,
    plot: Plot,
}

impl Axis {
    fn of(drawn: &[&Series], plot: Plot) -> Self {
        let values = || {
            drawn
                .iter()
                .flat_map(|s| s.values.iter().flatten().copied())
        };
        let least = values()
            .filter(|value| *value > 0.0)
            .fold(f64::INFINITY, f64::min);
        let least = if least.is_finite() { least } else { 1.0 };
        let powers = powers_of_ten(least, values().fold(0.0, f64::max));
        Self { powers, plot }
    }

    fn x(&self, ms: f64) -> f64 {
        let (first, last) = (self.powers[0], self.powers[self.powers.len() - 1]);
        let share = (ms.max(first) / first).log10() / (last / first).log10();
        self.plot.left + self.plot.width * share.clamp(0.0, 1.0)
    }

    fn draw(&self, ink: &Ink<'_, '_>) -> Drawn {
        let every = (self.powers.len() as f64 * 50.0 / self.plot.width)
            .ceil()
            .max(1.0) as usize;
        for (n, power) in self.powers.iter().enumerate() {
            let x = self.x(*power).round() + 0.5;
            let bottom = self.plot.bottom();
            ink.line(&[(x, self.plot.top), (x, bottom)], Role::Grid, 1.0)?;
            if n % every == 0 {
                let place = (x, bottom + LABELS_BELOW / 2.0 + 2.0);
                ink.text(&time_value_label(*power), place, HPos::Center, Role::Ink)?;
            }
        }
        Ok(())
    }
}

fn draw_row(ink: &Ink<'_, '_>, drawn: &[&Series], n: usize, axis: &Axis, y: f64) -> Drawn {
    let values: Vec<(f64, Role)> = drawn
        .iter()
        .filter_map(|series| Some((axis.x(series.values[n]?), series.role)))
        .collect();
    if let (Some(longest), Some(half)) = (values.first(), values.last()) {
        ink.line(&[(half.0, y), (longest.0, y)], longest.1, 2.0)?;
    }
    for (x, role) in values {
        ink.dot((x, y), 4.0, role)?;
    }
    Ok(())
}
