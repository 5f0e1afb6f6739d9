//! The table of the limits, what is wrong, and both as JSON.

use std::fmt;

use serde_json::{Value, json};

use super::limit::Limit;
use super::{Answers, Step, Swept};
use crate::bench::report::{without_ports, write_table};
use corelay_load::machine::Machine;

/// All that was found.
pub(super) struct Table {
    pub(super) machine: Machine,
    pub(super) version: String,
    /// Connections that were added at a time.
    pub(super) step: usize,
    pub(super) client: String,
    pub(super) swept: Vec<(Limit, Swept)>,
}

impl fmt::Display for Answers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { held, refused, failed } = self;
        write!(out, "{held} served, {refused} × 503")?;
        if *failed > 0 {
            write!(out, ", {failed} failed")?;
        }
        Ok(())
    }
}

impl Answers {
    fn json(self) -> Value {
        let Self { held, refused, failed } = self;
        json!({ "held": held, "refused": refused, "failed": failed })
    }
}

impl Swept {
    fn row(&self, limit: Limit) -> [String; 8] {
        let last = self.steps.last();
        let held = last.map_or(0, |step| step.held);
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let footprint = last.map(|step| step.footprint).unwrap_or_default();
        let beyond = if self.named.is_some() { self.beyond.to_string() } else { "–".into() };
        [
            limit.name().to_owned(),
            held.to_string(),
            last.map_or_else(String::new, |step| step.answers.to_string()),
            self.named.clone().unwrap_or_else(|| "none: descriptors ended first".into()),
            format!(
                "{:.1} + {:.1} + {:.1} = {:.1}",
                megabytes(footprint.resident),
                megabytes(footprint.kernel_stacks()),
                megabytes(footprint.page_tables),
                megabytes(footprint.sum())
            ),
            format!("{:.2} / {}", footprint.address_space as f64 / 1e9, footprint.threads),
            beyond,
            self.again.to_string(),
        ]
    }

    /// What it should have done and did not.
    fn faults(&self, limit: Limit, step: usize) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |what: String| faults.push(format!("{}: {what}", limit.name()));
        let refused = self.steps.last().is_some_and(|last| last.answers.held < step);
        match (&self.named, limit.expected()) {
            (None, Some(expected)) => {
                fault(format!("{expected} was not reached, or the log does not name it"))
            }
            (None, None) if refused => fault("the log does not name the limit".into()),
            (Some(named), Some(expected)) if named != expected => {
                fault(format!("the log names {named} and not {expected}"));
            }
            _ => {}
        }
        if self.named.is_some() && self.beyond.held > 0 {
            fault(format!("beyond the limit: {}", self.beyond));
        }
        let failed = self.steps.iter().map(|step| step.answers.failed).sum::<usize>() + self.beyond.failed;
        if failed > 0 {
            fault(format!("{failed} connections had neither an answer nor a 503"));
        }
        if self.again.held < step {
            fault(format!("it does not serve again when the load has fallen: {}", self.again));
        }
        faults
    }

    fn json(&self, limit: Limit) -> Value {
        let step = |step: &Step| json!({ "held": step.held, "answers": step.answers.json(), "memory": step.footprint.json() });
        json!({
            "limit": limit.name(), "command": self.command, "named": self.named,
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
            "beyond": self.beyond.json(), "again": self.again.json(),
        })
    }
}

impl Table {
    /// What the servers should have done and did not.
    pub(super) fn faults(&self) -> Vec<String> {
        self.swept.iter().flat_map(|(limit, swept)| swept.faults(*limit, self.step)).collect()
    }

    /// All of it, with every step.
    pub(super) fn json(&self) -> Value {
        json!({
            "machine": self.machine.json(), "corelay": self.version, "step": self.step, "client": self.client,
            "swept": self.swept.iter().map(|(limit, swept)| swept.json(*limit)).collect::<Vec<_>>(),
            "faults": self.faults(),
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\ncorelay {}, --engine threads\n", self.machine, self.version)?;
        let heads = [
            "limit",
            "held at most",
            "the last step",
            "the log names",
            "MB: resident + kernel stacks + page tables",
            "GB virtual / threads",
            "a step beyond",
            "a step when half had left",
        ];
        let rows = self.swept.iter().map(|(limit, swept)| swept.row(*limit)).collect();
        write_table(out, heads.map(String::from), rows)?;
        writeln!(out, "\nNo connection that was held was lost. Steps of {}:", self.step)?;
        self.swept.iter().try_for_each(|(_, swept)| writeln!(out, "  {}", without_ports(&swept.command)))?;
        writeln!(out, "  {}", self.client)?;
        self.faults().iter().try_for_each(|fault| writeln!(out, "FAULT {fault}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use corelay_load::process::footprint::Footprint;

    fn swept(named: Option<&str>, again: usize) -> Swept {
        let answers = |held, refused| Answers { held, refused, failed: 0 };
        let last = Step { answers: answers(300, 200), held: 800, footprint: Footprint::default() };
        Swept {
            steps: vec![last],
            named: named.map(String::from),
            beyond: answers(0, 500),
            again: answers(again, 500 - again),
            ..Swept::default()
        }
    }

    #[test]
    fn a_limit_must_be_named_rightly_and_the_server_must_serve_again() {
        let faults = |limit, swept: &Swept| swept.faults(limit, 500).len();
        assert_eq!(faults(Limit::AddressSpace, &swept(Some("RLIMIT_AS"), 500)), 0);
        assert_eq!(faults(Limit::Machine, &swept(Some("vm.max_map_count"), 500)), 0);
        assert_eq!(faults(Limit::Processes, &swept(Some("RLIMIT_AS"), 500)), 1);
        assert_eq!(faults(Limit::Machine, &swept(None, 500)), 1);
        assert_eq!(faults(Limit::AddressSpace, &swept(Some("RLIMIT_AS"), 499)), 1);
    }
}
