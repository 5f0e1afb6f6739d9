//! The figures, and the bound they are to keep.

use std::fmt;

use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;

use super::options::Options;
use super::{CONNECTIONS, Doubts, Round, Sample};

/// The client's p99 beside an attack over that alone, the median of the rounds.
const TIMES_ALONE_MAX: f64 = 2.0;

/// Which of a round's measurements.
type Kind = fn(&Round) -> &Sample;

/// All that was measured.
pub(super) struct Table {
    pub(super) machine: Machine,
    pub(super) version: String,
    pub(super) commands: Vec<String>,
    pub(super) options: Options,
    pub(super) rows: Vec<Row>,
}

/// The rounds of one engine and attack.
pub(super) struct Row {
    pub(super) engine: &'static str,
    pub(super) attack: &'static str,
    pub(super) rounds: Vec<Round>,
}

impl Row {
    /// A figure of the samples of one kind.
    fn figures(&self, kind: Kind, figure: fn(&Sample) -> f64) -> Vec<f64> {
        self.rounds.iter().map(|round| figure(kind(round))).collect()
    }

    fn median(&self, kind: Kind, figure: fn(&Sample) -> f64) -> f64 {
        Estimate::of(&self.figures(kind, figure)).median
    }

    /// p99 as a multiple of that alone in the same round.
    fn times_alone(&self, kind: Kind) -> Estimate {
        let p99 = |kind| self.figures(kind, |sample| sample.p99_ms);
        Estimate::of_ratio(&p99(kind), &p99(|round| &round.alone))
    }

    /// What the rule is on: when the attack is over, if the server is to end it.
    fn judged(&self) -> &'static str {
        if self.rounds.iter().all(|round| round.after.is_some()) { "ended" } else { "attacked" }
    }

    fn is_kept(&self) -> bool {
        let judged: Kind = |round| round.after.as_ref().map_or(&round.attacked, |after| &after.sample);
        self.times_alone(judged).median <= TIMES_ALONE_MAX
    }

    fn verdict(&self) -> &'static str {
        if self.is_kept() { "kept" } else { "MISSED" }
    }

    /// What became of the attack in each round, where the server is to end it.
    fn write_ends(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rounds =
            self.rounds.iter().filter_map(|round| Some((round, round.after.as_ref()?))).peekable();
        if rounds.peek().is_some() {
            writeln!(
                out,
                "\n{} on {}: the kernel's memory for TCP, and how connections ended",
                self.attack, self.engine
            )?;
        }
        rounds.try_for_each(|(round, after)| {
            write!(out, "  {} MiB, then {} MiB:", round.kernel_mib, after.kernel_mib)?;
            after.closes.iter().try_for_each(|(reason, count)| write!(out, " {reason} {count}"))?;
            writeln!(out)
        })
    }

    fn slow(&self) -> u64 {
        self.rounds.iter().map(|round| round.slow).min().unwrap_or_default()
    }
}

impl Table {
    /// How many attacks the client feels more than it may.
    pub(super) fn missed(&self) -> usize {
        self.rows.iter().filter(|row| !row.is_kept()).count()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { engine, attack, .. } = self;
        let mut kinds: Vec<(_, Kind)> = vec![
            ("alone", |round| &round.alone),
            ("attacked", |round| &round.attacked),
            ("control", |round| &round.control),
        ];
        if self.judged() == "ended" {
            kinds
                .push(("ended", |round| round.after.as_ref().map_or(&round.attacked, |after| &after.sample)));
        }
        for (name, kind) in kinds {
            let figures: [fn(&Sample) -> f64; 3] =
                [|sample| sample.p50_ms, |sample| sample.p99_ms, |sample| sample.max_ms];
            let [p50, p99, max] = figures.map(|figure| self.median(kind, figure));
            write!(out, "{engine:8} {attack:7} {name:9} {p50:8.3} {p99:8.3} {max:8.2}  ")?;
            match name {
                "alone" => writeln!(out)?,
                _ if name == self.judged() => {
                    writeln!(out, "{:20} {}", self.times_alone(kind).to_string(), self.verdict())?
                }
                _ => writeln!(out, "{}", self.times_alone(kind))?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { rounds, connections, rate, duration, .. } = &self.options;
        writeln!(out, "corelay {}, {}", self.version, self.machine.date())?;
        self.commands.iter().try_for_each(|command| writeln!(out, "  {command}"))?;
        let slow = self.rows.iter().map(Row::slow).min().unwrap_or_default();
        writeln!(
            out,
            "{CONNECTIONS} connections, {rate} requests/s, beside {connections} slow ones ({slow} at the least were open \
             while it was attacked); medians of {rounds} rounds, {duration:?} each\n"
        )?;
        writeln!(
            out,
            "engine   attack  server      p50 ms   p99 ms   max ms  p99 over alone (at most {TIMES_ALONE_MAX})"
        )?;
        self.rows.iter().try_for_each(|row| write!(out, "{row}"))?;
        self.rows.iter().try_for_each(|row| row.write_ends(out))?;
        let rounds = self.rows.iter().flat_map(|row| &row.rounds);
        let samples = rounds.flat_map(|round| {
            let after = round.after.as_ref().map(|after| &after.sample);
            [&round.alone, &round.attacked, &round.control].into_iter().chain(after)
        });
        let doubts = Doubts::told(samples.map(|sample| &sample.doubts));
        if doubts.is_empty() { Ok(()) } else { writeln!(out, "\nin doubt: {doubts}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::slow::After;

    fn sample(p99_ms: f64) -> Sample {
        Sample { p50_ms: 0.1, p99_ms, max_ms: 9.0, doubts: Doubts::default() }
    }

    fn row(p99: &[(f64, f64)]) -> Row {
        let round = |&(alone, attacked): &(f64, f64)| Round {
            alone: sample(alone),
            attacked: sample(attacked),
            control: sample(attacked),
            after: None,
            kernel_mib: 100,
            slow: 10_000,
        };
        Row { engine: "cores", attack: "heads", rounds: p99.iter().map(round).collect() }
    }

    #[test]
    fn where_the_server_is_to_end_the_attack_the_bound_is_on_what_follows() {
        let mut row = row(&[(1.0, 9.0)]);
        assert!(!row.is_kept());
        let closes = [("write_too_slow".to_owned(), 10_000)].into();
        row.rounds[0].after = Some(After { sample: sample(1.5), kernel_mib: 1, closes });
        assert!(row.is_kept());
        let shown = row.to_string();
        assert!(
            shown.lines().last().is_some_and(|line| line.contains("ended") && line.ends_with("kept")),
            "{shown}"
        );
    }

    #[test]
    fn the_bound_is_on_the_median_of_rounds_and_the_control_excuses_nothing() {
        assert!(row(&[(1.0, 1.9), (1.0, 9.0), (3.0, 3.0)]).is_kept());
        assert!(!row(&[(1.0, 2.1), (1.0, 9.0), (3.0, 3.0)]).is_kept());
    }

    #[test]
    fn a_row_shows_what_was_measured_of_each_kind() {
        let shown = row(&[(0.2, 0.5)]).to_string();
        assert!(shown.contains("MISSED") && shown.contains("2.50 [2.50, 2.50]"), "{shown}");
    }
}
