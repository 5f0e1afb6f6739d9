//! The figures, and the bounds they are to keep.

use std::fmt;

use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;

use super::attack::Attack;
use super::options::Options;
use super::{Doubts, Sample};

/// The client's p99 beside an attack over that alone.
const TIMES_ALONE_MAX: f64 = 2.0;
/// The same over that beside the control: where the machine itself is slower for the attack, this is the server's part.
const TIMES_CONTROL_MAX: f64 = 1.5;

/// All that was measured.
pub(super) struct Table {
    pub(super) machine: Machine,
    pub(super) version: String,
    pub(super) commands: [String; 2],
    pub(super) options: Options,
    /// For each, the samples alone, attacked and of the control.
    pub(super) attacks: Vec<(&'static Attack, [Vec<Sample>; 3])>,
}

fn median(samples: &[Sample], figure: fn(&Sample) -> f64) -> f64 {
    Estimate::of(&samples.iter().map(figure).collect::<Vec<_>>()).median
}

/// p99 attacked, as a multiple of alone and of the control.
fn times(samples: &[Vec<Sample>; 3]) -> [f64; 2] {
    let [alone, attacked, control] = [0, 1, 2].map(|kind| median(&samples[kind], |sample| sample.p99_ms));
    [attacked / alone, attacked / control]
}

fn is_kept([alone, control]: [f64; 2]) -> bool {
    alone <= TIMES_ALONE_MAX || control <= TIMES_CONTROL_MAX
}

impl Table {
    /// How many attacks the client feels more than it may.
    pub(super) fn missed(&self) -> usize {
        self.attacks.iter().filter(|(_, samples)| !is_kept(times(samples))).count()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { rounds, connections, rate, duration, engine } = &self.options;
        writeln!(out, "corelay {} ({engine}), {}", self.version, self.machine.date())?;
        self.commands.iter().try_for_each(|command| writeln!(out, "  {command}"))?;
        writeln!(
            out,
            "32 connections, {rate} requests/s, beside {connections} slow ones; medians of {rounds} runs of {duration:?}\n"
        )?;
        writeln!(out, "attack  beside          p50 ms   p99 ms   max ms  answered  slow open")?;
        for (attack, samples) in &self.attacks {
            for (beside, samples) in ["nothing", "the attack", "the control"].iter().zip(samples) {
                let figure = |figure| median(samples, figure);
                writeln!(
                    out,
                    "{:7} {beside:12} {:9.3}{:9.3}{:9.2}{:10.0}{:11.0}",
                    attack.name,
                    figure(|sample| sample.p50_ms),
                    figure(|sample| sample.p99_ms),
                    figure(|sample| sample.max_ms),
                    figure(|sample| sample.answered as f64),
                    figure(|sample| sample.slow as f64)
                )?;
            }
        }
        writeln!(out)?;
        for (attack, samples) in &self.attacks {
            let [alone, control] = times(samples);
            let verdict = match is_kept([alone, control]) {
                true if alone <= TIMES_ALONE_MAX => "kept",
                true => "kept as far as the server goes: the machine itself is that much slower",
                false => "MISSED",
            };
            writeln!(
                out,
                "{}: p99 {alone:.2} x alone (at most {TIMES_ALONE_MAX}), {control:.2} x the control: {verdict}",
                attack.name
            )?;
        }
        let all = self.attacks.iter().flat_map(|(_, samples)| samples.iter().flatten());
        let doubts = Doubts::told(all.map(|sample| &sample.doubts));
        if doubts.is_empty() { Ok(()) } else { writeln!(out, "in doubt: {doubts}") }
    }
}

#[cfg(test)]
mod tests {
    use super::is_kept;

    #[test]
    fn a_bound_is_missed_by_the_server_and_not_by_the_machine() {
        assert!(is_kept([1.9, 1.9]) && is_kept([8.0, 1.1]));
        assert!(!is_kept([2.5, 2.0]));
    }
}
