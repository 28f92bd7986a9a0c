//! The part of the past that a chart shows.

use commonplace_api::query::ChartQuery;
/// Lengths of a step that people count in, in seconds.
const STEPS_S: [i64; 15] = [
    1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200,
];
/// Most steps: more would be a fuzzy line, and a table that nobody reads.
const STEPS_MAX: i64 = 144;
/// A range up to now is redrawn after half a step, within these bounds, in seconds.
const FRESH_S: std::ops::RangeInclusive<i64> = 2..=60;

/// From when to when, and in which steps. Moments are milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from_ms: i64,
    /// Its end, which is not part of it.
    pub(crate) to_ms: i64,
    /// Length of a step.
    pub(crate) step_ms: i64,
    /// How long it stays what it is; None if it ended before now.
    pub(crate) fresh_ms: Option<i64>,
}

impl Range {
    /// The last `seconds` seconds. It ends with the stride that has begun: all who ask within one see the same range, and
    /// what was just answered is in it.
    pub(crate) fn last(seconds: u32, now_ms: i64) -> Self {
        let length_s = i64::from(seconds);
        let step_s = step_of(length_s);
        let fresh_s = (step_s / 2).clamp(*FRESH_S.start(), *FRESH_S.end());
        // A stride is no longer than the range, so that the present lies in it.
        let fresh_ms = fresh_s.min(length_s) * 1000;
        let to_ms = (now_ms.div_euclid(fresh_ms) + 1) * fresh_ms;
        Self {
            from_ms: to_ms - length_s * 1000,
            to_ms,
            step_ms: step_s * 1000,
            fresh_ms: Some(fresh_ms),
        }
    }

    /// Any part of the last seven days. What is older is cut; at least a second is left.
    pub(crate) fn between(from_ms: i64, to_ms: i64, now_ms: i64) -> Self {
        let to_ms = to_ms.clamp(1000, now_ms.max(1000));
        let longest_ms = i64::from(ChartQuery::SECONDS_MAX) * 1000;
        let from_ms = from_ms.clamp(to_ms.saturating_sub(longest_ms), to_ms - 1000);
        let fresh_ms = (now_ms - to_ms < 1000).then_some(FRESH_S.start() * 1000);
        Self {
            from_ms,
            to_ms,
            step_ms: step_of((to_ms - from_ms).div_euclid(1000)) * 1000,
            fresh_ms,
        }
    }

    /// Returns how long a chart with nothing in it stays what it is: it ends with the first write.
    pub(crate) fn fresh_while_empty_ms(self) -> Option<i64> {
        self.fresh_ms.map(|_| FRESH_S.start() * 1000)
    }

    pub(crate) fn length_ms(self) -> i64 {
        self.to_ms - self.from_ms
    }

    /// How many steps it has, the one that is cut included.
    pub(crate) fn steps(self) -> usize {
        let steps = (self.length_ms() + self.step_ms - 1) / self.step_ms;
        usize::try_from(steps).unwrap_or(1).max(1)
    }
}

fn step_of(length_s: i64) -> i64 {
    let fits = |step_s: &i64| length_s <= step_s * STEPS_MAX;
    STEPS_S.into_iter().find(fits).unwrap_or(STEPS_S[14])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_800_000_001_500;

    #[test]
    fn the_ranges_of_the_page_have_steps_that_people_count_in() {
        let seconds = [300, 900, 3_600, 21_600, 86_400, 604_800];
        let steps = seconds.map(|seconds| {
            let range = Range::last(seconds, NOW_MS);
            (range.step_ms / 1000, range.steps(), range.fresh_ms)
        });
        let expected = [
            (5, 60, Some(2_000)),
            (10, 90, Some(5_000)),
            (30, 120, Some(15_000)),
            (180, 120, Some(60_000)),
            (600, 144, Some(60_000)),
            (7200, 84, Some(60_000)),
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn all_who_ask_within_a_stride_see_the_same_range() {
        let at = |ms: i64| Range::last(300, 1_800_000_000_000 + ms);
        assert_eq!(at(0), at(1_999));
        assert_ne!(at(1_999), at(2_000));
    }

    #[test]
    fn the_last_seconds_have_the_present_in_them() {
        for seconds in [1, 300, 86_400, ChartQuery::SECONDS_MAX] {
            for now_ms in [NOW_MS, NOW_MS + 499, NOW_MS + 500] {
                let range = Range::last(seconds, now_ms);
                assert!((range.from_ms..range.to_ms).contains(&now_ms), "{range:?}");
            }
        }
    }

    #[test]
    fn a_range_is_cut_to_what_is_kept_and_never_empty() {
        let all = Range::between(i64::MIN, i64::MAX, NOW_MS);
        assert_eq!(all.length_ms(), i64::from(ChartQuery::SECONDS_MAX) * 1000);
        assert!(all.fresh_ms.is_some(), "it ends now");
        let past = Range::between(NOW_MS - 9_000, NOW_MS - 5_000, NOW_MS);
        assert_eq!(
            (past.step_ms, past.steps(), past.fresh_ms),
            (1_000, 4, None)
        );
        let future = Range::between(NOW_MS + 5, NOW_MS + 9, NOW_MS);
        assert_eq!(future.length_ms(), 1_000);
        assert_eq!(Range::last(1, NOW_MS).steps(), 1);
    }
}
