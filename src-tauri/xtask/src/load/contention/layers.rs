//! What the benchmarks of single layers print: hand-over of the lock, the lock alone, recording statistics.

use std::path::Path;
use std::time::Duration;

use crate::commands;
use crate::load::LoadError;

/// Lines of the lock's benchmark, which prints `… p50 12.3 us p99 …`.
const ALONE: &str = "alone: acquire, note epoch, release";
const HAND_OVER: &str = "hand-over between processes";
/// A line of the statistics' benchmark, which prints the median and the 99th percentile.
const RECORDING: &str = "recording its acquisition and its request";

/// What was measured below the program.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Layers {
    /// From giving the lock back in one process to having it in another that waits.
    pub(super) hand_over_p50: Duration,
    pub(super) hand_over_p99: Duration,
    /// Taking the lock, writing its records and giving it back; nobody else is there.
    pub(super) lock_p50: Duration,
    /// What one stored memory adds to the statistics.
    pub(super) recording_p50: Duration,
}

/// Runs both benchmarks with the cargo that started us.
///
/// Whether they meet limits of their own is not looked at: the limits of this run are told at its end.
///
/// # Errors
/// If a line is missing, as when the build failed.
pub(super) fn measure(root: &Path) -> Result<Layers, LoadError> {
    let lock = printed(root, "commonplace-lock", "lock")?;
    let statistics = printed(root, "commonplace-store", "statistics")?;
    Ok(Layers {
        hand_over_p50: lock.after(HAND_OVER, "p50")?,
        hand_over_p99: lock.after(HAND_OVER, "p99")?,
        lock_p50: lock.after(ALONE, "p50")?,
        recording_p50: statistics.after(RECORDING, "")?,
    })
}

/// What a benchmark printed.
struct Printed {
    line: String,
    text: String,
}

fn printed(root: &Path, package: &str, bench: &str) -> Result<Printed, LoadError> {
    let mut command = commands::cargo(root);
    command
        .args(["bench", "--package", package, "--bench", bench])
        .stderr(std::process::Stdio::inherit());
    Ok(Printed {
        line: commands::line(&command),
        text: commands::answer(&mut command)?,
    })
}

impl Printed {
    /// The time in microseconds after `word`, in the line that begins with `start`; the first one if `word` is empty.
    fn after(&self, start: &'static str, word: &str) -> Result<Duration, LoadError> {
        let rest = self.text.lines().find_map(|line| line.strip_prefix(start));
        let mut words = rest.into_iter().flat_map(str::split_whitespace);
        let is_there = word.is_empty() || words.any(|other| other == word);
        let number = words.next().filter(|_| is_there);
        number
            .and_then(|number| number.parse::<f64>().ok())
            .map(|us| Duration::from_secs_f64(us.max(0.0) / 1e6))
            .ok_or_else(|| LoadError::NoFigure {
                line: self.line.clone(),
                wanted: start,
                printed: self.text.clone(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_layer_are_read_from_its_line() {
        let printed = Printed {
            line: "cargo bench".to_owned(),
            text: "hand-over between threads     n  300  p50  1.0 us  p99  2.0 us\n\
                   hand-over between processes   n  299  p50 110.5 us  p99 900.0 us  max 1.0 us\n\
                   recording its acquisition and its request       4.2      9.9\n"
                .to_owned(),
        };
        let us = |start, word| printed.after(start, word).ok();
        assert_eq!(
            us(HAND_OVER, "p50"),
            Some(Duration::from_nanos(110_500)),
            "of processes, not of threads"
        );
        assert_eq!(us(HAND_OVER, "p99"), Some(Duration::from_micros(900)));
        assert_eq!(us(RECORDING, ""), Some(Duration::from_nanos(4_200)));
        let error = printed.after(ALONE, "p50").expect_err("no such line");
        assert!(error.to_string().contains("alone:"), "unclear: {error}");
    }
}
