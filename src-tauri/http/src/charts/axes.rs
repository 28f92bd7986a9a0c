//! Where the ticks of an axis stand and what is written at them.

/// Steps of the time axis that read well, in seconds.
const TIME_STEPS_S: [u32; 12] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800];

/// The axis of waits, from 0 upwards.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WaitAxis {
    /// End of the axis in milliseconds.
    pub(crate) top_ms: f64,
    /// Ticks in milliseconds, 0 included.
    pub(crate) ticks_ms: Vec<f64>,
}

impl WaitAxis {
    /// Chooses an axis that holds `largest_ms`. It never ends below 1 ms, so that a quiet host looks quiet.
    pub(crate) fn holding(largest_ms: f64) -> Self {
        let step = nice_step(largest_ms.max(1.0) / 4.0);
        let steps = (largest_ms.max(1.0) / step).ceil();
        let ticks_ms = (0..=steps as u32).map(|n| f64::from(n) * step).collect();
        Self {
            top_ms: steps * step,
            ticks_ms,
        }
    }

    /// Writes a tick with its unit.
    pub(crate) fn label(&self, ms: f64) -> String {
        if ms == 0.0 {
            return "0".to_owned();
        }
        if self.top_ms >= 1000.0 {
            return format!("{} s", rounded(ms / 1000.0));
        }
        format!("{} ms", rounded(ms))
    }
}

/// Returns ticks of the time axis in seconds before its end, from the oldest to 0, about `wanted` of them.
pub(crate) fn time_ticks(seconds: u32, wanted: u32) -> Vec<u32> {
    let fits = |step: &&u32| seconds / **step <= wanted;
    let step = TIME_STEPS_S.iter().find(fits).copied().unwrap_or(3600);
    (0..=seconds / step).rev().map(|n| n * step).collect()
}

/// Writes a moment as time before now.
pub(crate) fn time_label(seconds_ago: u32) -> String {
    match seconds_ago {
        0 => "now".to_owned(),
        3600.. if seconds_ago.is_multiple_of(3600) => format!("{} h ago", seconds_ago / 3600),
        60.. if seconds_ago.is_multiple_of(60) => format!("{} min ago", seconds_ago / 60),
        _ => format!("{seconds_ago} s ago"),
    }
}

/// Writes a length of time in words.
pub(crate) fn span_words(seconds: u32) -> String {
    match seconds {
        3600.. if seconds.is_multiple_of(3600) => plural(seconds / 3600, "hour"),
        60.. if seconds.is_multiple_of(60) => plural(seconds / 60, "minute"),
        _ => plural(seconds, "second"),
    }
}

fn plural(count: u32, unit: &str) -> String {
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

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(largest_ms: f64) -> Vec<String> {
        let axis = WaitAxis::holding(largest_ms);
        axis.ticks_ms.iter().map(|tick| axis.label(*tick)).collect()
    }

    #[test]
    fn the_wait_axis_has_round_ticks_with_units() {
        assert_eq!(labels(0.04), ["0", "0.25 ms", "0.5 ms", "0.75 ms", "1 ms"]);
        assert_eq!(labels(7.3), ["0", "2 ms", "4 ms", "6 ms", "8 ms"]);
        assert_eq!(labels(410.0), ["0", "200 ms", "400 ms", "600 ms"]);
        assert_eq!(labels(2950.0), ["0", "1 s", "2 s", "3 s"]);
        assert_eq!(labels(30_000.0), ["0", "10 s", "20 s", "30 s"]);
    }

    #[test]
    fn the_wait_axis_holds_the_largest_value() {
        for largest in [0.0, 1.0, 1.01, 99.9, 100.0, 100.1, 1234.5, 50_000.0] {
            assert!(WaitAxis::holding(largest).top_ms >= largest, "{largest}");
        }
    }

    #[test]
    fn the_time_axis_has_ticks_people_count_in() {
        assert_eq!(time_ticks(300, 6), [300, 240, 180, 120, 60, 0]);
        assert_eq!(time_ticks(900, 4), [900, 600, 300, 0]);
        assert_eq!(time_ticks(3600, 6), [3600, 3000, 2400, 1800, 1200, 600, 0]);
        assert_eq!(time_ticks(1, 6), [1, 0]);
    }

    #[test]
    fn moments_are_told_as_time_before_now() {
        let told: Vec<_> = [0, 30, 90, 60, 600, 3600].map(time_label).into();
        assert_eq!(
            told,
            [
                "now",
                "30 s ago",
                "90 s ago",
                "1 min ago",
                "10 min ago",
                "1 h ago"
            ]
        );
        assert_eq!(span_words(300), "5 minutes");
        assert_eq!(span_words(3600), "hour");
    }
}
