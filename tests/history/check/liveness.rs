//! How long nobody got on after a death.

use std::time::Duration;

use crate::history::record::{At, Operation};

/// A process that held the store open died at `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Death {
    pub(crate) at: At,
}

/// A time in which nobody could be expected to write: a host was frozen, writes were paused, the disk was full, or no
/// host ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) from: At,
    pub(crate) to: At,
}

/// Returns the longest time from a death to the next acknowledged write; deaths in or just before a pause do not count,
/// nor those after which nobody asked any more.
pub(crate) fn longest_standstill(
    operations: &[Operation],
    deaths: &[Death],
    pauses: &[Pause],
) -> Duration {
    let mut acknowledged: Vec<At> = operations
        .iter()
        .filter(|operation| !operation.asked.is_read())
        .filter_map(Operation::acknowledged)
        .collect();
    acknowledged.sort_unstable();
    let standstill = |death: &Death| {
        let next = *acknowledged.get(acknowledged.partition_point(|at| *at <= death.at))?;
        let is_disturbed = pauses
            .iter()
            .any(|pause| pause.from <= next && death.at <= pause.to);
        (!is_disturbed).then(|| next - death.at)
    };
    Duration::from_micros(deaths.iter().filter_map(standstill).max().unwrap_or(0))
}
