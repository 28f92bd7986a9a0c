//! The progress of one download: a bar on a terminal, a line every ten percent elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Cells of the bar; with the texts around it a line stays below 80 columns.
const BAR_CELLS: u64 = 24;
/// The eye sees no more than about ten changes per second.
const REDRAW: Duration = Duration::from_millis(100);
const MEGABYTE: f64 = 1_000_000.0;

/// Shows how far a download is.
pub(crate) struct Progress {
    name: String,
    is_terminal: bool,
    started: Instant,
    start_bytes: u64,
    drawn: Option<Instant>,
    tenths_printed: u64,
}

impl Progress {
    /// Begins for the file `name`, of which `start_bytes` were there before.
    pub(crate) fn begin(name: &str, start_bytes: u64) -> Self {
        Self {
            name: name.to_owned(),
            is_terminal: io::stderr().is_terminal(),
            started: Instant::now(),
            start_bytes,
            drawn: None,
            tenths_printed: 0,
        }
    }

    /// Shows that `done` bytes of `total` (0 if unknown) are there; cheap enough for every block.
    pub(crate) fn show(&mut self, done: u64, total: u64) {
        let is_end = done == total;
        if self.is_terminal {
            let is_due = self.drawn.is_none_or(|at| at.elapsed() >= REDRAW);
            if is_due || is_end {
                self.drawn = Some(Instant::now());
                eprint!("\r\x1b[K      {}", self.line(done, total, true));
                // A terminal that is gone must not end the download.
                let _ = io::stderr().flush();
            }
        } else if let Some(tenths) = next_tenth(done, total, self.tenths_printed) {
            self.tenths_printed = tenths;
            eprintln!("      {}", self.line(done, total, false));
        }
    }

    /// Ends the bar's line, so that what follows begins on its own.
    pub(crate) fn end(&self) {
        if self.drawn.is_some() {
            eprintln!();
        }
    }

    fn line(&self, done: u64, total: u64, has_bar: bool) -> String {
        let bytes = done.saturating_sub(self.start_bytes);
        line(
            &self.name,
            done,
            total,
            rate(bytes, self.started.elapsed()),
            has_bar,
        )
    }
}

/// Returns the tenth to print now, if `done` reached one beyond `printed`.
fn next_tenth(done: u64, total: u64, printed: u64) -> Option<u64> {
    let tenths = (done * 10).checked_div(total)?;
    (tenths > printed).then_some(tenths)
}

fn rate(bytes: u64, elapsed: Duration) -> f64 {
    bytes as f64 / elapsed.as_secs_f64().max(0.001)
}

fn line(name: &str, done: u64, total: u64, bytes_per_second: f64, has_bar: bool) -> String {
    let done_mb = done as f64 / MEGABYTE;
    let speed = bytes_per_second / MEGABYTE;
    let Some(percent) = (done * 100).checked_div(total) else {
        return format!("{name}  {done_mb:.1} MB  {speed:.1} MB/s");
    };
    let total_mb = total as f64 / MEGABYTE;
    let bar = if has_bar {
        format!("  [{}]", bar(done, total))
    } else {
        String::new()
    };
    format!("{name}{bar}  {percent:>3} %  {done_mb:.1} of {total_mb:.1} MB  {speed:.1} MB/s")
}

fn bar(done: u64, total: u64) -> String {
    let full = (done * BAR_CELLS / total.max(1)).min(BAR_CELLS) as usize;
    format!(
        "{}{}",
        "#".repeat(full),
        ".".repeat(BAR_CELLS as usize - full)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_percent_size_and_speed() {
        assert_eq!(
            line("model", 45_000_000, 90_000_000, 12_340_000.0, true),
            "model  [############............]   50 %  45.0 of 90.0 MB  12.3 MB/s"
        );
        assert_eq!(
            line("model", 90_000_000, 90_000_000, 0.0, false),
            "model  100 %  90.0 of 90.0 MB  0.0 MB/s"
        );
    }

    #[test]
    fn an_unknown_total_shows_no_percent() {
        assert_eq!(
            line("config", 612, 0, 100_000.0, true),
            "config  0.0 MB  0.1 MB/s"
        );
    }

    #[test]
    fn without_a_terminal_each_tenth_is_printed_once() {
        let mut printed = 0;
        let mut lines = Vec::new();
        for done in [0, 5, 10, 14, 35, 36, 100, 100] {
            if let Some(tenth) = next_tenth(done, 100, printed) {
                printed = tenth;
                lines.push(tenth);
            }
        }
        assert_eq!(lines, [1, 3, 10]);
        assert_eq!(next_tenth(10, 0, 0), None, "an unknown total has no tenths");
    }

    #[test]
    fn the_rate_counts_only_what_this_run_brought() {
        assert!((rate(2_000_000, Duration::from_secs(2)) - 1_000_000.0).abs() < 1.0);
        assert!(
            rate(10, Duration::ZERO).is_finite(),
            "the first moment has no infinite speed"
        );
    }
}
