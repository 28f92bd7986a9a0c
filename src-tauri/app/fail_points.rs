//! What the environment of a test asks for at named points; only with the feature `failpoints`.
//!
//! `COMMONPLACE_FAIL_POINT="committed:3=kill"` ends the process at the third time that the point `committed` is
//! reached, as `kill -9` does. `freeze` stops it as `kill -STOP` does, `skip` leaves the step out every time from then
//! on, which is how a test sabotages the lock (`lock`), the fence (`fence`) and the savepoint (`savepoint`). Several are
//! separated by commas; without a number the first time counts, without an action it is `kill`.
//!
//! `COMMONPLACE_TRACE=FILE` appends a line `PID POINT` for every point that is reached. Lines are appended in one piece,
//! so that the file of several processes shows in which order they passed: a witness of who had the lock when.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

const VARIABLE: &str = "COMMONPLACE_FAIL_POINT";
const TRACE_VARIABLE: &str = "COMMONPLACE_TRACE";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Kill,
    Freeze,
    Skip,
}

/// A point at which a test wants something to happen.
#[derive(Debug)]
struct FailPoint {
    point: String,
    /// Counted from 1.
    at_hit: u64,
    action: Action,
    hits: AtomicU64,
}

/// Installs the fail points that the environment names.
///
/// # Panics
/// If they cannot be understood: a test with a misspelt one would test nothing.
pub(crate) fn install() {
    let text = std::env::var(VARIABLE).unwrap_or_default();
    let points: Vec<FailPoint> = text
        .split(',')
        .filter(|text| !text.is_empty())
        .map(parse)
        .collect();
    let trace = std::env::var_os(TRACE_VARIABLE).map(open_trace);
    commonplace_engine::fail_point::set_hook(move |point| {
        if let Some(trace) = &trace {
            write_trace(trace, point);
        }
        points
            .iter()
            .filter(|wanted| wanted.point == point)
            .any(FailPoint::reached)
    });
}

fn open_trace(path: std::ffi::OsString) -> File {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .unwrap_or_else(|error| panic!("{TRACE_VARIABLE}: {}: {error}", path.display()))
}

fn write_trace(mut trace: &File, point: &str) {
    let line = format!("{} {point}\n", std::process::id());
    trace
        .write_all(line.as_bytes())
        .unwrap_or_else(|error| panic!("{TRACE_VARIABLE}: {error}"));
}

fn parse(text: &str) -> FailPoint {
    let (place, action) = text.split_once('=').unwrap_or((text, "kill"));
    let (point, hit) = place.split_once(':').unwrap_or((place, "1"));
    let action = match action {
        "kill" => Action::Kill,
        "freeze" => Action::Freeze,
        "skip" => Action::Skip,
        _ => panic!("{VARIABLE}: `{action}` is none of kill, freeze, skip"),
    };
    FailPoint {
        point: point.trim().to_owned(),
        at_hit: hit
            .parse()
            .unwrap_or_else(|_| panic!("{VARIABLE}: `{hit}` is not a number")),
        action,
        hits: AtomicU64::new(0),
    }
}

impl FailPoint {
    /// Counts one hit and acts; true means "leave this step out".
    fn reached(&self) -> bool {
        let hit = self.hits.fetch_add(1, Ordering::Relaxed) + 1;
        match self.action {
            Action::Skip => hit >= self.at_hit,
            Action::Kill | Action::Freeze if hit != self.at_hit => false,
            Action::Kill => crate::system::platform::end_self(),
            Action::Freeze => {
                crate::system::platform::freeze_self();
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fail_point_has_a_name_a_hit_and_an_action() {
        let wanted = parse("committed:3=freeze");
        assert_eq!(
            (wanted.point.as_str(), wanted.at_hit, wanted.action),
            ("committed", 3, Action::Freeze)
        );
        let wanted = parse("lock-taken");
        assert_eq!(
            (wanted.point.as_str(), wanted.at_hit, wanted.action),
            ("lock-taken", 1, Action::Kill)
        );
    }

    #[test]
    fn a_step_is_left_out_from_the_wanted_time_on() {
        let wanted = parse("fence:2=skip");
        assert_eq!([(); 3].map(|()| wanted.reached()), [false, true, true]);
    }
}
