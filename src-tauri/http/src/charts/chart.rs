//! What there is to see in a chart, without its size and colours.

use commonplace_api::charts::{
    ChartEmpty, ChartMark, ChartName, ChartPanel, ChartPoint, ChartSeries, ChartShape, ChartUnit,
};

use super::palette::Role;
use super::range::Range;

/// A chart: its points, and what was measured at each of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chart {
    pub(crate) name: ChartName,
    pub(crate) title: &'static str,
    pub(crate) shape: ChartShape,
    pub(crate) range: Range,
    /// What the series were measured at; the same for all of them.
    pub(crate) points: Vec<ChartPoint>,
    /// One below the other.
    pub(crate) panels: Vec<Panel>,
    /// Failures and slow holds, the oldest first.
    pub(crate) marks: Vec<ChartMark>,
    /// Why there is nothing to see; None if there is something.
    pub(crate) empty: Option<ChartEmpty>,
}

/// Series with one axis of values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Panel {
    /// ChartEmpty if the chart has only this one.
    pub(crate) title: &'static str,
    /// A value that is a limit.
    pub(crate) limit: Option<f64>,
    pub(crate) series: Vec<Series>,
}

/// What was measured, one value for each point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) unit: ChartUnit,
    /// None where nothing was measured.
    pub(crate) values: Vec<Option<f64>>,
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
    /// As it leaves the process.
    pub(crate) fn told(&self) -> ChartPanel {
        ChartPanel {
            title: self.title.into(),
            limit: self.limit,
            series: self.series.iter().map(Series::told).collect(),
        }
    }

    /// ChartUnit of the axis: that of what is drawn first.
    pub(crate) fn unit(&self) -> ChartUnit {
        self.series
            .first()
            .map_or(ChartUnit::Count, |first| first.unit)
    }

    /// The largest value, the limit left out; 0 if there is none.
    pub(crate) fn largest(&self) -> f64 {
        let values = self.series.iter().flat_map(|series| &series.values);
        values.flatten().copied().fold(0.0, f64::max)
    }
}

impl Series {
    fn told(&self) -> ChartSeries {
        ChartSeries {
            name: self.name.into(),
            role: self.role.key(),
            unit: self.unit,
            values: self.values.clone(),
        }
    }

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
            unit: ChartUnit::Milliseconds,
            values: vec![None, Some(1.0), Some(2.0), None, None, Some(3.0)],
        };
        let expected = [(1, vec![1.0, 2.0]), (5, vec![3.0])];
        assert_eq!(series.runs(), expected);
    }
}
