//! A pause that a person asked for holds.

use super::{Fault, Pause, Rule};
use crate::history::record::Operation;

pub(super) fn check(operations: &[Operation], ordered: &[Pause]) -> Vec<Fault> {
    let writes = operations
        .iter()
        .filter(|operation| !operation.asked.is_read());
    let through = writes.filter_map(|operation| {
        let at = operation.acknowledged()?;
        let held = |pause: &&Pause| pause.from < operation.t0 && at < pause.to;
        let pause = ordered.iter().find(held)?;
        let what = format!(
            "`{}` was asked at {} µs and acknowledged at {at} µs, and writes were paused from {} to {} µs",
            operation.op_id, operation.t0, pause.from, pause.to
        );
        Some(Fault::new(Rule::PausesHold, what))
    });
    through.collect()
}
