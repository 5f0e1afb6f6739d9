//! The bounds of the acceptance, and whether corelay keeps them.
//!
//! A bound is missed when the whole 95 % interval lies beyond it, and met when none of it does. In between the run cannot
//! tell, and says so: a longer one (`--pairs`) can.

use std::fmt;

use serde_json::{Value, json};

use super::options::Section;
use super::report::{Measurement, Row};
use super::rounds::{RELAY_OFF, RELAY_ON};
use corelay_load::statistics::Estimate;

/// What a bound says of an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    /// The interval holds the bound.
    Open,
    Missed,
}

/// What a figure must keep to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// From the first to the second.
    Within(f64, f64),
}

/// One bound, checked.
#[derive(Debug)]
pub(crate) struct Checked {
    /// What was compared, such as `corelay : floor`.
    pub(crate) what: String,
    pub(crate) found: Estimate,
    pub(crate) bound: Bound,
    pub(crate) verdict: Verdict,
}

impl Bound {
    fn verdict(self, found: Estimate) -> Verdict {
        let (least, most) = match self {
            Self::AtLeast(least) => (least, f64::INFINITY),
            Self::AtMost(most) => (f64::NEG_INFINITY, most),
            Self::Within(least, most) => (least, most),
        };
        if found.low >= least && found.high <= most {
            Verdict::Met
        } else if found.high < least || found.low > most {
            Verdict::Missed
        } else {
            Verdict::Open
        }
    }
}

impl Checked {
    pub(crate) fn new(what: String, found: Estimate, bound: Bound) -> Self {
        Self { what, found, bound, verdict: bound.verdict(found) }
    }

    pub(crate) fn is_missed(&self) -> bool {
        self.verdict == Verdict::Missed
    }

    /// The same for a file.
    pub(crate) fn json(&self) -> Value {
        let Self { what, found: Estimate { median, low, high }, bound, verdict } = self;
        json!({
            "what": what, "median": median, "low": low, "high": high,
            "bound": bound.to_string(), "verdict": format!("{verdict:?}"),
        })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(out, "at least {least}"),
            Self::AtMost(most) => write!(out, "at most {most}"),
            Self::Within(least, most) => write!(out, "from {least} to {most}"),
        }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, found: Estimate { median, low, high }, bound, verdict } = self;
        let verdict = match verdict {
            Verdict::Met => "met",
            Verdict::Open => "not missed, but the interval holds the bound",
            Verdict::Missed => "MISSED",
        };
        write!(out, "{what}: {median:.3} [{low:.3}, {high:.3}], {bound}: {verdict}")
    }
}

/// Checks the bounds of one section, if corelay was measured in it.
pub(crate) fn check(measurement: &Measurement) -> Vec<Checked> {
    if let (Some(on), Some(off)) = (measurement.row(RELAY_ON), measurement.row(RELAY_OFF)) {
        let found = Estimate::of_ratio(&on.costs, &off.costs);
        return vec![Checked::new(
            format!("{}, relay on : off", measurement.section.title()),
            found,
            Bound::AtMost(1.02),
        )];
    }
    let Some(corelay) = measurement.row("corelay") else { return Vec::new() };
    if measurement.section == Section::Idle {
        let found = Estimate::of(&corelay.costs);
        return vec![Checked::new("corelay, bytes per idle connection".into(), found, Bound::AtMost(256.0))];
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
            let what = format!("{}, corelay : {name}", measurement.section.title());
            Some(Checked::new(what, found, Bound::AtMost(at_most)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(low: f64, high: f64) -> Verdict {
        Bound::AtMost(1.05).verdict(Estimate { median: low, low, high })
    }

    #[test]
    fn a_bound_is_missed_only_by_the_whole_interval() {
        assert_eq!(verdict(1.06, 1.09), Verdict::Missed);
        assert_eq!(verdict(1.05, 1.09), Verdict::Open);
        assert_eq!(verdict(1.01, 1.05), Verdict::Met);
    }

    #[test]
    fn a_bound_below_and_one_above_are_both_kept_by_the_whole_interval() {
        let found = Estimate { median: 2.0, low: 1.0, high: 3.0 };
        assert_eq!(Bound::AtLeast(1.0).verdict(found), Verdict::Met);
        assert_eq!(Bound::AtLeast(2.5).verdict(found), Verdict::Open);
        assert_eq!(Bound::AtLeast(3.5).verdict(found), Verdict::Missed);
        assert_eq!(Bound::AtMost(3.0).verdict(found), Verdict::Met);
        assert_eq!(Bound::AtMost(0.5).verdict(found), Verdict::Missed);
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
