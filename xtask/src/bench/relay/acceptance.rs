//! What the plain connections, and those beside them, must get.

use crate::bench::beside::{Load, Scenario};

/// One line of it.
pub(super) struct Line {
    pub(super) scenario: Scenario,
    /// Plain requests a second, as a share of those of scenario a.
    pub(super) ratio_min: Option<f64>,
    /// The 99th percentile of the plain requests, in milliseconds.
    pub(super) p99_max_ms: Option<f64>,
    /// Answers a second of the connection beside that had the fewest.
    pub(super) beside_min: Option<f64>,
}

/// All of it, scenario a first: the others are compared with it.
pub(super) const ACCEPTANCE: [Line; 5] = [
    Line { scenario: Scenario::ALONE, ratio_min: None, p99_max_ms: None, beside_min: None },
    Line {
        scenario: Scenario { letter: 'b', title: "+ 8 on /sleep/100", load: Load::Beside(8, "/sleep/100") },
        ratio_min: Some(0.9),
        p99_max_ms: Some(5.0),
        // Ten answers a second, less 5 %.
        beside_min: Some(9.5),
    },
    Line {
        scenario: Scenario {
            letter: 'c',
            title: "+ 200 on /sleep/100",
            load: Load::Beside(200, "/sleep/100"),
        },
        ratio_min: Some(0.9),
        p99_max_ms: Some(5.0),
        beside_min: Some(9.5),
    },
    Line {
        scenario: Scenario {
            letter: 'd',
            title: "40, of which 1 % /sleep/20",
            load: Load::Mixed("/sleep/20"),
        },
        ratio_min: Some(0.9),
        p99_max_ms: Some(5.0),
        beside_min: None,
    },
    Line {
        scenario: Scenario { letter: 'e', title: "+ 8 on /spin/5000", load: Load::Beside(8, "/spin/5000") },
        ratio_min: Some(0.8),
        p99_max_ms: None,
        // They progress: more than one answer in ten seconds, each.
        beside_min: Some(0.1),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_a_plan_that_can_be_carried_out() {
        for Line { scenario, .. } in &ACCEPTANCE {
            let plan = scenario.plan(([127, 0, 0, 1], 80).into(), std::time::Duration::from_secs(1));
            assert!(plan.check().is_ok(), "{}", scenario.letter);
            assert_eq!(plan.groups[0].mix.paths().next(), Some("/plaintext"));
        }
    }
}
