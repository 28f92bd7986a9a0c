//! From a chart to its SVG: size, frame, legend, and the words where there is nothing to see.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use commonplace_api::charts::{ChartEmpty, ChartPlot, ChartShape};
use commonplace_api::query::Theme;

use super::axes::span_words;
use super::chart::Chart;
use super::ink::{Drawn, Ink, SCALE, text_width};
use super::palette::Role;
use super::{columns, lines, rows, utc};

/// Height of a row of the legend in CSS pixels.
const LEGEND_ROW: f64 = 20.0;
/// Room for title and range above a chart that stands alone, and around it.
const TITLE_HEIGHT: f64 = 34.0;
const STANDALONE_MARGIN: f64 = 8.0;

/// How a chart is to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChartView {
    /// Width in CSS pixels.
    pub(crate) width: u32,
    /// Height in CSS pixels.
    pub(crate) height: u32,
    /// Background that it is made for.
    pub(crate) theme: Theme,
    /// Whether it has its title and background with it, for a place outside our page.
    pub(crate) is_standalone: bool,
}

/// A drawn chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drawing {
    pub(crate) svg: String,
    /// Where each point stands, in CSS pixels from the left, of rows from the top. Rows that found no room have none.
    pub(crate) places: Vec<f64>,
    /// Where each panel is; none if there is nothing to see.
    pub(crate) plots: Vec<Plot>,
}

/// A rectangle in which values stand, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plot {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Value at its upper edge; the lower edge is 0. Not for rows, whose axis counts factors of ten.
    pub(crate) end: f64,
}

impl Plot {
    /// As it leaves the process.
    pub(crate) fn told(self) -> ChartPlot {
        ChartPlot {
            left: self.left,
            top: self.top,
            width: self.width,
            height: self.height,
            end: self.end,
        }
    }

    pub(crate) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Height at which a value stands.
    pub(crate) fn y(&self, value: f64) -> f64 {
        self.bottom() - self.height * (value / self.end).clamp(0.0, 1.0)
    }
}

/// The room that a chart may use, in CSS pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Frame {
    pub(crate) fn width(&self) -> f64 {
        self.right - self.left
    }
}

/// Places of points, and plots.
pub(crate) type Laid = Result<(Vec<f64>, Vec<Plot>), DrawingAreaErrorKind<std::io::Error>>;

/// Draws a chart. The same chart gives the same text, byte by byte. Where there is nothing to see it says why.
pub(crate) fn draw(chart: &Chart, view: ChartView) -> Drawing {
    let mut svg = String::new();
    let (places, plots) = {
        let size = (view.width * SCALE, view.height * SCALE);
        let canvas = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let ink = Ink {
            canvas: &canvas,
            theme: view.theme,
        };
        let laid = draw_on(&ink, chart, view);
        laid.and_then(|laid| canvas.present().map(|()| laid))
            .expect("drawing into a String cannot fail")
    };
    Drawing {
        svg: at_css_size(&svg, view),
        places: places.into_iter().map(rounded).collect(),
        plots: plots.into_iter().map(Plot::rounded).collect(),
    }
}

fn draw_on(ink: &Ink<'_, '_>, chart: &Chart, view: ChartView) -> Laid {
    let mut frame = Frame {
        left: 0.0,
        top: 0.0,
        right: f64::from(view.width),
        bottom: f64::from(view.height),
    };
    if view.is_standalone {
        frame = draw_standalone(ink, chart, frame)?;
    }
    if let Some(empty) = &chart.empty {
        draw_nothing(ink, empty, frame)?;
        return Ok((Vec::new(), Vec::new()));
    }
    match chart.shape {
        ChartShape::Lines => lines::draw(ink, chart, frame),
        ChartShape::Columns => columns::draw(ink, chart, frame),
        ChartShape::Rows => rows::draw(ink, chart, frame),
    }
}

/// Draws the background and the title. Returns the room that is left.
fn draw_standalone(
    ink: &Ink<'_, '_>,
    chart: &Chart,
    frame: Frame,
) -> Result<Frame, DrawingAreaErrorKind<std::io::Error>> {
    let Frame {
        left,
        top,
        right,
        bottom,
    } = frame;
    let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
    ink.fill(&corners, Role::Surface, 1.0)?;
    let (x, y) = (left + STANDALONE_MARGIN + 4.0, top + TITLE_HEIGHT / 2.0);
    ink.text(chart.title, (x, y), HPos::Left, Role::StrongInk)?;
    let when = format!(
        "{} up to {}",
        span_words(chart.range.length_ms() / 1000),
        utc::words(chart.range.to_ms)
    );
    let x = x + text_width(chart.title) * 1.1 + 14.0;
    ink.text(&when, (x, y), HPos::Left, Role::Ink)?;
    Ok(Frame {
        left: left + STANDALONE_MARGIN,
        top: top + TITLE_HEIGHT,
        right: right - STANDALONE_MARGIN,
        bottom: bottom - STANDALONE_MARGIN,
    })
}

fn draw_nothing(ink: &Ink<'_, '_>, empty: &ChartEmpty, frame: Frame) -> Drawn {
    let x = (frame.left + frame.right) / 2.0;
    let y = (frame.top + frame.bottom) / 2.0;
    ink.text(&empty.said, (x, y - 11.0), HPos::Center, Role::StrongInk)?;
    ink.text(&empty.hint, (x, y + 11.0), HPos::Center, Role::Ink)
}

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
pub(crate) fn legend_places(entries: &[Entry], frame: Frame) -> Vec<(f64, f64)> {
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

/// Gives the document its size in CSS pixels; the view box keeps the larger canvas.
fn at_css_size(svg: &str, view: ChartView) -> String {
    let (width, height) = (view.width * SCALE, view.height * SCALE);
    let large = format!("width=\"{width}\" height=\"{height}\"");
    let small = format!("width=\"{}\" height=\"{}\"", view.width, view.height);
    svg.replacen(&large, &small, 1)
}

impl Plot {
    fn rounded(self) -> Self {
        Self {
            left: rounded(self.left),
            top: rounded(self.top),
            width: rounded(self.width),
            height: rounded(self.height),
            end: self.end,
        }
    }
}

fn rounded(css: f64) -> f64 {
    (css * 100.0).round() / 100.0
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
