//! A backup is the store as it was after some commit, and has everything that was acknowledged before it was begun.

use std::collections::HashMap;

use super::{Fault, Rule, state};
use crate::history::oracle::Oracle;
use crate::history::record::{At, Operation};
use crate::history::witness::Witness;

/// What a backup holds.
#[derive(Debug)]
pub(crate) struct Backup {
    /// When it was asked for.
    pub(crate) asked: At,
    pub(crate) witness: Witness,
}

pub(super) fn check(
    operations: &[Operation],
    by_op_id: &HashMap<&str, &Operation>,
    witness: &Witness,
    backup: &Backup,
) -> Vec<Fault> {
    let log = &backup.witness.log;
    let wrong = |what: String| Fault::new(Rule::Backups, format!("of {} µs: {what}", backup.asked));
    let mut faults = Vec::new();
    if !witness.log.starts_with(log) {
        faults.push(wrong(
            "its log is not the beginning of the store's log".to_owned(),
        ));
    }
    let seqs = super::once::seqs(log);
    let missing = operations.iter().filter(|operation| {
        let is_due = operation.acknowledged().is_some_and(|at| at < backup.asked);
        is_due && !operation.asked.is_read() && !seqs.contains_key(operation.op_id.as_str())
    });
    faults.extend(missing.map(|operation| wrong(format!("`{}` is not in it", operation.op_id))));
    let inside = state::check(&backup.witness, &Oracle::replay(log, by_op_id));
    faults.extend(inside.into_iter().map(|fault| wrong(fault.what)));
    faults
}
