//! Legends: what each colour and sign of a chart stands for.

use plotters::style::text_anchor::HPos;

use super::frame::Frame;
use super::ink::{Drawn, Ink, text_width};
use super::palette::Role;

/// Height of a row of the legend in CSS pixels.
const LEGEND_ROW: f64 = 20.0;

/// One entry of a legend.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) sign: Sign,
}

/// What stands before a name in a legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Nothing: it is the title of what follows.
    Title,
    Line,
    Dashes,
    Dot,
    Triangle,
}

impl Sign {
    fn width(self) -> f64 {
        match self {
            Self::Title => 0.0,
            Self::Line | Self::Dashes => 20.0,
            Self::Dot | Self::Triangle => 14.0,
        }
    }
}

/// Where the entries of a legend begin, in CSS pixels: side by side, and in a new row where one does not fit.
fn legend_places(entries: &[Entry], frame: Frame) -> Vec<(f64, f64)> {
    let (mut x, mut y) = (frame.left, frame.top + LEGEND_ROW / 2.0);
    let mut places = Vec::new();
    for entry in entries {
        let length = entry.sign.width() + text_width(&entry.name);
        if x > frame.left && x + length > frame.right {
            (x, y) = (frame.left, y + LEGEND_ROW);
        }
        places.push((x, y));
        x += length + 16.0;
    }
    places
}

/// Height of a legend in CSS pixels.
pub(crate) fn legend_height(entries: &[Entry], frame: Frame) -> f64 {
    let last_row = legend_places(entries, frame)
        .last()
        .map_or(0.0, |(_, y)| *y);
    last_row - frame.top + LEGEND_ROW / 2.0 + 8.0
}

/// Draws a legend at the top of `frame`.
pub(crate) fn draw_legend(ink: &Ink<'_, '_>, entries: &[Entry], frame: Frame) -> Drawn {
    for (entry, (x, y)) in entries.iter().zip(legend_places(entries, frame)) {
        match entry.sign {
            Sign::Title => {}
            Sign::Line => ink.line(&[(x, y), (x + 14.0, y)], entry.role, 3.0)?,
            Sign::Dashes => ink.dashes((x, x + 16.0), y, entry.role)?,
            Sign::Dot => ink.dot((x + 5.0, y), 4.0, entry.role)?,
            Sign::Triangle => triangle(ink, (x + 5.0, y), entry.role)?,
        }
        let text_role = match entry.sign {
            Sign::Title => Role::StrongInk,
            _ => Role::Ink,
        };
        let place = (x + entry.sign.width(), y);
        ink.text(&entry.name, place, HPos::Left, text_role)?;
    }
    Ok(())
}

/// Draws the sign of an incident.
pub(crate) fn triangle(ink: &Ink<'_, '_>, (x, y): (f64, f64), role: Role) -> Drawn {
    let corners = [(x, y - 4.0), (x + 4.5, y + 4.0), (x - 4.5, y + 4.0)];
    ink.fill(&corners, role, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_takes_another_row_where_it_does_not_fit() {
        let entries = [
            "Queue wait, longest",
            "Queue wait, average",
            "Lock wait, longest",
        ]
        .map(|name| Entry {
            name: name.to_owned(),
            role: Role::QueueMost,
            sign: Sign::Line,
        });
        let rows = |right| {
            let frame = Frame {
                left: 50.0,
                top: 0.0,
                right,
                bottom: 0.0,
            };
            let places = legend_places(&entries, frame);
            places.iter().map(|(_, y)| *y).collect::<Vec<_>>()
        };
        assert_eq!(rows(660.0), [10.0, 10.0, 10.0]);
        assert_eq!(rows(380.0), [10.0, 10.0, 30.0]);
        assert_eq!(rows(200.0), [10.0, 30.0, 50.0]);
    }
}
