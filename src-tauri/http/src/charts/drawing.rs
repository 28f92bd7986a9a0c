//! From a chart to its SVG: size, title, and the words where there is nothing to see.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use commonplace_api::charts::{ChartEmpty, ChartShape};
use commonplace_api::query::Theme;

use super::axes::span_words;
use super::chart::Chart;
use super::frame::{Frame, Laid, Plot, rounded};
use super::ink::{Drawn, Ink, SCALE, text_width};
use super::palette::Role;
use super::{columns, lines, rows, utc};

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

/// Gives the document its size in CSS pixels; the view box keeps the larger canvas.
fn at_css_size(svg: &str, view: ChartView) -> String {
    let (width, height) = (view.width * SCALE, view.height * SCALE);
    let large = format!("width=\"{width}\" height=\"{height}\"");
    let small = format!("width=\"{}\" height=\"{}\"", view.width, view.height);
    svg.replacen(&large, &small, 1)
}
