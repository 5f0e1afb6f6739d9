//! A distribution of times: an HDR histogram, written as plain numbers.

use crate::Latency;
use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::io;
use std::time::Duration;

/// What is told apart, and the longest that is: in between, three significant digits.
const FINEST: Duration = Duration::from_micros(1);
const LONGEST: Duration = Duration::from_secs(3600);
const DIGITS: u8 = 3;

/// Percentiles of the `.hgrm` format: so many between each and half the way to 100 %, as other programs of the kind have it.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

/// Times from a microsecond to an hour, to three significant digits, in fixed memory.
///
/// In JSON it is a list of pairs, `[nanoseconds, count]`, ascending, of the values that occur. That is a pair for each bucket of the
/// histogram that is not empty, so nothing is lost by writing and reading it, and anything can read it.
///
/// ```
/// use corelay_load::Distribution;
/// use std::time::Duration;
///
/// let mut times = Distribution::default();
/// (1..=100).for_each(|ms| times.record(Duration::from_millis(ms)));
/// let p99 = times.quantile(0.99).as_secs_f64();
/// assert!((0.0989..0.0991).contains(&p99), "{p99}");
/// let text = serde_json::to_string(&times)?;
/// assert_eq!(serde_json::from_str::<Distribution>(&text)?, times);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution(Histogram<u64>);

impl Default for Distribution {
    fn default() -> Self {
        let bounds = (FINEST.as_nanos() as u64, LONGEST.as_nanos() as u64);
        let histogram = Histogram::new_with_bounds(bounds.0, bounds.1, DIGITS);
        Self(histogram.expect("the bounds are constants that it takes"))
    }
}

impl Distribution {
    /// Counts a time; one longer than an hour as an hour.
    pub fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Counts all that another has counted.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    /// How many times are in it.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time that this share of all is at most, `quantile` from 0 to 1; zero if nothing was counted.
    pub fn quantile(&self, quantile: f64) -> Duration {
        // A value stands for all that share its digits, and is the highest of them.
        Duration::from_nanos(self.0.value_at_quantile(quantile).min(self.0.max()))
    }

    /// How many are longer than that; those within the same three digits are not.
    pub fn count_above(&self, time: Duration) -> u64 {
        let bound = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bound = self.0.highest_equivalent(bound);
        self.pairs().filter(|(value, _)| *value > bound).map(|(_, count)| count).sum()
    }

    /// The mean.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.0.mean() as u64)
    }

    /// The percentiles people ask for.
    pub fn summary(&self) -> Latency {
        let at = |quantile| self.quantile(quantile);
        Latency {
            count: self.count(),
            p50: at(0.5),
            p75: at(0.75),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max: Duration::from_nanos(self.0.max()),
            mean: self.mean(),
        }
    }

    /// Writes the percentile distribution as HdrHistogram's own programs do, in milliseconds: `.hgrm`, which its plotters read.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_hgrm(&self, mut out: impl io::Write) -> io::Result<()> {
        let ms = |nanoseconds: f64| nanoseconds / 1e6;
        writeln!(
            out,
            "{:>12} {:>14} {:>10} {:>14}\n",
            "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
        )?;
        let mut total = 0;
        for step in self.0.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
            total += step.count_since_last_iteration();
            let (value, quantile) = (ms(step.value_iterated_to() as f64), step.quantile_iterated_to());
            if quantile < 1.0 {
                writeln!(out, "{value:12.3} {quantile:2.12} {total:10} {:14.2}", 1.0 / (1.0 - quantile))?;
            } else {
                writeln!(out, "{value:12.3} {quantile:2.12} {total:10}")?;
            }
        }
        let (mean, deviation) = (ms(self.0.mean()), ms(self.0.stdev()));
        writeln!(out, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]")?;
        writeln!(out, "#[Max     = {:12.3}, Total count    = {:12}]", ms(self.0.max() as f64), self.count())?;
        let (buckets, sub_buckets) = (self.0.buckets(), 1 << 11);
        writeln!(out, "#[Buckets = {buckets:12}, SubBuckets     = {sub_buckets:12}]")
    }

    /// Nanoseconds and how often, ascending.
    fn pairs(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()))
    }
}

impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.pairs())
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut distribution = Self::default();
        for (value, count) in Vec::<(u64, u64)>::deserialize(from)? {
            distribution.0.record_n(value, count).map_err(|_| D::Error::custom("a time beyond an hour"))?;
        }
        Ok(distribution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thousand() -> Distribution {
        let mut times = Distribution::default();
        (1..=1000).for_each(|n| times.record(Duration::from_micros(n * 100)));
        times
    }

    #[test]
    fn what_is_written_is_read_again() {
        let times = thousand();
        let text = serde_json::to_string(&times).expect("plain data");
        let read: Distribution = serde_json::from_str(&text).expect("its own JSON");
        assert_eq!((read.summary(), &read), (times.summary(), &times));
        let mut doubled = read.clone();
        doubled.add(&times);
        assert_eq!((doubled.count(), doubled.quantile(0.9)), (2000, times.quantile(0.9)));
    }

    #[test]
    fn no_percentile_is_above_the_longest() {
        let mut times = Distribution::default();
        times.record(Duration::ZERO);
        let Latency { p50, p99, max, .. } = times.summary();
        assert_eq!((p50, p99, max), (Duration::ZERO, Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn those_above_a_time_are_counted() {
        assert_eq!(thousand().count_above(Duration::from_micros(90_000)), 100);
        assert_eq!(thousand().count_above(Duration::ZERO), 1000);
    }

    #[test]
    fn hgrm_has_the_columns_and_the_footer_that_plotters_look_for() {
        let mut out = Vec::new();
        thousand().write_hgrm(&mut out).expect("memory takes it");
        let text = String::from_utf8(out).expect("it is ASCII");
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .take_while(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
            .collect();
        assert!(rows.iter().all(|row| row.len() >= 3), "{text}");
        assert!(rows.is_sorted_by(|one, next| one[0] <= next[0] && one[1] <= next[1] && one[2] <= next[2]));
        assert_eq!(rows.last().map(|row| (row[1], row[2])), Some((1.0, 1000.0)));
        let half = rows.iter().find(|row| row[1] == 0.5).expect("the median is a step");
        assert!((half[0] - 50.0).abs() < 0.1 && half[2] == 500.0 && half[3] == 2.0, "{half:?}");
        assert!(text.contains("#[Max     =") && text.contains("Total count    =         1000]"), "{text}");
    }
}
