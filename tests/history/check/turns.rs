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

/// From taking the lock to giving it back.
#[derive(Debug)]
struct Turn {
    pid: u32,
    /// Line at which it took the lock.
    taken: usize,
    /// Line of its last commit.
    committed: Option<usize>,
    /// Turns that began within this one.
    within: Vec<usize>,
}

/// Of two turns that overlap only one may commit. Whoever was taken over is refused, whoever takes a lock that has moved
/// meanwhile is refused too, and whoever was killed passes no more points.
pub(super) fn check(trace: &[Passage]) -> Vec<Fault> {
    let turns = turns(trace);
    let both_commit = |turn: &Turn, other: &Turn| {
        other.committed.is_some() && turn.committed.is_some_and(|line| line > other.taken)
    };
    let overlaps = turns.iter().flat_map(|turn| {
        let within = turn.within.iter().map(|other| &turns[*other]);
        within
            .filter(|other| both_commit(turn, other))
            .map(move |other| (turn, other))
    });
    overlaps
        .map(|(turn, other)| {
            let what = format!(
                "process {} took the lock (line {}) and committed in a turn of process {}, which committed too (line {})",
                other.pid,
                other.taken,
                turn.pid,
                turn.committed.unwrap_or_default()
            );
            Fault::new(Rule::OneHolder, what)
        })
        .collect()
}

fn turns(trace: &[Passage]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut open: HashMap<u32, usize> = HashMap::new();
    for (line, Passage { pid, point }) in (1..).zip(trace) {
        match point.as_str() {
            "lock-taken" => {
                let new = turns.len();
                open.remove(pid);
                open.values()
                    .for_each(|other| turns[*other].within.push(new));
                open.insert(*pid, new);
                turns.push(Turn {
                    pid: *pid,
                    taken: line,
                    committed: None,
                    within: Vec::new(),
                });
            }
            "lock-given-back" => {
                open.remove(pid);
            }
            "committed" => {
                if let Some(turn) = open.get(pid) {
                    turns[*turn].committed = Some(line);
                }
            }
            _ => {}
        }
    }
    turns
}
