//! What there is to see in a chart, without its size and colours.

use serde::Serialize;

use super::palette::Role;
use super::range::Range;

/// Every chart there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChartName {
    /// How long writes waited in the queue and for the write lock.
    Waits,
    /// How long the write lock was held.
    Holds,
    /// Writes, searches and commits per second.
    Throughput,
    /// Length of the write queue against its limit.
    Queue,
    /// How waits are distributed over their length.
    Histogram,
    /// Waits by client.
    Clients,
    /// Waits by kind of write.
    Kinds,
}

impl ChartName {
    pub(crate) const ALL: [Self; 7] = [
        Self::Waits,
        Self::Holds,
        Self::Throughput,
        Self::Queue,
        Self::Histogram,
        Self::Clients,
        Self::Kinds,
    ];

    /// Its name in addresses.
    pub(crate) fn as_str(self) -> &'static str {
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

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

/// A chart: its points, and what was measured at each of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Chart {
    pub(crate) name: ChartName,
    pub(crate) title: &'static str,
    pub(crate) shape: Shape,
    #[serde(skip)]
    pub(crate) range: Range,
    /// What the series were measured at; the same for all of them.
    pub(crate) points: Vec<Point>,
    /// One below the other.
    pub(crate) panels: Vec<Panel>,
    /// Failures and slow holds, the oldest first.
    pub(crate) marks: Vec<Mark>,
    /// Why there is nothing to see; None if there is something.
    pub(crate) empty: Option<Empty>,
}

/// How a chart looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Shape {
    /// Lines over time.
    Lines,
    /// Columns over bins.
    Columns,
    /// A row for each name, with dots on one axis.
    Rows,
}

/// What was measured at one place of the axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Point {
    /// A stretch of time, in milliseconds since 1970.
    Time { at_ms: i64, length_ms: i64 },
    /// Times longer than one and at most as long as the other; None: all that are longer.
    Bin { from_ms: f64, up_to_ms: Option<f64> },
    /// Something with a name that others chose: text, never markup.
    Name { name: String },
}

/// Series with one axis of values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Panel {
    /// Empty if the chart has only this one.
    pub(crate) title: &'static str,
    /// A value that is a limit.
    pub(crate) limit: Option<f64>,
    pub(crate) series: Vec<Series>,
}

/// What was measured, one value for each point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) unit: Unit,
    /// None where nothing was measured.
    pub(crate) values: Vec<Option<f64>>,
}

/// Unit of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Unit {
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

/// Moments of one step at which something failed, or at which something took long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Mark {
    /// The first of them.
    pub(crate) at_ms: i64,
    pub(crate) is_failure: bool,
    /// How many there were.
    pub(crate) count: usize,
}

/// What a chart says instead of an empty plot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Empty {
    pub(crate) said: String,
    pub(crate) hint: &'static str,
}

impl Chart {
    /// How long it stays what it is, in milliseconds; None if its range ended before now.
    pub(crate) fn fresh_ms(&self) -> Option<i64> {
        match self.empty {
            Some(_) => self.range.fresh_while_empty_ms(),
            None => self.range.fresh_ms,
        }
    }
}

impl Panel {
    /// Unit of the axis: that of what is drawn first.
    pub(crate) fn unit(&self) -> Unit {
        self.series.first().map_or(Unit::Count, |first| first.unit)
    }

    /// The largest value, the limit left out; 0 if there is none.
    pub(crate) fn largest(&self) -> f64 {
        let values = self.series.iter().flat_map(|series| &series.values);
        values.flatten().copied().fold(0.0, f64::max)
    }
}

impl Series {
    /// Runs of neighbouring points that have a value: where each begins, and its values.
    pub(crate) fn runs(&self) -> Vec<(usize, Vec<f64>)> {
        let mut runs: Vec<(usize, Vec<f64>)> = Vec::new();
        let mut is_running = false;
        for (place, value) in self.values.iter().enumerate() {
            match (value, is_running, runs.last_mut()) {
                (Some(value), true, Some((_, run))) => run.push(*value),
                (Some(value), _, _) => runs.push((place, vec![*value])),
                (None, _, _) => {}
            }
            is_running = value.is_some();
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_where_nothing_was_measured() {
        let series = Series {
            name: "half",
            role: Role::QueueHalf,
            unit: Unit::Milliseconds,
            values: vec![None, Some(1.0), Some(2.0), None, None, Some(3.0)],
        };
        let expected = [(1, vec![1.0, 2.0]), (5, vec![3.0])];
        assert_eq!(series.runs(), expected);
    }

    #[test]
    fn every_chart_is_found_by_its_name() {
        for name in ChartName::ALL {
            assert_eq!(ChartName::parse(name.as_str()), Some(name));
        }
        assert_eq!(ChartName::parse("Waits"), None);
    }
}
