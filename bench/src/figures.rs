//! Figures: how they are written for people and for programs, how two of them compare, and what limits they have.

use std::time::Duration;

use commonplace_api::statistics::TimeSummary;
use serde_json::{Value, json};

use crate::calls::Calls;

/// A measured figure with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Figure {
    /// Of something in a second; more is better.
    PerSecond(f64),
    /// Less is better.
    Time(Duration),
    /// Less is better.
    Bytes(u64),
    /// A number that is neither good nor bad.
    Count(u64),
    /// Processor cores in use.
    Cores(f64),
    /// How many of how many.
    Part(usize, usize),
    /// How many times more one is than another.
    Times(f64),
    /// A part of one.
    Share(f64),
}

/// What the design wants of a figure of ours.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Below(Figure),
    AtMost(Figure),
    AtLeast(Figure),
    /// What must never happen.
    Zero,
    /// Nothing of a part is missing.
    Whole,
    /// More than so many times better than the rival's.
    Better(f64),
}

/// One line of the table. A figure that was not measured, or is not to be had on this system, is None.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) ours: Option<Figure>,
    pub(crate) rival: Option<Figure>,
    pub(crate) limit: Option<Limit>,
}

/// A part of the table.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
    /// What went wrong without being lost, in words.
    pub(crate) complaints: Vec<String>,
}

/// A limit beside what was measured.
pub(crate) struct Compared {
    what: String,
    wanted: String,
    measured: String,
    /// None if it was not measured.
    pub(crate) is_met: Option<bool>,
}

impl Figure {
    /// A time in milliseconds.
    pub(crate) fn millis(ms: f64) -> Self {
        Self::Time(Duration::from_secs_f64(ms.max(0.0) / 1e3))
    }

    /// How many times better this one is than `other`; None where neither is better.
    fn ratio(self, other: Self) -> Option<f64> {
        let (own, other) = match (self, other) {
            (Self::PerSecond(own), Self::PerSecond(other)) => (own, other),
            (Self::Time(_), Self::Time(_)) | (Self::Bytes(_), Self::Bytes(_)) => {
                (other.number(), self.number())
            }
            _ => return None,
        };
        (other > 0.0).then(|| own / other)
    }

    /// Writes it for people.
    fn text(self) -> String {
        match self {
            Self::PerSecond(rate) => format!("{rate:.1} /s"),
            Self::Time(time) => time_text(time),
            Self::Bytes(bytes) => format!("{:.0} MB", bytes as f64 / 1e6),
            Self::Count(count) => count.to_string(),
            Self::Cores(cores) => format!("{cores:.2}"),
            Self::Part(part, whole) => format!("{part} of {whole}"),
            Self::Times(times) => format!("{times:.1} x"),
            Self::Share(share) => format!("{:.1} %", share * 100.0),
        }
    }

    /// In milliseconds or bytes if it has a unit.
    pub(crate) fn number(self) -> f64 {
        match self {
            Self::PerSecond(number) | Self::Cores(number) => number,
            Self::Times(number) | Self::Share(number) => number,
            Self::Time(time) => time.as_secs_f64() * 1e3,
            Self::Bytes(count) | Self::Count(count) => count as f64,
            Self::Part(part, _) => part as f64,
        }
    }

    /// Writes it for programs, after its unit.
    fn json(self) -> (&'static str, Value) {
        match self {
            Self::PerSecond(rate) => ("per_s", json!(rate)),
            Self::Time(_) => ("ms", json!(self.number())),
            Self::Bytes(bytes) => ("bytes", json!(bytes)),
            Self::Count(count) => ("count", json!(count)),
            Self::Cores(cores) => ("cores", json!(cores)),
            Self::Part(part, whole) => ("part", json!([part, whole])),
            Self::Times(times) => ("times", json!(times)),
            Self::Share(share) => ("share", json!(share)),
        }
    }
}

impl Limit {
    /// A time of so many milliseconds that must not be reached.
    pub(crate) fn below_ms(ms: f64) -> Self {
        Self::Below(Figure::millis(ms))
    }

    fn wanted(self) -> String {
        match self {
            Self::Below(limit) => format!("below {}", limit.text()),
            Self::AtMost(limit) => format!("at most {}", limit.text()),
            Self::AtLeast(limit) => format!("at least {}", limit.text()),
            Self::Zero => "0".to_owned(),
            Self::Whole => "all".to_owned(),
            Self::Better(times) => format!("more than {times} x of the rival's"),
        }
    }
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        self.ours?.ratio(self.rival?)
    }

    fn is_met(&self, limit: Limit) -> Option<bool> {
        if let Limit::Better(times) = limit {
            return Some(self.ratio()? > times);
        }
        let ours = self.ours?;
        Some(match limit {
            Limit::Below(limit) => ours.number() < limit.number(),
            Limit::AtMost(limit) => ours.number() <= limit.number(),
            Limit::AtLeast(limit) => ours.number() >= limit.number(),
            Limit::Whole => matches!(ours, Figure::Part(part, whole) if part == whole),
            Limit::Zero | Limit::Better(_) => ours.number() == 0.0,
        })
    }

    fn json(&self) -> Value {
        let (unit, ours) = self.ours.map(Figure::json).unzip();
        let (rival_unit, rival) = self.rival.map(Figure::json).unzip();
        let unit = unit.or(rival_unit);
        json!({ "name": self.name, "unit": unit, "ours": ours, "rival": rival, "ratio": self.ratio() })
    }

    fn text(&self) -> String {
        let (ours, rival) = (text(self.ours), text(self.rival));
        let ratio = self.ratio().map(|ratio| Figure::Times(ratio).text());
        let ratio = ratio.unwrap_or_default();
        let line = format!("  {:<42}{ours:>14}{rival:>14}{ratio:>10}", self.name);
        format!("{}\n", line.trim_end())
    }
}

fn text(figure: Option<Figure>) -> String {
    figure.map_or("-".to_owned(), Figure::text)
}

impl Section {
    /// A part without rows yet.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            rows: Vec::new(),
            complaints: Vec::new(),
        }
    }

    /// Adds a row that only our host has.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        ours: impl Into<Option<Figure>>,
    ) -> &mut Row {
        self.rows.push(Row {
            name: name.into(),
            ours: ours.into(),
            rival: None,
            limit: None,
        });
        self.rows.last_mut().expect("one was added")
    }

    pub(crate) fn add_time(&mut self, name: impl Into<String>, time: Option<Duration>) -> &mut Row {
        self.add(name, time.map(Figure::Time))
    }

    /// Adds a count of what must never happen.
    pub(crate) fn add_fault(&mut self, name: &str, count: usize) {
        self.add(name, Figure::Count(count as u64)).limit = Some(Limit::Zero);
    }

    /// Adds median and 99th percentile of calls, and what failed among them.
    pub(crate) fn add_calls(&mut self, what: &str, whose: &str, calls: &Calls) {
        self.add_time(format!("{what} p50, {whose}"), calls.times.p50());
        self.add_time(format!("{what} p99, {whose}"), calls.times.p99());
        self.complain(&format!("{what}, {whose}"), calls);
    }

    /// Adds what a host says about a kind of waiting.
    pub(crate) fn add_wait(&mut self, what: &str, wait: &TimeSummary) {
        let times = [
            ("average", wait.average_ms),
            ("p50", wait.p50_ms),
            ("p99", wait.p99_ms),
            ("longest", wait.max_ms),
        ];
        for (name, ms) in times {
            self.add(format!("{what}, {name}"), Figure::millis(ms));
        }
        let ratio = (wait.average_ms > 0.0).then(|| wait.max_ms / wait.average_ms);
        let name = format!("{what}, longest to the average");
        self.add(name, ratio.map(Figure::Times));
    }

    /// Says what failed among calls, if anything did.
    pub(crate) fn complain(&mut self, what: &str, calls: &Calls) {
        self.complaints.extend(calls.complaint(what));
    }

    /// Says what the design wants of the row `name`.
    pub(crate) fn limit(&mut self, name: &str, limit: Limit) {
        let mut rows = self.rows.iter_mut();
        let row = rows.find(|row| row.name == name);
        row.expect("limits are for rows that are there").limit = Some(limit);
    }

    /// The figure of ours in the row `name`.
    pub(crate) fn ours(&self, name: &str) -> Option<Figure> {
        self.rows.iter().find(|row| row.name == name)?.ours
    }

    /// Puts the figures of a rival beside ours.
    pub(crate) fn beside(&mut self, rival: Self) {
        for figure in rival.rows {
            let own = self.rows.iter().position(|row| row.name == figure.name);
            let row = match own {
                Some(index) => &mut self.rows[index],
                None => self.add(figure.name, None),
            };
            row.rival = figure.ours;
        }
        self.complaints.extend(rival.complaints);
    }

    /// Compares what has a limit with it.
    pub(crate) fn compared(&self) -> Vec<Compared> {
        let compared = |row: &Row| {
            let limit = row.limit?;
            let measured = match limit {
                Limit::Better(_) => row.ratio().map(Figure::Times),
                _ => row.ours,
            };
            Some(Compared {
                what: format!("{}: {}", self.title, row.name),
                wanted: limit.wanted(),
                measured: text(measured),
                is_met: row.is_met(limit),
            })
        };
        self.rows.iter().filter_map(compared).collect()
    }

    /// The section for programs.
    pub(crate) fn json(&self) -> Value {
        json!({ "title": self.title, "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>() })
    }

    /// The section for people: a heading and aligned columns; lines without any figure are left out.
    pub(crate) fn text(&self) -> String {
        let (title, ours, rival, ratio) = (&self.title, "ours", "rival", "ratio");
        let heading = format!("{title:<44}{ours:>14}{rival:>14}{ratio:>10}\n");
        let rows = self.rows.iter();
        let rows = rows.filter(|row| row.ours.or(row.rival).is_some());
        rows.map(Row::text).fold(heading, |text, row| text + &row)
    }
}

impl Compared {
    /// A line for people.
    pub(crate) fn text(&self) -> String {
        let word = match self.is_met {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "not measured",
        };
        let (what, wanted, measured) = (&self.what, &self.wanted, &self.measured);
        format!("  {word:<13} {what}: wanted {wanted}, measured {measured}\n")
    }

    /// An object for programs.
    pub(crate) fn json(&self) -> Value {
        json!({ "what": self.what, "wanted": self.wanted, "measured": self.measured, "is_met": self.is_met })
    }
}

/// Writes a time with three digits or so, in the unit that fits.
pub(crate) fn time_text(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    match millis {
        0.0..0.1 => format!("{:.1} us", millis * 1e3),
        0.0..10.0 => format!("{millis:.2} ms"),
        10.0..1000.0 => format!("{millis:.1} ms"),
        _ => format!("{:.2} s", millis / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: impl Into<Option<Figure>>, rival: impl Into<Option<Figure>>) -> Row {
        Row {
            name: "x".to_owned(),
            ours: ours.into(),
            rival: rival.into(),
            limit: None,
        }
    }

    #[test]
    fn the_ratio_says_how_many_times_better_ours_is() {
        let ratio = |ours: Figure, rival: Figure| row(ours, rival).ratio();
        let rate = Figure::PerSecond;
        assert_eq!(ratio(rate(600.0), rate(30.0)), Some(20.0));
        assert_eq!(ratio(Figure::millis(2.0), Figure::millis(30.0)), Some(15.0));
        let memory = ratio(Figure::Bytes(100), Figure::Bytes(50));
        assert_eq!(memory, Some(0.5), "more memory is worse");
        assert_eq!(row(Figure::millis(2.0), None).ratio(), None);
        assert_eq!(ratio(Figure::Count(1), Figure::Count(2)), None);
        assert_eq!(ratio(rate(1.0), rate(0.0)), None);
    }

    #[test]
    fn a_section_is_a_table_with_columns() {
        let mut section = Section::new("1 client");
        let rate = Figure::PerSecond;
        section.add("stores", rate(812.34)).rival = Some(rate(28.0));
        section.add("store p50", Figure::millis(1.0)).rival = Some(Figure::millis(1350.0));
        section.add("not lost", Figure::Part(400, 400));
        section.add("memory", None);
        let expected = "\
1 client                                              ours         rival     ratio
  stores                                          812.3 /s       28.0 /s    29.0 x
  store p50                                        1.00 ms        1.35 s  1350.0 x
  not lost                                      400 of 400             -
";
        assert_eq!(section.text(), expected);
    }

    #[test]
    fn programs_get_numbers_with_their_unit() {
        let mut section = Section::new("x");
        section.add("p50", Figure::millis(3.0));
        let row = json!({ "name": "p50", "unit": "ms", "ours": 3.0, "rival": null, "ratio": null });
        assert_eq!(section.json(), json!({ "title": "x", "rows": [row] }));
    }

    #[test]
    fn a_limit_is_met_missed_or_not_measured() {
        let ms = |ms| row(Figure::millis(ms), None).is_met(Limit::below_ms(3.0));
        assert_eq!(ms(2.0), Some(true));
        assert_eq!(ms(3.0), Some(false), "below means less than");
        let none = row(None, None);
        assert_eq!(none.is_met(Limit::below_ms(3.0)), None);
        assert_eq!(none.is_met(Limit::Better(1.0)), None);
        let times = |times| row(Figure::Times(times), None);
        let two = Figure::Times(2.0);
        assert_eq!(times(2.0).is_met(Limit::AtMost(two)), Some(true));
        assert_eq!(times(2.1).is_met(Limit::AtMost(two)), Some(false));
        assert_eq!(times(1.9).is_met(Limit::AtLeast(two)), Some(false));
        let better = |ours| row(Figure::PerSecond(ours), Figure::PerSecond(20.0));
        assert_eq!(better(500.0).is_met(Limit::Better(20.0)), Some(true));
        assert_eq!(better(400.0).is_met(Limit::Better(20.0)), Some(false));
        let count = |count| row(Figure::Count(count), None).is_met(Limit::Zero);
        assert_eq!((count(0), count(1)), (Some(true), Some(false)));
        let part = |part| row(Figure::Part(part, 2), None).is_met(Limit::Whole);
        assert_eq!((part(2), part(1)), (Some(true), Some(false)));
    }

    #[test]
    fn a_missed_limit_stands_out() {
        let mut section = Section::new("1 client");
        section.add("store p50", Figure::millis(4.0));
        section.limit("store p50", Limit::below_ms(3.0));
        let compared = section.compared();
        let expected =
            "  NOT MET       1 client: store p50: wanted below 3.00 ms, measured 4.00 ms\n";
        assert_eq!(compared[0].text(), expected);
    }

    #[test]
    fn times_are_written_in_the_unit_that_fits() {
        assert_eq!(time_text(Duration::from_nanos(9_240)), "9.2 us");
        assert_eq!(time_text(Duration::from_micros(875)), "0.88 ms");
        assert_eq!(time_text(Duration::from_millis(42)), "42.0 ms");
        assert_eq!(time_text(Duration::from_millis(2_346)), "2.35 s");
    }
}
