//! Measured times and what is said about them.

use std::time::Duration;

/// Times of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<Duration>);

impl FromIterator<Duration> for Samples {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        Self(times.into_iter().collect())
    }
}

impl Samples {
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Adds those of another client.
    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The middle one.
    pub(crate) fn p50(&self) -> Option<Duration> {
        self.percentile(0.50)
    }

    /// Exceeded by one in a hundred.
    pub(crate) fn p99(&self) -> Option<Duration> {
        self.percentile(0.99)
    }

    /// The value at place `share * count`, cut to the last: of few samples the p99 is the longest.
    fn percentile(&self, share: f64) -> Option<Duration> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = (sorted.len() as f64 * share) as usize;
        sorted.get(place).or(sorted.last()).copied()
    }

    /// Their sum, divided by how many there are.
    pub(crate) fn average(&self) -> Option<Duration> {
        let count = u32::try_from(self.0.len()).ok()?;
        self.0.iter().sum::<Duration>().checked_div(count)
    }

    /// The longest.
    pub(crate) fn max(&self) -> Option<Duration> {
        self.0.iter().max().copied()
    }
}

/// Returns how many of `count` came in a second; None if there was no time.
pub(crate) fn per_second(count: usize, time: Duration) -> Option<f64> {
    (!time.is_zero()).then(|| count as f64 / time.as_secs_f64())
}

/// Returns how many times `time` is as long as `other`; None if one is not there or the other is nothing.
pub(crate) fn times(time: Option<Duration>, other: Option<Duration>) -> Option<f64> {
    let (time, other) = time.zip(other)?;
    (!other.is_zero()).then(|| time.as_secs_f64() / other.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(all: impl IntoIterator<Item = u64>) -> Samples {
        all.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn percentiles_are_taken_from_the_sorted_times() {
        let samples = millis((1..=100).rev());
        assert_eq!(samples.p50(), Some(Duration::from_millis(51)));
        assert_eq!(samples.p99(), Some(Duration::from_millis(100)));
        assert_eq!(samples.max(), Some(Duration::from_millis(100)));
    }

    #[test]
    fn few_samples_have_percentiles_and_none_has_none() {
        assert_eq!(millis([7]).p50(), Some(Duration::from_millis(7)));
        assert_eq!(millis([7]).p99(), Some(Duration::from_millis(7)));
        assert_eq!(millis([9, 3, 5]).p50(), Some(Duration::from_millis(5)));
        assert_eq!(millis([1, 2, 6]).average(), Some(Duration::from_millis(3)));
        let none = millis([]);
        assert_eq!((none.p50(), none.max(), none.average()), (None, None, None));
    }

    #[test]
    fn rates_and_ratios_need_time() {
        assert_eq!(per_second(50, Duration::from_millis(500)), Some(100.0));
        assert_eq!(per_second(50, Duration::ZERO), None);
        let second = Some(Duration::from_secs(1));
        assert_eq!(times(second, second), Some(1.0));
        assert_eq!(times(second, Some(Duration::ZERO)), None);
    }
}
