//! The trace of named points: who had the write lock when, in the order in which the processes passed.

use std::collections::HashMap;

use super::{Fault, Rule};

/// A process passed a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) pid: u32,
    pub(crate) point: String,
}

/// Reads a trace: lines `PID POINT`. A last line that was cut by a kill is left out.
pub(crate) fn parse_trace(text: &str) -> Vec<Passage> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let passage = |line: &str| {
        let (pid, point) = line.split_once(' ')?;
        Some(Passage {
            pid: pid.parse().ok()?,
            point: point.to_owned(),
        })
    };
    whole.lines().filter_map(passage).collect()
}

/// Nobody may commit in a turn during which another took the lock: whoever was taken over is refused, and whoever was
/// killed passes no more points.
pub(super) fn check(trace: &[Passage]) -> Vec<Fault> {
    // Who is in a turn, and who took the lock meanwhile.
    let mut turns: HashMap<u32, Option<u32>> = HashMap::new();
    let mut faults = Vec::new();
    for (line, Passage { pid, point }) in trace.iter().enumerate() {
        match point.as_str() {
            "lock-taken" => {
                for (_, intruder) in turns.iter_mut().filter(|(holder, _)| *holder != pid) {
                    intruder.get_or_insert(*pid);
                }
                turns.insert(*pid, None);
            }
            "lock-given-back" => {
                turns.remove(pid);
            }
            "committed" => {
                if let Some(Some(intruder)) = turns.get(pid) {
                    let what = format!(
                        "process {pid} committed (line {}) in a turn in which process {intruder} took the lock",
                        line + 1
                    );
                    faults.push(Fault::new(Rule::OneHolder, what));
                }
            }
            _ => {}
        }
    }
    faults
}
