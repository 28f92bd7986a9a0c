//! Charts of the past, with their figures and their drawing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A chart with its drawing; both agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chart {
    /// Which one.
    pub name: ChartName,
    /// Its title.
    pub title: Cow<'static, str>,
    /// How it looks.
    pub shape: ChartShape,
    /// What the series were measured at; the same for all of them.
    pub points: Vec<ChartPoint>,
    /// One below the other.
    pub panels: Vec<ChartPanel>,
    /// Failures and what took long, the oldest first.
    pub marks: Vec<ChartMark>,
    /// Why there is nothing to see; None if there is something.
    pub empty: Option<ChartEmpty>,
    /// Where it begins, in milliseconds since 1970.
    pub from_ms: i64,
    /// Where it ends.
    pub to_ms: i64,
    /// Length of one of its steps.
    pub step_ms: i64,
    /// How long it stays what it is; None if it ended before now.
    pub fresh_ms: Option<i64>,
    /// The colour of each role in this theme, as it is written in a style sheet.
    pub colors: BTreeMap<String, String>,
    /// The drawing, with a transparent background.
    pub svg: String,
    /// Where each point stands, in CSS pixels from the left, of rows from the top. Rows that found no room have none.
    pub places: Vec<f64>,
    /// Where each panel is; none if there is nothing to see.
    pub plots: Vec<ChartPlot>,
}

/// Every chart there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChartName {
    /// How long writes waited in the queue and for the write lock.
    Waits,
    /// How long the write lock was held.
    Holds,
    /// Writes, searches and commits per second.
    Throughput,
    /// Length of the write queue against its limit.
    Queue,
    /// Distribution of waits.
    Histogram,
    /// Waits by client.
    Clients,
    /// Waits by kind of write.
    Kinds,
}

impl ChartName {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Waits,
        Self::Holds,
        Self::Throughput,
        Self::Queue,
        Self::Histogram,
        Self::Clients,
        Self::Kinds,
    ];

    /// Its name in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waits => "waits",
            Self::Holds => "holds",
            Self::Throughput => "throughput",
            Self::Queue => "queue",
            Self::Histogram => "histogram",
            Self::Clients => "clients",
            Self::Kinds => "kinds",
        }
    }

    /// Finds a chart by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

/// How a chart looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChartShape {
    /// Lines over time.
    Lines,
    /// Columns over bins.
    Columns,
    /// A row for each name, with dots on one axis.
    Rows,
}

/// What was measured at one place of the axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ChartPoint {
    /// A stretch of time.
    Time {
        /// Its start, in milliseconds since 1970.
        at_ms: i64,
        /// Its length.
        length_ms: i64,
    },
    /// A bin of waits.
    Bin {
        /// They were longer than this.
        from_ms: f64,
        /// They were at most this long; None: all that are longer.
        up_to_ms: Option<f64>,
    },
    /// Something with a name that others chose: text, never markup.
    Name {
        /// The name.
        name: String,
    },
}

/// Series with one axis of values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChartPanel {
    /// Empty if the chart has only this one.
    pub title: Cow<'static, str>,
    /// A value that is a limit.
    pub limit: Option<f64>,
    /// What was measured.
    pub series: Vec<ChartSeries>,
}

/// What was measured, one value for each point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChartSeries {
    /// Its name in the legend.
    pub name: Cow<'static, str>,
    /// Key of its colour.
    pub role: String,
    /// Unit of its values.
    pub unit: ChartUnit,
    /// None where nothing was measured.
    pub values: Vec<Option<f64>>,
}

/// Unit of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ChartUnit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// How many in each second.
    #[serde(rename = "/s")]
    PerSecond,
    /// A number of things.
    #[serde(rename = "")]
    Count,
}

/// Moments of one step at which something failed or took long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChartMark {
    /// The first of them, in milliseconds since 1970.
    pub at_ms: i64,
    /// Whether something failed.
    pub is_failure: bool,
    /// How many there were.
    pub count: usize,
}

/// What a chart says instead of an empty plot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChartEmpty {
    /// Why there is nothing to see.
    pub said: String,
    /// What would make something appear.
    pub hint: Cow<'static, str>,
}

/// A rectangle in which values stand, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChartPlot {
    /// Its left edge.
    pub left: f64,
    /// Its upper edge.
    pub top: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
    /// Value at its upper edge; the lower edge is 0. Not for rows, whose axis is logarithmic.
    pub end: f64,
}
