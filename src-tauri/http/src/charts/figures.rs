//! Which figures go into which chart.

use super::axes::{rounded, span_words};
use super::chart::{Chart, Panel, Series};
use super::palette::Role;
use super::range::Range;
use crate::site::source::StatusSource;
use commonplace_api::charts::{
    ChartEmpty, ChartMark, ChartName, ChartPoint, ChartShape, ChartUnit,
};
use commonplace_api::statistics::{
    Incident, IncidentKind, Sample, WaitBin, WaitShare, WaitsReport,
};

/// Most incidents that are looked through for marks: all that are kept.
const INCIDENTS_MAX: usize = 1000;

/// Reads what the chart `name` shows of `range`. Reads the disk for some milliseconds.
pub(crate) fn figures_of(source: &dyn StatusSource, name: ChartName, range: Range) -> Chart {
    match name {
        ChartName::Histogram => histogram(&waits_of(source, range), range),
        ChartName::Clients => shares(name, &waits_of(source, range).by_client, range),
        ChartName::Kinds => shares(name, &waits_of(source, range).by_kind, range),
        ChartName::Waits | ChartName::Holds | ChartName::Throughput | ChartName::Queue => {
            let past = Past::read(source, range);
            match name {
                ChartName::Holds => past.holds(&source.incidents(INCIDENTS_MAX)),
                ChartName::Throughput => past.throughput(source.now_ms()),
                ChartName::Queue => past.queue(source.queue_limit()),
                _ => past.waits(&source.incidents(INCIDENTS_MAX)),
            }
        }
    }
}

fn waits_of(source: &dyn StatusSource, range: Range) -> WaitsReport {
    source.waits_between(range.from_ms, range.to_ms, range.steps())
}

/// Samples of a range, each cut to it.
struct Past {
    samples: Vec<Sample>,
    range: Range,
}

impl Past {
    /// The first sample may begin before the range. If most of it lies there it is left out, and so is one that has not
    /// begun yet.
    fn read(source: &dyn StatusSource, range: Range) -> Self {
        let mut samples = source.history_between(range.from_ms, range.to_ms, range.steps());
        let end_ms = range.to_ms.min(source.now_ms() + 1);
        samples.retain(|sample| {
            sample.at_ms + sample.length_ms / 2 >= range.from_ms && sample.at_ms < end_ms
        });
        Self { samples, range }
    }

    fn waits(&self, incidents: &[Incident]) -> Chart {
        let waited = |sample: &Sample| sample.writes > 0 || sample.queue_wait_max_ms > 0.0;
        let queue = self.times(
            ["Max", "p95", "p50"],
            [Role::QueueLongest, Role::QueueMost, Role::QueueHalf],
            waited,
            |s| {
                [
                    s.queue_wait_max_ms,
                    s.queue_wait_p95_ms,
                    s.queue_wait_p50_ms,
                ]
            },
        );
        let lock = self.times(
            ["Max", "p95", "p50"],
            [Role::LockLongest, Role::LockMost, Role::LockHalf],
            took_lock,
            |s| [s.lock_wait_max_ms, s.lock_wait_p95_ms, s.lock_wait_p50_ms],
        );
        let panels = vec![panel("Queue wait", queue), panel("Lock wait", lock)];
        let marks = marks(incidents, self.range, |_| true);
        self.chart(
            ChartName::Waits,
            panels,
            marks,
            "No writes",
            "Wait times appear here after the first write",
        )
    }

    fn holds(&self, incidents: &[Incident]) -> Chart {
        let holds = self.times(
            ["Max", "p95", "p50"],
            [Role::HoldLongest, Role::HoldMost, Role::HoldHalf],
            took_lock,
            |s| [s.hold_max_ms, s.hold_p95_ms, s.hold_p50_ms],
        );
        let marks = marks(incidents, self.range, |incident| {
            incident.what == IncidentKind::SlowHold
        });
        self.chart(
            ChartName::Holds,
            vec![panel("", holds)],
            marks,
            "The write lock was not taken",
            "Hold times appear here after the first write",
        )
    }

    fn throughput(&self, now_ms: i64) -> Chart {
        let rate = |name, role, count: fn(&Sample) -> u32| {
            let per_second = |sample: &Sample| {
                // The sample that is still being filled is shorter than it will be.
                let length_ms = sample.length_ms.min(now_ms + 1 - sample.at_ms).max(1000);
                f64::from(count(sample)) * 1000.0 / length_ms as f64
            };
            self.series(name, (role, ChartUnit::PerSecond), |sample| {
                Some(per_second(sample))
            })
        };
        let series = vec![
            rate("Searches", Role::Searches, |sample| sample.searches),
            rate("Writes", Role::Writes, |sample| sample.writes),
            rate("Commits", Role::Commits, |sample| sample.commits),
        ];
        self.chart(
            ChartName::Throughput,
            vec![panel("", series)],
            Vec::new(),
            "No requests",
            "Writes, searches and commits per second appear here",
        )
    }

    fn queue(&self, limit: usize) -> Chart {
        let length = self.series("Max", (Role::QueueMost, ChartUnit::Count), |sample| {
            Some(f64::from(sample.queue_length_max))
        });
        let mut panel = panel("", vec![length]);
        panel.limit = Some(limit as f64);
        self.chart(
            ChartName::Queue,
            vec![panel],
            Vec::new(),
            "No writes",
            "The queue length appears here after the first write",
        )
    }

    /// Three series of times: the longest, the 95th percentile and the median, in this order.
    fn times(
        &self,
        names: [&'static str; 3],
        roles: [Role; 3],
        was_measured: impl Fn(&Sample) -> bool,
        times: impl Fn(&Sample) -> [f32; 3],
    ) -> Vec<Series> {
        (0..3)
            .map(|n| {
                self.series(names[n], (roles[n], ChartUnit::Milliseconds), |sample| {
                    was_measured(sample).then(|| f64::from(times(sample)[n]))
                })
            })
            .collect()
    }

    fn series(
        &self,
        name: &'static str,
        (role, unit): (Role, ChartUnit),
        value: impl Fn(&Sample) -> Option<f64>,
    ) -> Series {
        let values = self.samples.iter().map(|sample| value(sample).map(rounded));
        Series {
            name,
            role,
            unit,
            values: values.collect(),
        }
    }

    fn chart(
        &self,
        name: ChartName,
        panels: Vec<Panel>,
        marks: Vec<ChartMark>,
        nothing: &str,
        hint: &'static str,
    ) -> Chart {
        let is_time = panels[0].unit() == ChartUnit::Milliseconds;
        let is_something = |value: &f64| is_time || *value > 0.0;
        let mut values = panels.iter().flat_map(|panel| &panel.series);
        let has_something = values.any(|series| series.values.iter().flatten().any(is_something));
        let is_empty = !has_something && marks.is_empty();
        let point = |sample: &Sample| ChartPoint::Time {
            at_ms: sample.at_ms,
            length_ms: sample.length_ms.min(self.range.to_ms - sample.at_ms),
        };
        Chart {
            name,
            title: title(name),
            shape: ChartShape::Lines,
            range: self.range,
            points: self.samples.iter().map(point).collect(),
            panels,
            marks,
            empty: is_empty.then(|| empty(nothing, hint, self.range)),
        }
    }
}

fn title(name: ChartName) -> &'static str {
    match name {
        ChartName::Waits => "Write wait times",
        ChartName::Holds => "Write lock hold time",
        ChartName::Throughput => "Requests and commits",
        ChartName::Queue => "Queue length",
        ChartName::Histogram => "Distribution of waits",
        ChartName::Clients => "Queue wait by client",
        ChartName::Kinds => "Queue wait by kind",
    }
}

fn took_lock(sample: &Sample) -> bool {
    sample.acquisitions > 0 || sample.lock_wait_max_ms > 0.0 || sample.hold_max_ms > 0.0
}

fn histogram(report: &WaitsReport, range: Range) -> Chart {
    let bins = &report.bins;
    let series = |name, role, count: fn(&WaitBin) -> u64| Series {
        name,
        role,
        unit: ChartUnit::Count,
        values: bins.iter().map(|bin| Some(count(bin) as f64)).collect(),
    };
    let series = vec![
        series("Queue waits", Role::QueueMost, |bin| bin.queue),
        series("Lock waits", Role::LockMost, |bin| bin.lock),
    ];
    let point = |bin: &WaitBin| ChartPoint::Bin {
        from_ms: bin.from_ms,
        up_to_ms: bin.up_to_ms,
    };
    bare(
        ChartName::Histogram,
        ChartShape::Columns,
        bins.iter().map(point).collect(),
        panel("", series),
        range,
    )
}

fn shares(name: ChartName, shares: &[WaitShare], range: Range) -> Chart {
    let series = |name, (role, unit), value: fn(&WaitShare) -> f64| Series {
        name,
        role,
        unit,
        values: shares
            .iter()
            .map(|share| Some(rounded(value(share))))
            .collect(),
    };
    let series = vec![
        series(
            "Max",
            (Role::QueueLongest, ChartUnit::Milliseconds),
            |share| share.queue_wait.max_ms,
        ),
        series("p95", (Role::QueueMost, ChartUnit::Milliseconds), |share| {
            share.queue_wait.p95_ms
        }),
        series("p50", (Role::QueueHalf, ChartUnit::Milliseconds), |share| {
            share.queue_wait.p50_ms
        }),
        series("Writes", (Role::Writes, ChartUnit::Count), |share| {
            share.queue_wait.count as f64
        }),
    ];
    let point = |share: &WaitShare| ChartPoint::Name {
        name: plain(&share.name),
    };
    bare(
        name,
        ChartShape::Rows,
        shares.iter().map(point).collect(),
        panel("", series),
        range,
    )
}

/// Leaves out of a name that others chose what may not stand in XML, and marks of direction, by which it would reach into
/// the text beside it.
fn plain(name: &str) -> String {
    let directs = |letter| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_no_character = |letter| matches!(letter, '\u{fffe}' | '\u{ffff}');
    let is_plain =
        |letter: &char| !letter.is_control() && !directs(*letter) && !is_no_character(*letter);
    name.chars().filter(is_plain).collect()
}

/// A chart that has no axis of time and is empty without points.
fn bare(
    name: ChartName,
    shape: ChartShape,
    points: Vec<ChartPoint>,
    panel: Panel,
    range: Range,
) -> Chart {
    let hint = "Wait times appear here after the first write";
    let is_empty = points.is_empty();
    Chart {
        name,
        title: title(name),
        shape,
        range,
        points,
        panels: vec![panel],
        marks: Vec::new(),
        empty: is_empty.then(|| empty("No writes", hint, range)),
    }
}

fn panel(title: &'static str, series: Vec<Series>) -> Panel {
    Panel {
        title,
        limit: None,
        series,
    }
}

fn empty(nothing: &str, hint: &'static str, range: Range) -> ChartEmpty {
    let said = match range.fresh_ms {
        Some(_) => format!(
            "{nothing} in the last {}",
            span_words(range.length_ms() / 1000)
        ),
        None => format!("{nothing} in this period"),
    };
    ChartEmpty {
        said,
        hint: hint.into(),
    }
}

/// Marks the incidents of a range: the failures of one step together, and what was slow.
fn marks(
    incidents: &[Incident],
    range: Range,
    is_shown: impl Fn(&Incident) -> bool,
) -> Vec<ChartMark> {
    let in_range = |incident: &&Incident| {
        (range.from_ms..range.to_ms).contains(&incident.at_ms) && is_shown(incident)
    };
    let mut moments: Vec<(bool, i64)> = incidents
        .iter()
        .filter(in_range)
        .map(|incident| (is_failure(incident.what), incident.at_ms))
        .collect();
    moments.sort_unstable();
    let is_one_mark =
        |a: &(bool, i64), b: &(bool, i64)| (a.0, a.1 / range.step_ms) == (b.0, b.1 / range.step_ms);
    let mark = |moments: &[(bool, i64)]| ChartMark {
        at_ms: moments[0].1,
        is_failure: moments[0].0,
        count: moments.len(),
    };
    let mut marks: Vec<ChartMark> = moments.chunk_by(is_one_mark).map(mark).collect();
    marks.sort_by_key(|mark| mark.at_ms);
    marks
}
fn is_failure(what: IncidentKind) -> bool {
    matches!(
        what,
        IncidentKind::FailedAcquisition | IncidentKind::FailedWrite
    )
}
