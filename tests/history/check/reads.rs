//! A read shows the state after some commit that is not older than the last one acknowledged before it, to anybody.

use std::collections::HashMap;

use super::{Fault, Rule};
use crate::history::oracle::{Oracle, Version};
use crate::history::record::{Answered, Asked, At, End, Operation, Seen};

pub(super) fn check(
    operations: &[Operation],
    seqs: &HashMap<&str, i64>,
    oracle: &Oracle,
) -> Vec<Fault> {
    let acknowledged = Acknowledged::new(operations, seqs);
    let asked_at: HashMap<i64, At> = operations
        .iter()
        .filter_map(|operation| Some((*seqs.get(operation.op_id.as_str())?, operation.t0)))
        .collect();
    let stale = |operation: &Operation| {
        let Asked::Read { marker } = &operation.asked else {
            return None;
        };
        let End::Ok {
            at,
            answer: Answered::Found(found),
        } = &operation.end
        else {
            return None;
        };
        let versions = oracle.versions.get(marker).map_or(&[][..], Vec::as_slice);
        let least = acknowledged.before(operation.t0);
        let may_show = may_show(versions, least, |seq| {
            asked_at.get(&seq).is_some_and(|t0| t0 < at)
        });
        let fits = may_show.iter().any(|seen| seen == found);
        (!fits).then(|| {
            let what = format!(
                "`{}` of {} asked for {marker} at {} µs, after seq {least} was acknowledged, and saw {found:?}; it may see {may_show:?}",
                operation.op_id, operation.client, operation.t0
            );
            Fault::new(Rule::FreshReads, what)
        })
    };
    operations.iter().filter_map(stale).collect()
}

/// Returns the state after the commit `least`, and those of later commits that had been asked for in time.
fn may_show(
    versions: &[Version],
    least: i64,
    was_asked_in_time: impl Fn(i64) -> bool,
) -> Vec<Vec<Seen>> {
    let first_later = versions.partition_point(|version| version.seq <= least);
    let state = first_later
        .checked_sub(1)
        .map(|last| versions[last].seen.clone());
    let later = versions[first_later..]
        .iter()
        .filter(|version| was_asked_in_time(version.seq));
    let mut may_show = vec![state.unwrap_or_default()];
    may_show.extend(later.map(|version| version.seen.clone()));
    may_show
}

/// The highest place in the log that was acknowledged by each time.
struct Acknowledged(Vec<(At, i64)>);

impl Acknowledged {
    fn new(operations: &[Operation], seqs: &HashMap<&str, i64>) -> Self {
        let mut times: Vec<(At, i64)> = operations
            .iter()
            .filter_map(|operation| {
                Some((
                    operation.acknowledged()?,
                    *seqs.get(operation.op_id.as_str())?,
                ))
            })
            .collect();
        times.sort_unstable();
        let mut highest = 0;
        for (_, seq) in &mut times {
            highest = highest.max(*seq);
            *seq = highest;
        }
        Self(times)
    }

    fn before(&self, at: At) -> i64 {
        let count = self.0.partition_point(|(time, _)| *time < at);
        count.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}
