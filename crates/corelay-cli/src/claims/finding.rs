//! What was found of a claim: what it would take to hold, what was seen, and the verdict that follows.
//!
//! Plain data: what is written as JSON is what pages are made from.

use std::time::Duration;

use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;
use serde::{Deserialize, Serialize};

use super::experiments::Claim;
use super::setup::Setup;

/// Everything that was found, with where and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// IMF-fixdate (RFC 9110 section 5.6.7).
    pub(super) date: String,
    /// What was typed.
    pub(super) command: String,
    pub(super) corelay: String,
    /// The machine, in words and as fields.
    pub(super) machine: String,
    pub(super) machine_fields: serde_json::Value,
    pub(super) server_cpus: Vec<usize>,
    pub(super) load_cpus: Vec<usize>,
    /// How many times the usual time each experiment took.
    pub(super) scale: f64,
    pub(super) findings: Vec<Finding>,
}

/// A claim and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Finding {
    pub(super) number: u8,
    pub(super) claim: String,
    pub(super) source: String,
    pub(super) verdict: Verdict,
    pub(super) evidence: Evidence,
    /// How long the experiment took.
    pub(super) seconds: f64,
}

/// What an experiment saw.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Evidence {
    /// How it was done, in a sentence or two.
    pub(super) conditions: String,
    /// The processes that took part.
    pub(super) commands: Vec<String>,
    /// What the claim says, part by part.
    pub(super) checks: Vec<Check>,
    pub(super) tables: Vec<Table>,
    /// What to know of the figures.
    pub(super) notes: Vec<String>,
}

/// One part of a claim against what was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Check {
    /// What would be seen if the claim holds.
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Holds,
    Fails,
    /// The machine does not allow to say, or the figures are too noisy.
    Unknown,
}

/// What is to be said of a claim on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Reproduced,
    Refuted,
    NotTestable,
}

/// Figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Table {
    pub(super) title: String,
    pub(super) origin: Origin,
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// Where figures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    Measured,
    Simulated,
}

impl Claims {
    /// A run that begins now.
    pub(super) fn begin(setup: &Setup, machine: &Machine) -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        Self {
            date: machine.date().to_owned(),
            command: format!("corelay {}", words.join(" ")),
            corelay: env!("CARGO_PKG_VERSION").to_owned(),
            machine: machine.to_string(),
            machine_fields: machine.json(),
            server_cpus: setup.server_cpus.clone(),
            load_cpus: setup.load_cpus.clone(),
            scale: setup.scale,
            findings: Vec::new(),
        }
    }

    /// Notes what others used of the machine meanwhile.
    pub(super) fn finish(&mut self, mut machine: Machine) {
        machine.finish();
        (self.machine, self.machine_fields) = (machine.to_string(), machine.json());
    }
}

impl Finding {
    /// Judges the evidence.
    pub(super) fn new(claim: &Claim, evidence: Evidence, time: Duration) -> Self {
        Self {
            number: claim.number,
            claim: claim.said.to_owned(),
            source: claim.source.to_owned(),
            verdict: Verdict::of(&evidence.checks),
            evidence,
            seconds: time.as_secs_f64(),
        }
    }
}

impl Evidence {
    /// Of an experiment that could not be carried out.
    pub(super) fn failed(error: &anyhow::Error) -> Self {
        let check = Check::new("the experiment can be carried out", format!("{error:#}"), Outcome::Unknown);
        Self { checks: vec![check], ..Self::default() }
    }
}

impl Check {
    pub(super) fn new(expected: impl Into<String>, found: impl Into<String>, outcome: Outcome) -> Self {
        Self { expected: expected.into(), found: found.into(), outcome }
    }

    /// A part that was seen, or was seen not to be so.
    pub(super) fn plain(expected: impl Into<String>, found: impl Into<String>, holds: bool) -> Self {
        Self::new(expected, found, if holds { Outcome::Holds } else { Outcome::Fails })
    }
}

impl Check {
    /// A figure that is to be below a bound: its whole interval, or it cannot be said.
    pub(super) fn below(expected: impl Into<String>, found: Estimate, bound: f64) -> Self {
        let outcome = match () {
            () if found.high < bound => Outcome::Holds,
            () if found.low >= bound => Outcome::Fails,
            () => Outcome::Unknown,
        };
        Self::new(expected, shown(found), outcome)
    }

    /// Of a run that others disturbed: it cannot refute.
    pub(super) fn excuse(&mut self) {
        if self.outcome == Outcome::Fails {
            self.outcome = Outcome::Unknown;
            self.found.push_str("; but other processes had the load driver's processor meanwhile");
        }
    }

    /// A figure that is to be above a bound.
    pub(super) fn above(expected: impl Into<String>, found: Estimate, bound: f64) -> Self {
        let outcome = match () {
            () if found.low > bound => Outcome::Holds,
            () if found.high <= bound => Outcome::Fails,
            () => Outcome::Unknown,
        };
        Self::new(expected, shown(found), outcome)
    }
}

/// Words that begin a sentence.
pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `0.93 [0.91–0.96]`, to three digits.
pub(super) fn shown(estimate: Estimate) -> String {
    let Estimate { median, low, high } = estimate;
    let digits = if median >= 100.0 {
        0
    } else if median >= 10.0 {
        1
    } else {
        2
    };
    format!("{median:.digits$} [{low:.digits$}–{high:.digits$}]")
}

impl Outcome {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "does not hold",
            Self::Unknown => "cannot be said",
        }
    }
}

impl Verdict {
    /// One part that does not hold refutes the whole, whatever else could not be seen; without it, one part that could not be
    /// seen leaves the whole open.
    pub(super) fn of(checks: &[Check]) -> Self {
        let any = |outcome| checks.iter().any(|check| check.outcome == outcome);
        if any(Outcome::Fails) {
            Self::Refuted
        } else if checks.is_empty() || any(Outcome::Unknown) {
            Self::NotTestable
        } else {
            Self::Reproduced
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::Refuted => "refuted",
            Self::NotTestable => "not testable here",
        }
    }
}

impl Table {
    pub(super) fn measured(title: impl Into<String>, heads: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self::new(title, Origin::Measured, heads, rows)
    }

    pub(super) fn simulated(title: impl Into<String>, heads: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self::new(title, Origin::Simulated, heads, rows)
    }

    fn new(title: impl Into<String>, origin: Origin, heads: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self { title: title.into(), origin, heads: heads.iter().map(|&head| head.to_owned()).collect(), rows }
    }
}

impl Origin {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Simulated => "simulated",
        }
    }
}

/// One claim with everything that can be in it, for tests of what shows it.
#[cfg(test)]
pub(super) fn sample() -> Claims {
    let rows = vec![vec!["a|b".to_owned(), "0.9".to_owned()]];
    let evidence = Evidence {
        conditions: "Two <servers>.".to_owned(),
        commands: vec!["corelay serve".to_owned()],
        checks: vec![
            Check::plain("more is answered", "1.5 times", true),
            Check::new("p99 is below", "0.9 [0.8–1.1]", Outcome::Unknown),
        ],
        tables: vec![Table::simulated("eight cores", &["placement", "mean ms"], rows)],
        notes: vec!["A note.".to_owned()],
    };
    let finding = Finding {
        number: 5,
        claim: "it is so".to_owned(),
        source: "somebody".to_owned(),
        verdict: Verdict::of(&evidence.checks),
        evidence,
        seconds: 12.0,
    };
    Claims {
        date: "Sun, 06 Nov 1994 08:49:37 GMT".to_owned(),
        command: "corelay compare claims".to_owned(),
        corelay: "0.1.0".to_owned(),
        machine: "Linux 6, 2 CPUs".to_owned(),
        machine_fields: serde_json::json!({ "cpus": 2 }),
        server_cpus: vec![0],
        load_cpus: vec![1],
        scale: 1.0,
        findings: vec![finding],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_json_is_read_back() {
        let text = serde_json::to_string(&sample()).expect("plain data");
        assert_eq!(serde_json::from_str::<Claims>(&text).expect("as it was written"), sample());
    }

    fn verdict(outcomes: &[Outcome]) -> Verdict {
        let checks: Vec<_> = outcomes.iter().map(|&outcome| Check::new("", "", outcome)).collect();
        Verdict::of(&checks)
    }

    #[test]
    fn one_part_that_fails_refutes_and_one_that_is_unknown_leaves_it_open() {
        use Outcome::{Fails, Holds, Unknown};
        assert_eq!(verdict(&[Holds, Holds]), Verdict::Reproduced);
        assert_eq!(verdict(&[Holds, Unknown]), Verdict::NotTestable);
        assert_eq!(verdict(&[Unknown, Fails, Holds]), Verdict::Refuted);
        assert_eq!(verdict(&[]), Verdict::NotTestable, "nothing was looked at");
    }

    #[test]
    fn an_interval_around_the_bound_says_nothing() {
        let estimate = |low, high| Estimate { median: f64::midpoint(low, high), low, high };
        let below = |low, high| Check::below("", estimate(low, high), 1.0).outcome;
        let above = |low, high| Check::above("", estimate(low, high), 1.0).outcome;
        assert_eq!(
            [below(0.8, 0.9), below(0.9, 1.1), below(1.1, 1.2)],
            [Outcome::Holds, Outcome::Unknown, Outcome::Fails]
        );
        assert_eq!(
            [above(0.8, 0.9), above(0.9, 1.1), above(1.1, 1.2)],
            [Outcome::Fails, Outcome::Unknown, Outcome::Holds]
        );
        assert_eq!(shown(estimate(0.8, 0.9)), "0.85 [0.80–0.90]");
    }

    #[test]
    fn an_experiment_that_fails_is_not_testable_and_says_why() {
        let evidence = Evidence::failed(&anyhow::anyhow!("no descriptors"));
        assert_eq!(Verdict::of(&evidence.checks), Verdict::NotTestable);
        assert_eq!(evidence.checks[0].found, "no descriptors");
    }
}
