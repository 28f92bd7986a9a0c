//! The figures that a person sees against the history.

use super::{Fault, Rule};
use crate::history::record::{End, Operation};

/// What a host told of all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) acknowledged: u64,
    pub(crate) refused: u64,
    pub(crate) queue_full: u64,
    pub(crate) timed_out: u64,
    pub(crate) searches: u64,
}

/// A figure may be above by what was done without an answer, also if the same was asked again and answered by another host.
/// It is never short, whoever was killed: what is answered was recorded before.
pub(super) fn check(operations: &[Operation], told: &Told) -> Vec<Fault> {
    let failed = |codes: &'static [&'static str]| {
        count(
            operations,
            move |operation| matches!(&operation.end, End::Failed { code, .. } if codes.contains(&code.as_str())),
        )
    };
    let reads = |is_read: bool| {
        count(operations, move |operation| {
            operation.asked.is_read() == is_read && operation.acknowledged().is_some()
        })
    };
    let unanswered: u64 = operations
        .iter()
        .map(|operation| operation.unanswered)
        .sum();
    let figures = [
        ("acknowledged", told.acknowledged, reads(false)),
        ("refused", told.refused, failed(&["refused", "not_found"])),
        ("queue_full", told.queue_full, failed(&["queue_full"])),
        ("timed_out", told.timed_out, failed(&["timeout", "paused"])),
        ("searches", told.searches, reads(true)),
    ];
    let wrong = figures
        .into_iter()
        .filter(|(_, told, counted)| !(*counted..=*counted + unanswered).contains(told));
    wrong
        .map(|(name, told, counted)| {
            let what = format!(
                "{name} is told as {told} and was {counted} ({unanswered} times unanswered)"
            );
            Fault::new(Rule::Statistics, what)
        })
        .collect()
}

fn count(operations: &[Operation], fits: impl Fn(&Operation) -> bool) -> u64 {
    operations
        .iter()
        .filter(|operation| fits(operation))
        .count() as u64
}
