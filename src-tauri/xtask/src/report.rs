//! What the developer reads. All of it goes to stderr.

use std::error::Error;
use std::time::{Duration, Instant};

/// Prints `[number/total] title`.
pub(crate) fn heading(number: usize, total: usize, title: &str) {
    eprintln!("\n[{number}/{total}] {title}");
}

/// Does one of several parts of the work under a heading, and prints how long it took.
pub(crate) fn step<T, E>(
    number: usize,
    total: usize,
    title: &str,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    heading(number, total, title);
    let started = Instant::now();
    let done = work();
    let time = duration_text(started.elapsed());
    let word = if done.is_ok() {
        "done in"
    } else {
        "FAILED after"
    };
    note(&format!("{word} {time}"));
    done
}

/// Prints one indented line.
pub(crate) fn note(text: &str) {
    eprintln!("      {text}");
}

/// Prints why the command stopped.
pub(crate) fn failure(error: &dyn Error) {
    eprintln!("\nerror: {error}");
}

/// Writes a time as people say it: `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..=9 => format!("{:.1} s", duration.as_secs_f64()),
        10..=59 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(duration_text(Duration::from_millis(420)), "0.4 s");
        assert_eq!(duration_text(Duration::from_secs(12)), "12 s");
        assert_eq!(duration_text(Duration::from_secs(185)), "3 min 05 s");
    }
}
