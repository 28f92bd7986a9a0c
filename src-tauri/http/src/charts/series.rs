//! From samples to the points of a line.

use commonplace_engine::Sample;

/// What happened in one stretch of the time axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    /// Its middle, in seconds before the end of the axis.
    pub(crate) seconds_ago: f64,
    /// Longest queue wait in milliseconds.
    pub(crate) queue_max_ms: f64,
    /// Average queue wait in milliseconds over its writes.
    pub(crate) queue_average_ms: f64,
    /// Longest wait for the write lock in milliseconds.
    pub(crate) lock_max_ms: f64,
}

/// Puts the samples of the last `seconds` seconds into at most about `buckets_max` buckets, the oldest first.
///
/// Buckets begin at multiples of their length since 1970: the line moves to the left and does not change its shape on the
/// way. The axis ends with the last sample.
pub(crate) fn buckets(samples: &[Sample], seconds: u32, buckets_max: u32) -> Vec<Bucket> {
    let Some(last) = samples.last() else {
        return Vec::new();
    };
    let end_ms = last.at_ms + 1000;
    let start_ms = end_ms - i64::from(seconds) * 1000;
    let length_ms = i64::from(seconds.div_ceil(buckets_max.max(1)).max(1)) * 1000;
    let shown: Vec<_> = samples
        .iter()
        .filter(|sample| sample.at_ms >= start_ms)
        .collect();
    shown
        .chunk_by(|a, b| a.at_ms.div_euclid(length_ms) == b.at_ms.div_euclid(length_ms))
        .map(|chunk| bucket(chunk, end_ms))
        .collect()
}

fn bucket(samples: &[&Sample], end_ms: i64) -> Bucket {
    let first_ms = samples[0].at_ms;
    let last_ms = samples[samples.len() - 1].at_ms + 1000;
    Bucket {
        seconds_ago: (end_ms - (first_ms + last_ms) / 2) as f64 / 1000.0,
        queue_max_ms: largest(samples, |sample| sample.queue_wait_max_ms),
        queue_average_ms: average_per_write(samples),
        lock_max_ms: largest(samples, |sample| sample.lock_wait_max_ms),
    }
}

fn largest(samples: &[&Sample], value: impl Fn(&Sample) -> f32) -> f64 {
    samples
        .iter()
        .map(|sample| f64::from(value(sample)))
        .fold(0.0, f64::max)
}

fn average_per_write(samples: &[&Sample]) -> f64 {
    let writes: f64 = samples.iter().map(|sample| f64::from(sample.writes)).sum();
    let waited: f64 = samples
        .iter()
        .map(|sample| f64::from(sample.queue_wait_average_ms) * f64::from(sample.writes))
        .sum();
    if writes > 0.0 { waited / writes } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(second: i64, writes: u32, average: f32, max: f32) -> Sample {
        Sample {
            at_ms: second * 1000,
            writes,
            queue_wait_average_ms: average,
            queue_wait_max_ms: max,
            ..Sample::default()
        }
    }

    #[test]
    fn a_bucket_keeps_the_largest_wait_and_weighs_the_average_by_writes() {
        let samples = [sample(10, 1, 4.0, 9.0), sample(11, 3, 8.0, 5.0)];
        let all = buckets(&samples, 2, 1);
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].queue_max_ms, all[0].queue_average_ms), (9.0, 7.0));
        assert_eq!(all[0].seconds_ago, 1.0, "the middle of two seconds");
    }

    #[test]
    fn the_shape_of_the_line_stays_while_time_passes() {
        let long: Vec<_> = (0..40).map(|s| sample(s, 1, 1.0, s as f32)).collect();
        let before: Vec<_> = buckets(&long[..39], 20, 4)
            .iter()
            .map(|b| b.queue_max_ms)
            .collect();
        let after: Vec<_> = buckets(&long, 20, 4)
            .iter()
            .map(|b| b.queue_max_ms)
            .collect();
        assert_eq!(
            before[1..4],
            after[..3],
            "buckets must not be cut anew each second"
        );
    }

    #[test]
    fn samples_before_the_axis_are_left_out() {
        let samples: Vec<_> = (0..100).map(|s| sample(s, 1, 1.0, 1.0)).collect();
        assert_eq!(buckets(&samples, 10, 100).len(), 10);
        assert!(buckets(&[], 10, 100).is_empty());
    }
}
