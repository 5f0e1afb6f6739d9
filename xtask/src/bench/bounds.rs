//! The bounds of the acceptance, and whether corelay keeps them.
//!
//! A bound is missed when the whole 95 % interval lies beyond it, and met when none of it does. In between the run cannot
//! tell, and says so: a longer one (`--pairs`) can.

use super::options::Section;
use super::report::{Measurement, Row};
use super::rounds::{RELAY_OFF, RELAY_ON};
use super::statistics::Estimate;

/// What a bound says of an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    /// The interval holds the bound.
    Open,
    Missed,
}

/// One bound, checked.
#[derive(Debug)]
pub(crate) struct Checked {
    /// What was compared, such as `corelay : floor`.
    pub(crate) what: String,
    pub(crate) found: Estimate,
    pub(crate) at_most: f64,
    pub(crate) verdict: Verdict,
}

impl Checked {
    fn new(what: String, found: Estimate, at_most: f64) -> Self {
        let verdict = match found {
            Estimate { low, .. } if low > at_most => Verdict::Missed,
            Estimate { high, .. } if high > at_most => Verdict::Open,
            _ => Verdict::Met,
        };
        Self { what, found, at_most, verdict }
    }
}

/// Checks the bounds of one section, if corelay was measured in it.
pub(crate) fn check(measurement: &Measurement) -> Vec<Checked> {
    if let (Some(on), Some(off)) = (measurement.row(RELAY_ON), measurement.row(RELAY_OFF)) {
        let found = Estimate::of_ratio(&on.costs, &off.costs);
        return vec![Checked::new(format!("{}, relay on : off", measurement.section.title()), found, 1.02)];
    }
    let Some(corelay) = measurement.row("corelay") else { return Vec::new() };
    if measurement.section == Section::Idle {
        let found = Estimate::of(&corelay.costs);
        return vec![Checked::new("corelay, bytes per idle connection".into(), found, 256.0)];
    }
    let bounds: &[(&str, f64)] = match measurement.section {
        Section::KeepAlive => {
            &[("floor", 1.05), ("hyper", 1.0), ("actix", 1.0), ("nginx", 1.0), ("may", 1.0)]
        }
        Section::Pipelined => &[("floor", 1.10)],
        Section::Close => &[("nginx", 1.0), ("h2o", 1.0)],
        Section::Idle | Section::AcceptKeepAlive | Section::AcceptClose => &[],
    };
    let ratio = |to: &Row| Estimate::of_ratio(&corelay.costs, &to.costs);
    bounds
        .iter()
        .filter_map(|&(name, at_most)| {
            let found = ratio(measurement.row(name)?);
            Some(Checked::new(format!("{}, corelay : {name}", measurement.section.title()), found, at_most))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(low: f64, high: f64) -> Verdict {
        Checked::new(String::new(), Estimate { median: low, low, high }, 1.05).verdict
    }

    #[test]
    fn a_bound_is_missed_only_by_the_whole_interval() {
        assert_eq!(verdict(1.06, 1.09), Verdict::Missed);
        assert_eq!(verdict(1.05, 1.09), Verdict::Open);
        assert_eq!(verdict(1.01, 1.05), Verdict::Met);
    }

    #[test]
    fn the_monitor_may_cost_two_percent() {
        let row = |label, cost| Row { costs: vec![cost; 3], ..Row::new(label, "") };
        let rows = vec![row(RELAY_OFF, 10.0), row(RELAY_ON, 10.3)];
        let checked = check(&Measurement { section: Section::KeepAlive, load: String::new(), rows });
        assert_eq!((checked.len(), checked[0].verdict), (1, Verdict::Missed));
    }

    #[test]
    fn only_what_was_measured_is_checked() {
        let row = |label, cost| Row { costs: vec![cost; 3], ..Row::new(label, "") };
        let mut measurement = Measurement {
            section: Section::Close,
            load: String::new(),
            rows: vec![row("corelay", 30.0), row("h2o", 40.0)],
        };
        let checked = check(&measurement);
        assert_eq!(checked.len(), 1);
        assert_eq!((checked[0].found.median, checked[0].verdict), (0.75, Verdict::Met));
        measurement.rows.remove(0);
        assert!(check(&measurement).is_empty());
    }
}
