//! Where things stand in a drawing, in CSS pixels.

use commonplace_api::charts::ChartPlot;
use plotters::prelude::DrawingAreaErrorKind;

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

    pub(crate) fn rounded(self) -> Self {
        Self {
            left: rounded(self.left),
            top: rounded(self.top),
            width: rounded(self.width),
            height: rounded(self.height),
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

pub(crate) fn rounded(css: f64) -> f64 {
    (css * 100.0).round() / 100.0
}
