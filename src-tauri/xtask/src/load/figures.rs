//! Figures: how they are written for people and for programs, and how two of them compare.

use std::time::Duration;

use serde_json::{Value, json};

/// A measured figure with its unit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Figure {
    /// Not measured, or not to be had on this system.
    None,
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
    /// How many times more one is than another; less is better.
    Times(f64),
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) ours: Figure,
    pub(crate) rival: Figure,
}

/// A part of the table.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
}

impl From<Option<Duration>> for Figure {
    fn from(time: Option<Duration>) -> Self {
        time.map_or(Self::None, Self::Time)
    }
}

impl Figure {
    /// A rate, if there is one.
    pub(crate) fn rate(rate: Option<f64>) -> Self {
        rate.map_or(Self::None, Self::PerSecond)
    }

    /// Memory, if it is known.
    pub(crate) fn bytes(bytes: Option<u64>) -> Self {
        bytes.map_or(Self::None, Self::Bytes)
    }

    /// Cores, if they are known.
    pub(crate) fn cores(cores: Option<f64>) -> Self {
        cores.map_or(Self::None, Self::Cores)
    }

    /// How many times better this one is than `other`; None where one is missing or neither is better.
    pub(crate) fn ratio(&self, other: &Self) -> Option<f64> {
        let (better, worse) = match (self, other) {
            (Self::PerSecond(own), Self::PerSecond(other)) => (*own, *other),
            (Self::Time(own), Self::Time(other)) => (other.as_secs_f64(), own.as_secs_f64()),
            (Self::Bytes(own), Self::Bytes(other)) => (*other as f64, *own as f64),
            _ => return None,
        };
        (worse > 0.0).then(|| better / worse)
    }

    /// Writes it for people: `-` if there is none.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::None => "-".to_owned(),
            Self::PerSecond(rate) => format!("{rate:.1} /s"),
            Self::Time(time) => time_text(*time),
            Self::Bytes(bytes) => format!("{:.0} MB", *bytes as f64 / 1e6),
            Self::Count(count) => count.to_string(),
            Self::Cores(cores) => format!("{cores:.2}"),
            Self::Part(part, whole) => format!("{part} of {whole}"),
            Self::Times(times) => format!("{times:.1} x"),
        }
    }

    /// Writes it for programs: times in milliseconds, memory in bytes, null if there is none.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::PerSecond(number) | Self::Cores(number) | Self::Times(number) => json!(number),
            Self::Time(time) => json!(time.as_secs_f64() * 1e3),
            Self::Bytes(count) | Self::Count(count) => json!(count),
            Self::Part(part, whole) => json!([part, whole]),
        }
    }

    fn unit(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::PerSecond(_) => Some("per_s"),
            Self::Time(_) => Some("ms"),
            Self::Bytes(_) => Some("bytes"),
            Self::Count(_) => Some("count"),
            Self::Cores(_) => Some("cores"),
            Self::Part(..) => Some("part"),
            Self::Times(_) => Some("times"),
        }
    }
}

impl Row {
    /// A line with both programs.
    pub(crate) fn both(name: &str, ours: Figure, rival: Figure) -> Self {
        Self {
            name: name.to_owned(),
            ours,
            rival,
        }
    }

    /// A line that only our host has.
    pub(crate) fn ours(name: &str, ours: Figure) -> Self {
        Self::both(name, ours, Figure::None)
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.ours.unit().or(self.rival.unit()),
            "ours": self.ours.json(),
            "rival": self.rival.json(),
            "ratio": self.ours.ratio(&self.rival),
        })
    }
}

impl Section {
    /// The section for programs.
    pub(crate) fn json(&self) -> Value {
        json!({ "title": self.title, "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>() })
    }

    /// The section for people: a heading and aligned columns; lines without any figure are left out.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{:<44}{:>14}{:>14}{:>10}\n",
            self.title, "ours", "rival", "ratio"
        );
        let is_empty = |row: &&Row| row.ours == Figure::None && row.rival == Figure::None;
        for row in self.rows.iter().filter(|row| !is_empty(row)) {
            let ratio = row
                .ours
                .ratio(&row.rival)
                .map_or(String::new(), |ratio| format!("{ratio:.1} x"));
            let (ours, rival) = (row.ours.text(), row.rival.text());
            let line = format!("  {:<42}{ours:>14}{rival:>14}{ratio:>10}", row.name);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
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

    fn millis(count: u64) -> Figure {
        Figure::Time(Duration::from_millis(count))
    }

    #[test]
    fn the_ratio_says_how_many_times_better_ours_is() {
        assert_eq!(
            Figure::PerSecond(600.0).ratio(&Figure::PerSecond(30.0)),
            Some(20.0)
        );
        assert_eq!(millis(2).ratio(&millis(30)), Some(15.0));
        assert_eq!(
            Figure::Bytes(100).ratio(&Figure::Bytes(50)),
            Some(0.5),
            "more memory is worse"
        );
        assert_eq!(millis(2).ratio(&Figure::None), None);
        assert_eq!(
            Figure::Count(1).ratio(&Figure::Count(2)),
            None,
            "a count is neither good nor bad"
        );
        assert_eq!(Figure::PerSecond(1.0).ratio(&Figure::PerSecond(0.0)), None);
    }

    #[test]
    fn a_section_is_a_table_with_columns() {
        let rows = vec![
            Row::both("stores", Figure::PerSecond(812.34), Figure::PerSecond(28.0)),
            Row::both("store p50", millis(1), millis(1350)),
            Row::ours("not lost", Figure::Part(400, 400)),
            Row::ours("memory", Figure::None),
        ];
        let text = Section {
            title: "1 client".to_owned(),
            rows,
        }
        .text();
        let expected = "\
1 client                                              ours         rival     ratio
  stores                                          812.3 /s       28.0 /s    29.0 x
  store p50                                        1.00 ms        1.35 s  1350.0 x
  not lost                                      400 of 400             -
";
        assert_eq!(text, expected);
    }

    #[test]
    fn programs_get_numbers_with_their_unit() {
        let json = Section {
            title: "x".to_owned(),
            rows: vec![Row::both("p50", millis(3), Figure::None)],
        }
        .json();
        let row = json!({ "name": "p50", "unit": "ms", "ours": 3.0, "rival": null, "ratio": null });
        assert_eq!(json, json!({ "title": "x", "rows": [row] }));
    }

    #[test]
    fn times_are_written_in_the_unit_that_fits() {
        assert_eq!(time_text(Duration::from_nanos(9_240)), "9.2 us");
        assert_eq!(time_text(Duration::from_micros(875)), "0.88 ms");
        assert_eq!(time_text(Duration::from_millis(42)), "42.0 ms");
        assert_eq!(time_text(Duration::from_millis(2_346)), "2.35 s");
    }
}
