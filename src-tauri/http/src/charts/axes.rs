//! Where the ticks of an axis stand and what is written at them.

use commonplace_api::charts::ChartUnit;

/// Steps of the time axis that read well, in seconds.
const TIME_STEPS_S: [i64; 18] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
];

/// An axis of values, from 0 upwards.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueAxis {
    /// End of the axis.
    pub(crate) end: f64,
    /// Ticks, 0 included.
    pub(crate) ticks: Vec<f64>,
    unit: ChartUnit,
}

impl ValueAxis {
    /// Chooses an axis with about `wanted` ticks that holds `largest`. It never ends below 1 ms, 1 each second or 4 things,
    /// so that a quiet host looks quiet.
    pub(crate) fn holding(largest: f64, unit: ChartUnit, wanted: u32) -> Self {
        let least = match unit {
            ChartUnit::Milliseconds | ChartUnit::PerSecond => 1.0,
            ChartUnit::Count => 4.0,
        };
        let largest = largest.max(least);
        let step = nice_step(largest / f64::from(wanted.max(1)));
        let step = match unit {
            ChartUnit::Count => step.max(1.0),
            ChartUnit::Milliseconds | ChartUnit::PerSecond => step,
        };
        let steps = (largest / step - 1e-9).ceil();
        Self {
            end: steps * step,
            ticks: (0..=steps as u32).map(|n| f64::from(n) * step).collect(),
            unit,
        }
    }

    /// Writes a tick with its unit.
    pub(crate) fn label(&self, value: f64) -> String {
        if value == 0.0 {
            return "0".to_owned();
        }
        match self.unit {
            ChartUnit::Milliseconds if self.end >= 1000.0 => {
                format!("{} s", rounded(value / 1000.0))
            }
            ChartUnit::Milliseconds => format!("{} ms", rounded(value)),
            ChartUnit::PerSecond => format!("{}/s", count_label(value)),
            ChartUnit::Count => count_label(value),
        }
    }
}

/// Writes a length of time in milliseconds: `0.5 ms`, `20 ms`, `5 s`.
pub(crate) fn time_value_label(ms: f64) -> String {
    match ms {
        1000.0.. => format!("{} s", rounded(ms / 1000.0)),
        _ => format!("{} ms", rounded(ms)),
    }
}

/// Writes a number of things: `950`, `2,500`, `25k`, `10M`.
pub(crate) fn count_label(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", rounded(value / 1e6)),
        1e4.. => format!("{}k", rounded(value / 1e3)),
        1e3.. => format!("{},{:03}", (value / 1e3).floor(), value % 1e3),
        _ => rounded(value).to_string(),
    }
}

/// Powers of ten that hold all times from `least` to `largest`, in milliseconds: the ticks of an axis on which each factor
/// of ten is as long as the other. At least two.
pub(crate) fn powers_of_ten(least: f64, largest: f64) -> Vec<f64> {
    let first = least.max(0.01).log10().floor() as i32;
    let last = (largest.max(0.01).log10().ceil() as i32).max(first + 1);
    (first..=last).map(|power| 10f64.powi(power)).collect()
}

/// Returns ticks of the time axis in seconds before its end, from the oldest to 0, about `wanted` of them.
pub(crate) fn time_ticks(seconds: i64, wanted: i64) -> Vec<i64> {
    let fits = |step: &i64| seconds / step <= wanted;
    let longest = TIME_STEPS_S[TIME_STEPS_S.len() - 1];
    let mut steps = TIME_STEPS_S
        .into_iter()
        .chain([2, 4, 7].map(|n| n * longest));
    let step = steps.find(fits).unwrap_or(7 * longest);
    (0..=seconds / step).rev().map(|n| n * step).collect()
}

/// Writes a moment as time before the end of the axis, which is now or not.
pub(crate) fn time_label(seconds: i64, ends_now: bool) -> String {
    let (end, before) = if ends_now {
        ("now", "ago")
    } else {
        ("end", "before")
    };
    match seconds {
        0 => end.to_owned(),
        86_400.. if seconds % 86_400 == 0 => format!("{} d {before}", seconds / 86_400),
        3600.. if seconds % 3600 == 0 => format!("{} h {before}", seconds / 3600),
        60.. if seconds % 60 == 0 => format!("{} min {before}", seconds / 60),
        _ => format!("{seconds} s {before}"),
    }
}

/// Writes a length of time in words.
pub(crate) fn span_words(seconds: i64) -> String {
    match seconds {
        172_800.. if seconds % 86_400 == 0 => plural(seconds / 86_400, "day"),
        3600.. if seconds % 3600 == 0 => plural(seconds / 3600, "hour"),
        60.. if seconds % 60 == 0 => plural(seconds / 60, "minute"),
        _ => plural(seconds, "second"),
    }
}

fn plural(count: i64, unit: &str) -> String {
    match count {
        1 => unit.to_owned(),
        _ => format!("{count} {unit}s"),
    }
}

/// Rounds up to 1, 2, 2.5 or 5 times a power of ten.
fn nice_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * power);
    let fits = |step: &f64| *step >= least * 0.999_999;
    steps.into_iter().find(fits).unwrap_or(10.0 * power)
}

/// Rounds to three digits behind the point, or of a smaller value to its first three: a few writes in hours are not none.
pub(super) fn rounded(value: f64) -> f64 {
    if value == 0.0 {
        return value;
    }
    let first = value.abs().log10().floor() as i32;
    let scale = 10_f64.powi((2 - first).max(3));
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(largest: f64, unit: ChartUnit) -> Vec<String> {
        let axis = ValueAxis::holding(largest, unit, 4);
        axis.ticks.iter().map(|tick| axis.label(*tick)).collect()
    }

    // Three writes within two hours were shown as no requests, once the two hours were nearly over.
    #[test]
    fn what_is_not_nothing_is_never_rounded_to_it() {
        assert_eq!(rounded(3.0 / 7_200.0), 0.000_417);
        assert_eq!(rounded(-1e-9), -1e-9);
        assert_eq!(
            [0.0, 12.345_67, 0.25, 0.099_96].map(rounded),
            [0.0, 12.346, 0.25, 0.1]
        );
    }

    #[test]
    fn an_axis_of_values_has_round_ticks_with_units() {
        let ms = |largest| labels(largest, ChartUnit::Milliseconds);
        assert_eq!(ms(0.04), ["0", "0.25 ms", "0.5 ms", "0.75 ms", "1 ms"]);
        assert_eq!(ms(7.3), ["0", "2 ms", "4 ms", "6 ms", "8 ms"]);
        assert_eq!(ms(410.0), ["0", "200 ms", "400 ms", "600 ms"]);
        assert_eq!(ms(2950.0), ["0", "1 s", "2 s", "3 s"]);
        assert_eq!(ms(30_000.0), ["0", "10 s", "20 s", "30 s"]);
        let per_second = labels(1.3, ChartUnit::PerSecond);
        assert_eq!(per_second, ["0", "0.5/s", "1/s", "1.5/s"]);
        assert_eq!(labels(2.0, ChartUnit::Count), ["0", "1", "2", "3", "4"]);
        assert_eq!(
            labels(9e6, ChartUnit::Count),
            ["0", "2.5M", "5M", "7.5M", "10M"]
        );
        assert_eq!(labels(3e4, ChartUnit::Count), ["0", "10k", "20k", "30k"]);
        assert_eq!(labels(1e3, ChartUnit::Count)[3..], ["750", "1,000"]);
    }

    #[test]
    fn an_axis_holds_the_largest_value() {
        for largest in [0.0, 1.0, 1.01, 99.9, 100.0, 100.1, 1234.5, 50_000.0] {
            for unit in [ChartUnit::Milliseconds, ChartUnit::Count] {
                assert!(
                    ValueAxis::holding(largest, unit, 3).end >= largest,
                    "{largest}"
                );
            }
        }
    }

    #[test]
    fn powers_of_ten_hold_all_times() {
        assert_eq!(powers_of_ten(0.3, 40.0), [0.1, 1.0, 10.0, 100.0]);
        assert_eq!(powers_of_ten(1.0, 1.0), [1.0, 10.0]);
        assert_eq!(powers_of_ten(0.0, 0.0), [0.01, 0.1]);
    }

    #[test]
    fn the_time_axis_has_ticks_people_count_in() {
        assert_eq!(time_ticks(300, 6), [300, 240, 180, 120, 60, 0]);
        assert_eq!(time_ticks(900, 4), [900, 600, 300, 0]);
        assert_eq!(time_ticks(3600, 6), [3600, 3000, 2400, 1800, 1200, 600, 0]);
        assert_eq!(time_ticks(1, 6), [1, 0]);
        let week = 7 * 86_400;
        assert_eq!(time_ticks(week, 7).len(), 8);
        assert_eq!(time_ticks(week, 2), [week - 3 * 86_400, 0]);
    }

    #[test]
    fn moments_are_told_as_time_before_the_end() {
        let told: Vec<_> = [0, 30, 90, 60, 600, 3600, 172_800]
            .map(|seconds| time_label(seconds, true))
            .into();
        let expected = [
            "now",
            "30 s ago",
            "90 s ago",
            "1 min ago",
            "10 min ago",
            "1 h ago",
            "2 d ago",
        ];
        assert_eq!(told, expected);
        assert_eq!(time_label(0, false), "end");
        assert_eq!(time_label(60, false), "1 min before");
        assert_eq!(span_words(300), "5 minutes");
        assert_eq!(span_words(3600), "hour");
        assert_eq!(span_words(86_400), "24 hours");
        assert_eq!(span_words(604_800), "7 days");
    }
}
