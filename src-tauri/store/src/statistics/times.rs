//! A distribution of times that can be added to another one without loss.

use std::time::Duration;

use super::codec::{Reading, put_number};

/// Times up to this many nanoseconds are told apart exactly; longer ones to one part in 128.
const EXACT: u64 = 256;
/// Buckets for each doubling above that.
const PER_DOUBLING: u64 = 128;

/// How many times were measured, their sum and largest exactly, and how they lie, to one part in 128 (0.8 %).
///
/// Only buckets in use take room. Adding two distributions gives the one that measured both, whatever the order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    count: u64,
    sum_ns: u64,
    max_ns: u64,
    /// Buckets in use and what is in them, in their order: many distributions are read and added for one chart.
    buckets: Vec<(u16, u64)>,
}

impl Times {
    /// Adds one time.
    pub fn record(&mut self, time: Duration) {
        let ns = nanoseconds(time);
        self.count += 1;
        self.sum_ns = self.sum_ns.saturating_add(ns);
        self.max_ns = self.max_ns.max(ns);
        let bucket = bucket_of(ns);
        match self.buckets.binary_search_by_key(&bucket, |entry| entry.0) {
            Ok(place) => self.buckets[place].1 += 1,
            Err(place) => self.buckets.insert(place, (bucket, 1)),
        }
    }

    /// Adds all that `other` measured.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        self.buckets = merged(&self.buckets, &other.buckets);
    }

    /// Returns how many were measured.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns their sum.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns)
    }

    /// Returns the largest; zero if nothing was measured.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max_ns)
    }

    /// Returns the smallest time that at least `share` (0 to 1) of all do not exceed: at most 0.8 % too long, never
    /// too short. Zero if nothing was measured.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = ((share * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(longest_in(*bucket).min(self.max_ns));
            }
        }
        Duration::ZERO
    }

    /// Counts the times up to each of `edges`, which grow; a last entry counts those that are longer than all of them. A
    /// time within 0.8 % of an edge may be counted on its other side.
    #[must_use]
    pub fn counts_up_to(&self, edges: &[Duration]) -> Vec<u64> {
        let mut counts = vec![0; edges.len() + 1];
        for (bucket, count) in &self.buckets {
            let middle = Duration::from_nanos(longest_in(*bucket) / 2 + shortest_in(*bucket) / 2);
            counts[edges.partition_point(|edge| *edge < middle)] += count;
        }
        counts
    }

    /// Writes it as bytes: count, sum, maximum, and pairs of bucket and count.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [self.count, self.sum_ns, self.max_ns] {
            put_number(&mut bytes, number);
        }
        let mut before = 0;
        for (bucket, count) in &self.buckets {
            put_number(&mut bytes, u64::from(bucket - before));
            put_number(&mut bytes, *count);
            before = *bucket;
        }
        bytes
    }

    /// Reads what [`Times::encode`] wrote; None if it is something else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reading = Reading::new(bytes);
        let mut times = Self {
            count: reading.number()?,
            sum_ns: reading.number()?,
            max_ns: reading.number()?,
            buckets: Vec::new(),
        };
        let mut bucket: u16 = 0;
        while !reading.is_at_end() {
            let step = u16::try_from(reading.number()?).ok()?;
            if step == 0 && !times.buckets.is_empty() {
                return None;
            }
            bucket = bucket.checked_add(step)?;
            times.buckets.push((bucket, reading.number()?));
        }
        let counted = times
            .buckets
            .iter()
            .try_fold(0u64, |sum, (_, count)| sum.checked_add(*count))?;
        (counted == times.count).then_some(times)
    }
}

/// Adds two lists of buckets, each in its order.
fn merged(one: &[(u16, u64)], other: &[(u16, u64)]) -> Vec<(u16, u64)> {
    let mut all = Vec::with_capacity(one.len() + other.len());
    let (mut left, mut right) = (0, 0);
    while let (Some(a), Some(b)) = (one.get(left), other.get(right)) {
        let (takes_left, takes_right) = (a.0 <= b.0, b.0 <= a.0);
        let count = if takes_left { a.1 } else { 0 } + if takes_right { b.1 } else { 0 };
        all.push((a.0.min(b.0), count));
        left += usize::from(takes_left);
        right += usize::from(takes_right);
    }
    all.extend_from_slice(&one[left..]);
    all.extend_from_slice(&other[right..]);
    all
}

/// Time in nanoseconds; 584 years are enough.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn bucket_of(ns: u64) -> u16 {
    if ns < EXACT {
        return ns as u16;
    }
    // 256..512 is the first doubling: its 128 buckets are two wide.
    let doubling = u64::from(ns.ilog2() - EXACT.ilog2());
    let place = (ns >> (doubling + 1)) - PER_DOUBLING;
    (EXACT + doubling * PER_DOUBLING + place) as u16
}

fn shortest_in(bucket: u16) -> u64 {
    bucket
        .checked_sub(1)
        .map_or(0, |before| longest_in(before).saturating_add(1))
}

fn longest_in(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    if bucket < EXACT {
        return bucket;
    }
    let (doubling, place) = (
        (bucket - EXACT) / PER_DOUBLING,
        (bucket - EXACT) % PER_DOUBLING,
    );
    let next = u128::from(place + PER_DOUBLING + 1) << (doubling + 1);
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use commonplace_testing::Chance;

    use super::*;

    /// Spread over all magnitudes up to minutes.
    fn some_times(count: usize) -> Vec<Duration> {
        let mut chance = Chance::new(7);
        let mut time = || (chance.number() >> 28) >> chance.below(30);
        (0..count).map(|_| Duration::from_nanos(time())).collect()
    }

    #[test]
    fn each_time_lies_in_its_bucket_and_the_bucket_is_narrow() {
        let edges = (0..64).flat_map(|n| [1u64 << n, (1 << n) - 1, (1 << n) + 1]);
        let samples = some_times(10_000).into_iter().map(nanoseconds);
        for ns in edges.chain(samples).chain([u64::MAX]) {
            let longest = longest_in(bucket_of(ns));
            assert!(longest >= ns, "{ns} is above its bucket");
            assert!(longest - ns <= ns / 128, "{ns} lies far below {longest}");
        }
    }

    #[test]
    fn a_summary_agrees_with_a_count_by_hand() {
        let mut sorted = some_times(5_000);
        let mut times = Times::default();
        sorted.iter().for_each(|time| times.record(*time));
        sorted.sort();
        assert_eq!(times.count(), 5_000);
        assert_eq!(times.sum(), sorted.iter().sum());
        assert_eq!(times.max(), sorted[4_999]);
        for share in [0.5, 0.95, 0.99, 1.0] {
            let exact = sorted[(share * 5_000.0) as usize - 1];
            let told = times.quantile(share);
            assert!(
                told >= exact && told <= exact + exact / 128,
                "{share}: {told:?} is not {exact:?}"
            );
        }
        assert_eq!(Times::default().quantile(0.5), Duration::ZERO);
    }

    #[test]
    fn counts_up_to_edges_agree_with_a_count_by_hand() {
        let mut times = Times::default();
        let ms = Duration::from_millis;
        for n in [0, 1, 1, 3, 40, 40, 40, 900] {
            times.record(ms(n) + Duration::from_micros(300));
        }
        assert_eq!(times.counts_up_to(&[ms(1), ms(10), ms(100)]), [1, 3, 3, 1]);
        assert_eq!(times.counts_up_to(&[]), [8]);
        let some = some_times(2_000);
        let mut times = Times::default();
        some.iter().for_each(|time| times.record(*time));
        let edges = [1, 1_000, 1_000_000, 1_000_000_000].map(Duration::from_nanos);
        let counts = times.counts_up_to(&edges);
        assert_eq!(counts.iter().sum::<u64>(), 2_000);
        let mut up_to = 0;
        for (edge, count) in edges.iter().zip(&counts) {
            up_to += count;
            let surely = some.iter().filter(|time| **time <= *edge * 127 / 128);
            let perhaps = some
                .iter()
                .filter(|time| **time <= *edge * 129 / 128 + Duration::from_nanos(1));
            let range = surely.count() as u64..=perhaps.count() as u64;
            assert!(
                range.contains(&up_to),
                "{up_to} up to {edge:?}, not {range:?}"
            );
        }
    }

    #[test]
    fn adding_two_is_the_same_as_measuring_both() {
        let (mut all, mut one, mut two) = (Times::default(), Times::default(), Times::default());
        for (n, time) in some_times(999).into_iter().enumerate() {
            all.record(time);
            if n % 3 == 0 { &mut one } else { &mut two }.record(time);
        }
        two.add(&one);
        assert_eq!(two, all);
    }

    #[test]
    fn bytes_bring_it_back_and_foreign_bytes_are_refused() {
        let mut times = Times::default();
        assert_eq!(Times::decode(&times.encode()), Some(times.clone()));
        some_times(300).into_iter().for_each(|t| times.record(t));
        let bytes = times.encode();
        assert_eq!(Times::decode(&bytes), Some(times));
        for cut in 0..bytes.len() {
            assert_eq!(Times::decode(&bytes[..cut]), None, "cut at {cut}");
        }
        assert_eq!(Times::decode(&[0xff; 40]), None);
    }
}
