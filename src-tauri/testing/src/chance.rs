//! Random choices that a seed repeats.

use std::time::Duration;

/// Dimensions of the vectors of the model.
const DIMENSIONS: usize = 384;

/// A stream of choices; the same seed gives the same ones. The generator is SplitMix64.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Begins the stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Begins the stream of `seed` and prints that: the test program shows it if the test fails.
    #[allow(
        clippy::print_stdout,
        reason = "a failed random test must name its seed"
    )]
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        println!("seed {seed}");
        Self(seed)
    }

    /// Begins a stream of its own for the part `number`, so that the parts do not depend on each other's pace.
    #[must_use]
    pub fn branch(&self, number: u64) -> Self {
        let mut branch = Self(self.0 ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
        branch.number();
        branch
    }

    /// Returns any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 up to, but not, `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    /// Returns a number from 0 up to, but not, 1.
    pub fn part(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Says yes in `percent` of 100 cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Returns one of `all`; None if there is none.
    pub fn one<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }

    /// Returns one of `all`.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Returns a time from `least` up to `most`.
    pub fn time(&mut self, least: Duration, most: Duration) -> Duration {
        let span = most.saturating_sub(least).as_micros() as usize;
        least + Duration::from_micros(self.below(span + 1) as u64)
    }

    /// Returns a unit vector without a preferred direction.
    pub fn unit_vector(&mut self) -> Vec<f32> {
        unit((0..DIMENSIONS).map(|_| self.normal()).collect())
    }

    /// Returns a unit vector whose cosine to `centre` is about `cosine`.
    pub fn near(&mut self, centre: &[f32], cosine: f32) -> Vec<f32> {
        let other = self.unit_vector();
        let away = (1.0 - cosine * cosine).sqrt();
        let both = centre.iter().zip(&other);
        unit(both.map(|(c, o)| c * cosine + o * away).collect())
    }

    /// Returns a number that is roughly normal: the sum of twelve even ones.
    fn normal(&mut self) -> f32 {
        let sum: f32 = (0..12)
            .map(|_| self.below(1 << 20) as f32 / (1 << 20) as f32)
            .sum();
        sum - 6.0
    }
}

fn unit(vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|n| n * n).sum::<f32>().sqrt();
    vector.into_iter().map(|n| n / length).collect()
}
