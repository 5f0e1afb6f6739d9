//! Median, and the bootstrap's 95 % interval around it.
//!
//! The median, because a run that another process disturbs is wrong by any amount, and always in one direction. The
//! bootstrap, because nothing is known about the distribution: the sample is drawn from itself, with replacement, ten
//! thousand times, and the interval holds the middle 95 % of the medians found (the percentile method, Efron 1979).
//! The seed is fixed: the same samples always give the same interval.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How often the sample is drawn anew.
const RESAMPLES: usize = 10_000;

/// Where the random numbers begin; any number does.
const SEED: u64 = 0x636f_7265_6c61_7921;

/// A median and the interval it lies in with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The middle of the sample.
    pub median: f64,
    /// Where the interval begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
}

impl Estimate {
    /// Estimates from a sample that is not empty and holds no NaN.
    ///
    /// A sample of one has itself for an interval, which says nothing: the caller prints the sample's size.
    pub fn of(sample: &[f64]) -> Self {
        let mut random = SplitMix64(SEED);
        let mut draw = vec![0.0; sample.len()];
        let mut medians: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                draw.fill_with(|| sample[random.below(sample.len())]);
                median(&mut draw)
            })
            .collect();
        medians.sort_unstable_by(f64::total_cmp);
        let tail = RESAMPLES / 40;
        Self { median: median(&mut sample.to_vec()), low: medians[tail], high: medians[RESAMPLES - 1 - tail] }
    }

    /// Estimates the ratio of two samples taken in pairs, from the ratio of each pair.
    pub fn of_ratio(numerators: &[f64], denominators: &[f64]) -> Self {
        let ratios: Vec<f64> =
            numerators.iter().zip(denominators).map(|(over, under)| over / under).collect();
        Self::of(&ratios)
    }

    /// Whether the two intervals lie apart, so that one may be called the greater. Where they overlap the samples do not say.
    ///
    /// ```
    /// use corelay_load::statistics::Estimate;
    ///
    /// let (fast, slow) = (Estimate::of(&[9.0, 9.1, 9.2]), Estimate::of(&[5.0, 5.1, 9.3]));
    /// assert!(!fast.is_apart_from(&slow));
    /// assert!(fast.is_apart_from(&Estimate::of(&[5.0, 5.1, 5.2])));
    /// ```
    pub fn is_apart_from(&self, other: &Self) -> bool {
        self.low > other.high || other.low > self.high
    }
}

/// The median and, in brackets, its interval, with as many decimals as asked for, or two.
///
/// ```
/// use corelay_load::statistics::Estimate;
///
/// let ratio = Estimate { median: 1.2, low: 1.1, high: 1.75 };
/// assert_eq!(ratio.to_string(), "1.20 [1.10, 1.75]");
/// assert_eq!(format!("{ratio:.1}"), "1.2 [1.1, 1.8]");
/// ```
impl fmt::Display for Estimate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self { median, low, high }, digits) = (self, out.precision().unwrap_or(2));
        write!(out, "{median:.digits$} [{low:.digits$}, {high:.digits$}]")
    }
}

/// The middle value, or the mean of the middle two. Sorts what it is given.
fn median(sample: &mut [f64]) -> f64 {
    sample.sort_unstable_by(f64::total_cmp);
    let middle = sample.len() / 2;
    if sample.len() % 2 == 1 { sample[middle] } else { f64::midpoint(sample[middle - 1], sample[middle]) }
}

/// Sebastiano Vigna's splitmix64: five lines, and good enough to draw a sample.
struct SplitMix64(u64);

impl SplitMix64 {
    /// A number below `bound`; the bias of the multiplication is below 2^-50 for any sample that fits in memory here.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_middle_two() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&mut [7.0]), 7.0);
    }

    #[test]
    fn splitmix64_gives_its_published_numbers() {
        // The first outputs for seed 1234567, from the reference implementation's test vectors.
        let mut random = SplitMix64(1_234_567);
        let whole = |random: &mut SplitMix64| random.below(1 << 63);
        assert_eq!(whole(&mut random), (6_457_827_717_110_365_317_u64 >> 1) as usize);
        assert_eq!(whole(&mut random), (3_203_168_211_198_807_973_u64 >> 1) as usize);
    }

    #[test]
    fn a_constant_sample_has_no_spread() {
        assert_eq!(Estimate::of(&[2.0; 15]), Estimate { median: 2.0, low: 2.0, high: 2.0 });
    }

    #[test]
    fn the_interval_agrees_with_the_order_statistics_of_the_sample() {
        // For n = 15 the exact 95 % interval of a median runs from the 4th to the 12th value (binomial, 96.5 %).
        let sample: Vec<f64> = (1..=15).map(f64::from).collect();
        let estimate = Estimate::of(&sample);
        assert_eq!(estimate.median, 8.0);
        assert!((4.0..=5.0).contains(&estimate.low), "{estimate:?}");
        assert!((11.0..=12.0).contains(&estimate.high), "{estimate:?}");
    }

    #[test]
    fn one_wild_run_does_not_move_the_ratio() {
        let mut over = [1.05; 15];
        over[7] = 900.0;
        let ratio = Estimate::of_ratio(&over, &[1.0; 15]);
        assert_eq!((ratio.median, ratio.low, ratio.high), (1.05, 1.05, 1.05));
    }
}
