//! The rules that a history must keep. Pure: from what was written down to a list of faults.
//!
//! As the log's `seq` is the witness of the order, each rule is a sort and a pass; nothing has to be searched.

mod backups;
mod epochs;
mod liveness;
#[cfg(test)]
mod made_up;
mod once;
mod order;
mod pauses;
mod reads;
mod state;
mod statistics;
mod turns;

use std::collections::HashMap;

use super::oracle::Oracle;
use super::record::Operation;
use super::witness::Witness;

pub(crate) use backups::Backup;
pub(crate) use liveness::{Death, Pause, longest_standstill};
pub(crate) use statistics::Told;
pub(crate) use turns::{Passage, parse_trace};

/// The rule that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// What was answered before another was asked was committed before it.
    RealTimeOrder,
    /// What was acknowledged is in the log.
    NotLost,
    /// No operation is in the log twice.
    NotTwice,
    /// What failed is not in the log.
    FailedLeavesNothing,
    /// Whatever is in the log was asked for.
    SomebodyAsked,
    /// The numbers of commits have no gap.
    NoGap,
    /// An epoch belongs to one instance and is one run of commits; epoch and lock generation never fall.
    OneWriterEach,
    /// Replaying the log gives the tables.
    Replay,
    /// The derived tables and SQLite's own check agree with the tables.
    Whole,
    /// A read shows everything that was acknowledged before it, to anybody.
    FreshReads,
    /// Who was seen waiting before another asked is served before it.
    FirstCome,
    /// The figures shown are those of the history.
    Statistics,
    /// Nobody commits in a turn that overlaps another's.
    OneHolder,
    /// While a person has paused the writes, none is acknowledged.
    PausesHold,
    /// A backup is the store after some commit, with all that was acknowledged before it was asked for.
    Backups,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) rule: Rule,
    pub(crate) what: String,
}

impl Fault {
    fn new(rule: Rule, what: impl Into<String>) -> Self {
        Self {
            rule,
            what: what.into(),
        }
    }
}

/// Compares what the clients wrote down with what the store holds, and returns every fault.
pub(crate) fn check(operations: &[Operation], witness: &Witness) -> Vec<Fault> {
    let by_op_id = by_op_id(operations);
    let seqs = once::seqs(&witness.log);
    let oracle = Oracle::replay(&witness.log, &by_op_id);
    let mut faults = once::check(operations, &witness.log, &by_op_id);
    faults.extend(order::check_real_time(operations, &seqs));
    faults.extend(order::check_first_come(operations, &seqs));
    faults.extend(epochs::check(witness));
    faults.extend(state::check(witness, &oracle));
    faults.extend(reads::check(operations, &seqs, &oracle));
    faults
}

/// Returns the texts that were purged, by the log.
#[cfg(feature = "failpoints")]
pub(crate) fn purged(operations: &[Operation], witness: &Witness) -> Vec<String> {
    Oracle::replay(&witness.log, &by_op_id(operations)).purged
}

/// Compares the figures that a host told of all with the history.
pub(crate) fn check_statistics(operations: &[Operation], told: &Told) -> Vec<Fault> {
    statistics::check(operations, told)
}

fn by_op_id(operations: &[Operation]) -> HashMap<&str, &Operation> {
    operations
        .iter()
        .map(|operation| (operation.op_id.as_str(), operation))
        .collect()
}

/// Compares a backup with the store and with what was acknowledged before it.
pub(crate) fn check_backup(
    operations: &[Operation],
    witness: &Witness,
    backup: &Backup,
) -> Vec<Fault> {
    backups::check(operations, &by_op_id(operations), witness, backup)
}

/// Looks for writes that were asked and acknowledged while a person had paused them.
pub(crate) fn check_pauses(operations: &[Operation], ordered: &[Pause]) -> Vec<Fault> {
    pauses::check(operations, ordered)
}

/// Looks for turns that overlap in the trace of all processes.
pub(crate) fn check_turns(trace: &[Passage]) -> Vec<Fault> {
    turns::check(trace)
}
