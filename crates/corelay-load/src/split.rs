//! One plan for several processes: a thread can use one CPU, and a process has so many descriptors.

use crate::plan::{Group, Pace};
use crate::{Plan, Source};

impl Plan {
    /// Parts of this plan that are together as much load: connections and rates are divided, sources taken up where the part before
    /// left them. No group of a part is without connections, so there may be fewer than `parts`. [`Report::merge`](crate::Report::merge) joins their reports.
    ///
    /// Each part's requests are evenly phased; those of different parts fall between each other as chance has it.
    ///
    /// ```
    /// use corelay_load::{Group, Mix, Plan};
    ///
    /// let mut plan = Plan::new("127.0.0.1:8080".parse()?);
    /// plan.groups.push(Group::open("paced", 5, 1_000.0, Mix::only("/")));
    /// let connections: Vec<_> = plan.split(2).iter().map(|part| part.groups[0].connections).collect();
    /// assert_eq!(connections, [3, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split(&self, parts: u32) -> Vec<Self> {
        let fewest = self.groups.iter().map(|group| group.connections).min().unwrap_or(1);
        let parts = parts.min(fewest).max(1);
        let mut before = 0;
        let mut split = Vec::new();
        for index in 0..parts {
            let groups: Vec<_> = self.groups.iter().map(|group| group.part(index, parts)).collect();
            let connections: u64 = groups.iter().map(|group| u64::from(group.connections)).sum();
            let sources = rotated(&self.sources, before);
            before += connections;
            let seed = self.seed.wrapping_add(u64::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            split.push(Self { groups, sources, seed, ..self.clone() });
        }
        split
    }
}

impl Group {
    /// The part of that index, of so many.
    fn part(&self, index: u32, parts: u32) -> Self {
        let connections = self.connections / parts + u32::from(index < self.connections % parts);
        let share = f64::from(connections) / f64::from(self.connections);
        let pace = match self.pace {
            Pace::Closed => Pace::Closed,
            Pace::Open { requests_per_second: rate } => Pace::Open { requests_per_second: rate * share },
            Pace::Poisson { requests_per_second: rate } => {
                Pace::Poisson { requests_per_second: rate * share }
            }
        };
        Self { connections, pace, ..self.clone() }
    }
}

/// The sources, begun where connection number `before` is.
fn rotated(sources: &[Source], before: u64) -> Vec<Source> {
    let all: u64 = sources.iter().map(|source| u64::from(source.count())).sum();
    let mut skip = before.checked_rem(all).unwrap_or(0);
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for source in sources {
        let skipped = u32::try_from(skip.min(u64::from(source.count()))).unwrap_or(u32::MAX);
        skip -= u64::from(skipped);
        let (before, after) = source.at(skipped);
        last.extend(before);
        first.extend(after);
    }
    first.append(&mut last);
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mix, source};

    #[test]
    fn parts_are_together_the_whole() {
        let mut plan = Plan::new(([127, 0, 0, 1], 80).into());
        plan.groups.push(Group::open("g", 7, 70.0, Mix::only("/")));
        let parts = plan.split(3);
        let connections: Vec<_> = parts.iter().map(|part| part.groups[0].connections).collect();
        assert_eq!(connections, [3, 2, 2]);
        let rate = |part: &Plan| match part.groups[0].pace {
            Pace::Open { requests_per_second } => requests_per_second,
            _ => 0.0,
        };
        assert!((parts.iter().map(rate).sum::<f64>() - 70.0).abs() < 1e-9);
        assert!((rate(&parts[0]) - 30.0).abs() < 1e-9);
        assert_eq!(plan.split(100).len(), 7);
    }

    #[test]
    fn parts_together_use_the_sources_in_the_same_turns() {
        let mut plan = Plan::new(([127, 0, 0, 1], 80).into());
        plan.groups.push(Group::closed("g", 6, Mix::only("/")));
        plan.sources = ["127.0.0.1-127.0.0.3", "127.0.1.1"].map(|text| text.parse().expect(text)).into();
        let of = |plan: &Plan, count: u64| {
            (0..count).map(|n| source::of_connection(&plan.sources, n)).collect::<Vec<_>>()
        };
        let parts = plan.split(3).iter().flat_map(|part| of(part, 2)).collect::<Vec<_>>();
        assert_eq!(parts, of(&plan, 6));
    }
}
