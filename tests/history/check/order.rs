//! The order of commits against the order that people could see.

use std::collections::HashMap;

use super::{Fault, Rule};
use crate::history::record::{At, Operation};

/// An operation that is in the log: its place, when it was asked, and when its place was certain.
struct Placed<'a> {
    operation: &'a Operation,
    seq: i64,
    /// From then on nobody who asks may come before it; None if that is not known.
    certain: Option<At>,
}

/// What was answered before another was asked was committed before it.
pub(super) fn check_real_time(operations: &[Operation], seqs: &HashMap<&str, i64>) -> Vec<Fault> {
    check(
        Rule::RealTimeOrder,
        operations,
        seqs,
        Operation::acknowledged,
    )
}

/// Who was seen waiting before another asked is served before it.
pub(super) fn check_first_come(operations: &[Operation], seqs: &HashMap<&str, i64>) -> Vec<Fault> {
    check(Rule::FirstCome, operations, seqs, |operation| {
        operation.queued
    })
}

fn check(
    rule: Rule,
    operations: &[Operation],
    seqs: &HashMap<&str, i64>,
    certain: impl Fn(&Operation) -> Option<At>,
) -> Vec<Fault> {
    let place = |operation| {
        let operation: &Operation = operation;
        let seq = *seqs.get(operation.op_id.as_str())?;
        Some(Placed {
            operation,
            seq,
            certain: certain(operation),
        })
    };
    let mut placed: Vec<Placed<'_>> = operations.iter().filter_map(place).collect();
    placed.sort_by_key(|placed| placed.seq);
    let mut faults = Vec::new();
    // Of those before in the log, the one that was asked last: who was certain before that should stand before it.
    let mut asked_last: Option<&Placed<'_>> = None;
    for this in &placed {
        if let (Some(certain), Some(other)) = (this.certain, asked_last)
            && certain < other.operation.t0
        {
            faults.push(Fault::new(rule, told(this, certain, other)));
        }
        if asked_last.is_none_or(|other| other.operation.t0 < this.operation.t0) {
            asked_last = Some(this);
        }
    }
    faults
}

fn told(this: &Placed<'_>, certain: At, other: &Placed<'_>) -> String {
    format!(
        "`{}` was sure of its place at {certain} µs and is seq {}; `{}` was asked at {} µs and is seq {}",
        this.operation.op_id, this.seq, other.operation.op_id, other.operation.t0, other.seq
    )
}
