//! `--fail-on`: conditions on what was found, for scripts.

use std::fmt;
use std::time::Duration;

use corelay_load::GroupReport;

use super::error::LoadError;
use super::units::time;
use crate::settings::value;

const EXPECTED: &str = "conditions separated by commas, each of p50, p75, p90, p99, p99.9, p99.99, mean, max (with a duration), errors \
     (with a number or a share, such as 0.1%) or rate (answers a second), and >, >=, < or <=: 'p99>50ms,errors>0'";

/// Fails a run if it holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    text: String,
    of: Figure,
    is: Comparison,
    bound: f64,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Figure {
    /// Seconds, at a quantile.
    Quantile(f64),
    Mean,
    /// A number of requests, and the share of all that it is.
    Errors,
    ErrorShare,
    Rate,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// Longer ones first: `>=` begins with `>`.
const COMPARISONS: [(&str, Comparison); 4] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    (">", Comparison::Above),
    ("<", Comparison::Below),
];

const QUANTILES: [(&str, f64); 7] = [
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
    ("max", 1.0),
];

impl Condition {
    /// Reads all that are separated by commas.
    pub(super) fn read_all(text: &str) -> Result<Vec<Self>, LoadError> {
        let read = |part: &str| Self::read(part.trim());
        let all: Option<Vec<_>> = text.split(',').map(read).collect();
        all.ok_or_else(|| LoadError::invalid("--fail-on", text, EXPECTED))
    }

    fn read(text: &str) -> Option<Self> {
        let split = |(sign, is)| Some((text.split_once(sign)?, is));
        let ((name, bound), is) = COMPARISONS.into_iter().find_map(split)?;
        let (name, bound) = (name.trim(), bound.trim());
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            text.parse::<f64>().ok().filter(|_| plain)
        };
        let (of, bound) = match (name, bound.strip_suffix('%')) {
            ("errors", Some(share)) => (Figure::ErrorShare, number(share)? / 100.0),
            ("errors", None) => (Figure::Errors, number(bound)?),
            ("rate", None) => (Figure::Rate, number(bound)?),
            ("mean", None) => (Figure::Mean, value::duration(bound)?.as_secs_f64()),
            _ => {
                let quantile = QUANTILES.iter().find(|(known, _)| *known == name)?.1;
                (Figure::Quantile(quantile), value::duration(bound)?.as_secs_f64())
            }
        };
        Some(Self { text: text.to_owned(), of, is, bound })
    }

    /// What was found, if the condition holds.
    pub(super) fn holds(&self, found: &GroupReport) -> Option<Held> {
        let total = &found.total;
        let figure = match self.of {
            Figure::Quantile(quantile) => found.distribution.quantile(quantile).as_secs_f64(),
            Figure::Mean => found.distribution.mean().as_secs_f64(),
            Figure::Errors => total.errors.total() as f64,
            Figure::ErrorShare => total.errors.total() as f64 / (total.requests.max(1)) as f64,
            Figure::Rate => total.per_second,
        };
        let holds = match self.is {
            Comparison::Above => figure > self.bound,
            Comparison::AtLeast => figure >= self.bound,
            Comparison::Below => figure < self.bound,
            Comparison::AtMost => figure <= self.bound,
        };
        let shown = match self.of {
            Figure::Quantile(_) | Figure::Mean => time(Duration::from_secs_f64(figure)),
            Figure::ErrorShare => format!("{:.3} %", figure * 100.0),
            Figure::Errors | Figure::Rate => format!("{figure:.0}"),
        };
        holds.then(|| Held { condition: self.text.clone(), found: shown })
    }
}

/// A condition that holds.
#[derive(Debug, PartialEq)]
pub(super) struct Held {
    pub(super) condition: String,
    pub(super) found: String,
}

impl fmt::Display for Held {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: it is {}", self.condition, self.found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;
    use serde_json::json;

    fn found() -> GroupReport {
        let errors = json!({ "connect": 2, "reset": 0, "timeout": 0, "bad_status": 0, "bad_framing": 0, "unanswered": 0 });
        let latency = json!({ "count": 0, "p50": 0.0, "p90": 0.0, "p99": 0.0, "p99_9": 0.0, "max": 0.0 });
        let total = json!({
            "requests": 1000, "answered": 998, "errors": errors, "per_second": 99.8, "body_bytes": 0, "latency": latency
        });
        let report = json!({
            "name": "load", "total": total, "paths": [], "slowest_connection_per_second": 0.0,
            "distribution": [[1_000_000, 990], [60_000_000, 10]],
        });
        serde_json::from_value(report).unwrap()
    }

    #[test]
    fn what_holds_says_what_was_found() {
        let held = |text: &str| -> Vec<String> {
            let all = Condition::read_all(text).unwrap();
            all.iter()
                .filter_map(|condition| condition.holds(&found()))
                .map(|held| held.to_string())
                .collect()
        };
        assert_eq!(held("p99>50ms,errors>2,errors>0.2%,rate<99"), [""; 0]);
        assert_eq!(held("p99.9 > 50ms , errors>0"), ["p99.9 > 50ms: it is 60.03 ms", "errors>0: it is 2"]);
        assert_eq!(held("errors>=0.2%,rate<=100").len(), 2);
        assert_eq!(held("max>=1s,p50<=2ms"), ["p50<=2ms: it is 1.00 ms"]);
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in [
            "",
            "p99",
            "p99>",
            "p99>50",
            "p98>1ms",
            "errors>-1",
            "errors>1e3",
            "rate>5%",
            "p99>1ms,,",
            "p99=1ms",
        ] {
            // A plain number is seconds, as everywhere.
            assert_eq!(Condition::read_all(text).is_ok(), text == "p99>50", "{text}");
        }
    }
}
