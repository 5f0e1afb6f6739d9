//! From a value to a place on an axis, and the values that are worth a line.

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scale {
    /// Evenly, from zero.
    Linear,
    /// By their magnitude, where all are above zero: so that a tenth and a hundred fit into one picture.
    Logarithmic,
    /// Values are the share of requests above a percentile, 0.5 for the median and 0.01 for the 99th: the further along, the
    /// rarer, each step ten times.
    Rarity,
}

/// A scale with its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    scale: Scale,
    low: f64,
    high: f64,
}

/// Lines across a linear axis, about.
const LINES: f64 = 5.0;

impl Span {
    /// Wide enough for all of these values; those that have no place on the scale do not count.
    pub(super) fn of(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let values = values.filter(|value| scale.has(*value)).map(|value| scale.along(value));
        let (low, high) = values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = match scale {
            _ if low > high => (0.0, 1.0),
            Scale::Linear => (0.0, top(high)),
            Scale::Logarithmic => (floor_of_magnitude(low), ceiling_of_magnitude(high)),
            Scale::Rarity => (low, high),
        };
        // A span of nothing has no places.
        Self { scale, low, high: if high > low { high } else { low + 1.0 } }
    }

    /// Where a value is, from 0 at one end to 1 at the other; `None` if the scale has no place for it.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let along = self.scale.has(value).then(|| self.scale.along(value))?;
        Some(((along - self.low) / (self.high - self.low)).clamp(0.0, 1.0))
    }

    /// The values worth a line, each with its label.
    pub(super) fn lines(&self) -> Vec<(f64, String)> {
        let values: Vec<f64> = match self.scale {
            Scale::Linear => {
                let step = step(self.high);
                (0..)
                    .map(|count| f64::from(count) * step)
                    .take_while(|value| *value <= self.high * 1.001)
                    .collect()
            }
            Scale::Logarithmic => magnitudes(self.low, self.high),
            Scale::Rarity => [0.5, 0.1, 0.01, 0.001, 0.0001, 0.00001]
                .into_iter()
                .filter(|share| (self.low - 0.01..=self.high + 0.01).contains(&self.scale.along(*share)))
                .collect(),
        };
        values.into_iter().map(|value| (value, self.label(value))).collect()
    }

    fn label(&self, value: f64) -> String {
        match self.scale {
            Scale::Rarity => percentile(value),
            _ => short(value),
        }
    }
}

impl Scale {
    fn has(self, value: f64) -> bool {
        value.is_finite() && (self == Self::Linear || value > 0.0)
    }

    /// On a ruler of even steps.
    fn along(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => value.log10(),
            Self::Rarity => -value.log10(),
        }
    }
}

/// `p99.9` for a share of 0.001.
pub(super) fn percentile(share: f64) -> String {
    let percent = (1.0 - share) * 100.0;
    let text = format!("{percent:.3}");
    format!("p{}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `1.5k` for 1,500: as short as an axis needs it.
pub(super) fn short(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, "G"),
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{scaled:.4}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// One, two or five times a power of ten: what people count in.
fn step(high: f64) -> f64 {
    let rough = (high / LINES).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| times * power >= rough * 0.999);
    times.unwrap_or(10.0) * power
}

/// The line at or above the highest value.
fn top(high: f64) -> f64 {
    if high <= 0.0 {
        return 1.0;
    }
    let step = step(high);
    (high / step * 0.999).ceil() * step
}

/// The next of 1, 2 and 5 times a power of ten, downwards, of logarithms.
fn floor_of_magnitude(along: f64) -> f64 {
    nice_near(along).rfind(|nice| *nice <= along + 1e-9).unwrap_or(along)
}

fn ceiling_of_magnitude(along: f64) -> f64 {
    nice_near(along).find(|nice| *nice >= along - 1e-9).unwrap_or(along)
}

fn nice_near(along: f64) -> impl DoubleEndedIterator<Item = f64> {
    let power = along.floor() as i32;
    let of_power =
        |power: i32| [1.0_f64, 2.0, 5.0].into_iter().map(move |times| times.log10() + f64::from(power));
    (power - 1..=power + 1).flat_map(of_power)
}

/// Every power of ten; where there are few, two and five times each as well.
fn magnitudes(low: f64, high: f64) -> Vec<f64> {
    let times: &[f64] = if high - low < 2.2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let powers = low.floor() as i32..=high.ceil() as i32;
    let values = powers.flat_map(|power| times.iter().map(move |times| times * 10_f64.powi(power)));
    values.filter(|value| (low - 1e-9..=high + 1e-9).contains(&value.log10())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, values: &[f64]) -> Vec<String> {
        Span::of(scale, values.iter().copied()).lines().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn lines_are_at_numbers_people_count_in() {
        assert_eq!(labels(Scale::Linear, &[81_106.0]), ["0", "20k", "40k", "60k", "80k", "100k"]);
        assert_eq!(labels(Scale::Linear, &[0.0, 11.9]), ["0", "5", "10", "15"]);
        assert_eq!(labels(Scale::Logarithmic, &[0.7, 6.9]), ["0.5", "1", "2", "5", "10"]);
        assert_eq!(labels(Scale::Logarithmic, &[0.3, 950.0]), ["1", "10", "100", "1k"]);
        assert_eq!(
            labels(Scale::Rarity, &[0.5, 0.1, 0.01, 0.001, 0.0001]),
            ["p50", "p90", "p99", "p99.9", "p99.99"]
        );
    }

    #[test]
    fn every_value_has_a_place_and_nonsense_has_none() {
        let span = Span::of(Scale::Logarithmic, [1.0, 100.0].into_iter());
        assert_eq!((span.place(1.0), span.place(10.0), span.place(100.0)), (Some(0.0), Some(0.5), Some(1.0)));
        assert_eq!((span.place(0.0), span.place(f64::NAN)), (None, None));
        for values in [&[][..], &[0.0], &[f64::NAN]] {
            let span = Span::of(Scale::Linear, values.iter().copied());
            assert_eq!(span.place(0.0), Some(0.0));
            assert!(!span.lines().is_empty());
        }
    }
}
