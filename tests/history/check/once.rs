//! Acknowledged means once, unknown at most once, failed never; and nobody writes unasked.

use std::collections::HashMap;

use super::{Fault, Rule};
use crate::history::record::{Answered, End, Operation};
use crate::history::witness::Commit;

/// Returns the place of each operation in the order of commits; of one that is there twice, the first.
pub(super) fn seqs(log: &[Commit]) -> HashMap<&str, i64> {
    let mut seqs = HashMap::new();
    for commit in log {
        if let Some(op_id) = &commit.op_id {
            seqs.entry(op_id.as_str()).or_insert(commit.seq);
        }
    }
    seqs
}

pub(super) fn check(
    operations: &[Operation],
    log: &[Commit],
    by_op_id: &HashMap<&str, &Operation>,
) -> Vec<Fault> {
    let mut rows: HashMap<&str, Vec<&Commit>> = HashMap::new();
    let mut faults = Vec::new();
    for commit in log {
        match commit.op_id.as_deref() {
            Some(op_id) if by_op_id.contains_key(op_id) => {
                rows.entry(op_id).or_default().push(commit)
            }
            // The indexer asks for itself.
            _ if commit.kind == "index" => {}
            _ => faults.push(Fault::new(
                Rule::SomebodyAsked,
                format!(
                    "seq {} ({}, op_id {:?})",
                    commit.seq, commit.kind, commit.op_id
                ),
            )),
        }
    }
    for operation in operations
        .iter()
        .filter(|operation| !operation.asked.is_read())
    {
        let rows = rows
            .get(operation.op_id.as_str())
            .map_or(&[][..], Vec::as_slice);
        faults.extend(check_one(operation, rows));
    }
    faults
}

fn check_one(operation: &Operation, rows: &[&Commit]) -> Option<Fault> {
    let name = format!(
        "`{}` of {} ({:?})",
        operation.op_id, operation.client, operation.asked
    );
    match (&operation.end, rows) {
        (_, [first, second, ..]) => Some(Fault::new(
            Rule::NotTwice,
            format!("{name} is seq {} and seq {}", first.seq, second.seq),
        )),
        (End::Ok { at, .. }, []) => Some(Fault::new(
            Rule::NotLost,
            format!("{name} was acknowledged at {at} µs"),
        )),
        (End::Failed { code, .. }, [row]) => Some(Fault::new(
            Rule::FailedLeavesNothing,
            format!("{name} was answered with {code} and is seq {}", row.seq),
        )),
        (
            End::Ok {
                answer: Answered::Written { hash: Some(hash) },
                ..
            },
            [row],
        ) if row.outcome["content_hash"] != hash.as_str() => {
            let what = format!(
                "{name} was answered with hash {hash}, and seq {} has {}",
                row.seq, row.outcome
            );
            Some(Fault::new(Rule::Replay, what))
        }
        (End::Ok { .. }, [_]) | (End::Unknown { .. }, _) | (End::Failed { .. }, []) => None,
    }
}
