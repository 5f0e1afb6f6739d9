//! The comparison as text: for each load a table with a column for each server and a row for each figure.
//!
//! Servers are columns because there are few of them and many figures: so it fits a terminal.

use std::fmt::{self, Write as _};

use super::comparison::{Comparison, Found};
use super::order::{self, Order};
use super::sample::{ADDRESS_SPACE, FIGURES, Figure};

/// A table without its caption: heads, then rows, each of as many cells.
pub(super) struct Grid {
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Grid {
    /// A figure that no server has is no row.
    pub(super) fn of(found: &Found) -> Self {
        let heads = found.columns.iter().map(|column| match column.failed {
            Some(_) => format!("{} (partial)", column.server),
            None => column.server.clone(),
        });
        let row = |figure: &Figure| {
            let cells: Vec<_> = found.columns.iter().map(|column| figure.shown(&column.samples)).collect();
            let is_known = found.columns.iter().any(|column| figure.estimate(&column.samples).is_some());
            is_known.then(|| std::iter::once(figure.head()).chain(cells).collect())
        };
        Self {
            heads: std::iter::once(String::new()).chain(heads).collect(),
            rows: FIGURES.iter().chain([&ADDRESS_SPACE]).filter_map(row).collect(),
        }
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = || std::iter::once(&self.heads).chain(&self.rows);
        let width = |column: usize| rows().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        for row in [&self.heads, &rule].into_iter().chain(&self.rows) {
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match index {
                    0 => write!(out, "| {cell:<width$} ")?,
                    _ => write!(out, "| {cell:>width$} ")?,
                }
            }
            writeln!(out, "|")?;
        }
        Ok(())
    }
}

/// The whole text, ending in a line end.
pub(super) fn render(comparison: &Comparison) -> String {
    let mut text = format!("{}\n{}\n", version(comparison), comparison.machine);
    for line in conditions(comparison) {
        let _ = writeln!(text, "{line}");
    }
    for found in &comparison.found {
        let _ = write!(text, "\n{}: {}\n\n", found.case.name(), comparison.told(found.case));
        if found.processors != comparison.processors {
            let _ = writeln!(text, "{}\n", found.processors.told());
        }
        if found.columns.iter().any(|column| !column.samples.is_empty()) {
            let _ = writeln!(text, "{}", Grid::of(found));
        }
        found.columns.iter().filter_map(|column| column.failure()).for_each(|failure| {
            let _ = writeln!(text, "{failure}");
        });
        for told in order::orders(found).iter().map(Order::told) {
            let _ = writeln!(text, "{told}");
        }
    }
    text.push('\n');
    for line in notes(comparison) {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// What was measured, and when.
pub(super) fn version(comparison: &Comparison) -> String {
    format!("corelay {}, {}", env!("CARGO_PKG_VERSION"), comparison.machine.date())
}

/// What the figures are of.
pub(super) fn conditions(comparison: &Comparison) -> Vec<String> {
    let Comparison { machine, processors, rounds, duration, .. } = comparison;
    let mut lines = Vec::new();
    if let Some(load) = machine.load_average() {
        lines.push(format!("load average before: {load:.2}"));
    }
    let mitigations: Vec<_> = machine.mitigations().collect();
    if !mitigations.is_empty() {
        lines.push(format!("mitigations: {}", mitigations.join("; ")));
    }
    if machine.autogroup() == Some(true) {
        lines.push(
            "autogroup on: sessions compete as groups, and niceness counts only within one (sched(7))"
                .to_owned(),
        );
    }
    lines.push(format!(
        "{}; rounds: {rounds} of {} s, a new server and a new driver for each run",
        processors.told(),
        duration.as_secs_f64()
    ));
    lines
}

/// What to know of the tables.
pub(super) fn notes(comparison: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    if comparison.is_partial() {
        lines.push("Partial: not every server could be measured to the end.".to_owned());
    }
    lines.push("A figure is the median of the rounds, with its bootstrap 95 % interval.".to_owned());
    if comparison.rounds >= order::ROUNDS_MIN {
        lines.push(order::LEGEND.to_owned());
    }
    lines.push(
        "Memory is resident memory, kernel stacks (16 KiB a thread) and page tables, with all connections open.".to_owned(),
    );
    if comparison.found.iter().any(|found| found.case.is_closed_loop()) {
        lines.push(
            "In a closed loop a connection that waits asks for nothing: its percentiles understate what users would wait."
                .to_owned(),
        );
    }
    lines.extend(comparison.doubts().into_iter().map(|doubt| format!("Mind: {doubt}")));
    lines
}
