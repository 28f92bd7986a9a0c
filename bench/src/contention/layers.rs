//! What the benchmarks of single layers print: hand-over of the lock, the lock alone, recording statistics.

use std::process::Stdio;
use std::time::Duration;

use crate::error::BenchError;
use crate::figures::{Figure, Limit, Section};
use crate::{machine, process};

/// Lines of the lock's benchmark, which prints `… p50 12.3 us p99 …`.
const ALONE: &str = "alone: acquire, note epoch, release";
const HAND_OVER: &str = "hand-over between processes";
/// A line of the statistics' benchmark, which prints the median and the 99th percentile.
const RECORDING: &str = "recording its acquisition and its request";

/// What lock, records and statistics may take of a request.
const OVERHEAD_MAX_MS: f64 = 0.1;

/// Runs both benchmarks with the cargo that started us; returns also the time that lock, records and statistics take of a
/// request.
///
/// Whether they meet limits of their own is not looked at: the limits of this run are told at its end.
///
/// # Errors
/// If a line is missing, as when the build failed.
pub(super) fn measure() -> Result<(Section, Duration), BenchError> {
    let lock = Printed::by("commonplace-lock", "lock")?;
    let statistics = Printed::by("commonplace-store", "statistics")?;
    // From giving the lock back in one process to having it in another that waits.
    let p50 = lock.after(HAND_OVER, "p50")?;
    let p99 = lock.after(HAND_OVER, "p99")?;
    // Taking the lock, writing its records and giving it back; nobody else is there.
    let alone = lock.after(ALONE, "p50")?;
    // What one stored memory adds to the statistics.
    let recording = statistics.after(RECORDING, "")?;
    let overhead = alone + recording;
    let mut section = Section::new(format!("the lock; {} cores", machine::cores()));
    let mut add = |name, time, limit: Option<Limit>| {
        section.add(name, Figure::Time(time)).limit = limit;
    };
    let below = |ms| Some(Limit::below_ms(ms));
    add("hand-over between processes, p50", p50, below(1.0));
    add("hand-over between processes, p99", p99, below(10.0));
    add("lock with its records, alone, p50", alone, None);
    add("recording statistics, p50", recording, None);
    add(
        "lock, records and statistics, p50",
        overhead,
        below(OVERHEAD_MAX_MS),
    );
    Ok((section, overhead))
}

/// What a benchmark printed.
struct Printed {
    line: String,
    text: String,
}

impl Printed {
    fn by(package: &str, bench: &str) -> Result<Self, BenchError> {
        let mut command = process::cargo_bench(package, bench);
        let output = command.stderr(Stdio::inherit()).output();
        let output = output.map_err(|source| BenchError::Start {
            program: "cargo bench".to_owned(),
            source,
        })?;
        Ok(Self {
            line: format!("cargo bench --package {package} --bench {bench}"),
            text: String::from_utf8_lossy(&output.stdout).into_owned(),
        })
    }

    /// The time in microseconds after `word`, in the line that begins with `start`; the first one if `word` is empty.
    fn after(&self, start: &'static str, word: &str) -> Result<Duration, BenchError> {
        let rest = self.text.lines().find_map(|line| line.strip_prefix(start));
        let mut words = rest.into_iter().flat_map(str::split_whitespace);
        let is_there = word.is_empty() || words.any(|other| other == word);
        let number = words.next().filter(|_| is_there);
        let us = number.and_then(|number| number.parse::<f64>().ok());
        us.map(|us| Duration::from_secs_f64(us.max(0.0) / 1e6))
            .ok_or_else(|| BenchError::NoFigure {
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
        let hand_over = us(HAND_OVER, "p50");
        assert_eq!(
            hand_over,
            Some(Duration::from_nanos(110_500)),
            "of processes"
        );
        assert_eq!(us(HAND_OVER, "p99"), Some(Duration::from_micros(900)));
        assert_eq!(us(RECORDING, ""), Some(Duration::from_nanos(4_200)));
        let error = printed.after(ALONE, "p50").expect_err("no such line");
        assert!(error.to_string().contains("alone:"), "unclear: {error}");
    }
}
