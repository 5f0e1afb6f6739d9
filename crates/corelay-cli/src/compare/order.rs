//! Which server did better at what, where that can be told.
//!
//! Servers stand by their medians, and `≈` stands between neighbours whose 95 % intervals overlap: the rounds do not tell them apart.
//! Of too few rounds the intervals are no intervals, and give no order.

use corelay_load::statistics::Estimate;

use super::comparison::Found;
use super::sample::{Better, CPU, FIGURES, Figure, MEMORY, P99, PER_CONNECTION, RATE};
use super::scenario::Case;

/// Rounds from which on an order is told. Of two servers that do equally well, all runs of one are better than all of the other by
/// chance once in ten times with three rounds each, and once in 35 with four (2 · 4! · 4! / 8!).
pub(super) const ROUNDS_MIN: usize = 4;

/// Servers by one figure, the best first.
pub(super) struct Order {
    figure: Figure,
    servers: Vec<(String, Estimate)>,
}

/// The orders that a load is there to find; none where there is one server or too few rounds.
pub(super) fn orders(found: &Found) -> Vec<Order> {
    let figures: &[Figure] = match found.case {
        Case::Idle => &[PER_CONNECTION],
        // What comes at a fixed rate is answered at that rate.
        case if case.is_open_loop() => &[FIGURES[1], P99, FIGURES[4], CPU, MEMORY],
        _ => &[RATE, P99, CPU, MEMORY],
    };
    figures.iter().filter_map(|figure| Order::of(*figure, found)).collect()
}

impl Order {
    fn of(figure: Figure, found: &Found) -> Option<Self> {
        let columns = found.columns.iter().filter(|column| column.samples.len() >= ROUNDS_MIN);
        let mut servers: Vec<_> = columns
            .filter_map(|column| Some((column.server.clone(), figure.estimate(&column.samples)?)))
            .collect();
        servers.sort_by(|(_, one), (_, other)| match figure.better {
            Better::Less => one.median.total_cmp(&other.median),
            Better::More => other.median.total_cmp(&one.median),
        });
        (servers.len() > 1).then_some(Self { figure, servers })
    }

    /// `p99: cores < threads ≈ pool`.
    pub(super) fn told(&self) -> String {
        let apart = match self.figure.better {
            Better::Less => " < ",
            Better::More => " > ",
        };
        let mut text = format!("{}: ", self.figure.name);
        for (index, (server, estimate)) in self.servers.iter().enumerate() {
            if let Some((_, before)) = index.checked_sub(1).and_then(|before| self.servers.get(before)) {
                text.push_str(if estimate.is_apart_from(before) { apart } else { " ≈ " });
            }
            text.push_str(server);
        }
        text
    }
}

/// What the signs mean.
pub(super) const LEGEND: &str =
    "The best first. ≈: not told apart, because the 95 % intervals of the medians overlap.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::comparison::Column;
    use crate::compare::processors::Processors;
    use crate::compare::sample::Sample;

    fn found(case: Case, servers: &[(&str, &[f64])]) -> Found {
        let sample = |cpu_us: &f64| Sample { cpu_us: Some(*cpu_us), ..Sample::default() };
        let column = |(server, values): &(&str, &[f64])| Column {
            samples: values.iter().map(sample).collect(),
            ..Column::of((*server).to_owned())
        };
        let processors = Processors { server: vec![0], load: vec![1] };
        Found { case, processors, columns: servers.iter().map(column).collect() }
    }

    fn told(found: &Found) -> Vec<String> {
        orders(found).iter().map(Order::told).collect()
    }

    #[test]
    fn overlapping_intervals_are_not_told_apart() {
        let servers: [(&str, &[f64]); 3] = [
            ("pool", &[9.0, 9.1, 9.2, 9.1]),
            ("cores", &[4.0, 4.1, 4.2, 4.1]),
            ("threads", &[8.9, 9.0, 9.3, 8.9]),
        ];
        assert_eq!(told(&found(Case::KeepAlive, &servers)), ["CPU/request: cores < threads ≈ pool"]);
    }

    #[test]
    fn three_rounds_or_one_server_give_no_order() {
        let three: [(&str, &[f64]); 2] = [("a", &[1.0, 1.1, 1.2]), ("b", &[9.0, 9.1, 9.2])];
        assert_eq!(told(&found(Case::KeepAlive, &three)), [""; 0]);
        assert_eq!(told(&found(Case::KeepAlive, &[("a", &[1.0, 1.1, 1.2, 1.3])])), [""; 0]);
    }
}
