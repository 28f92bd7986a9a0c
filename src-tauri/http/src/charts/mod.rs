//! Charts, drawn with plotters as SVG.

mod axes;
mod series;
mod waits;

use serde::Deserialize;

pub(crate) use waits::draw_waits;

/// Background that a chart is made for; the chart itself is transparent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Theme {
    /// Dark ink.
    #[default]
    Light,
    /// Light ink.
    Dark,
}

/// What is to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChartView {
    /// Length of the time axis in seconds, at least 1.
    pub(crate) seconds: u32,
    /// Width in CSS pixels.
    pub(crate) width: u32,
    /// Height in CSS pixels.
    pub(crate) height: u32,
    /// Background.
    pub(crate) theme: Theme,
}
