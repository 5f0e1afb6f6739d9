//! The report: one table, the bounds, the commands; and the same with every sample as JSON.

use std::fmt;

use serde_json::{Value, json};

use super::bounds::{self, Checked};
use super::options::Section;
use super::tools::Tools;
use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;

/// What one section found.
pub(crate) struct Measurement {
    pub(crate) section: Section,
    /// The command of the load.
    pub(crate) load: String,
    pub(crate) rows: Vec<Row>,
}

/// What was found of one server in one section.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) version: String,
    pub(crate) command: String,
    /// One a run: microseconds of CPU per request, or bytes per connection.
    pub(crate) costs: Vec<f64>,
    /// One a run: requests per second, or resident memory with all connections, in MiB.
    pub(crate) beside: Vec<f64>,
    /// Errors wrk counted, in all runs together.
    pub(crate) errors: u64,
}

/// Everything a run found.
pub(crate) struct Report {
    machine: Machine,
    measurements: Vec<Measurement>,
}

impl Row {
    pub(crate) fn new(label: &str, version: &str) -> Self {
        Self { label: label.to_owned(), version: version.to_owned(), ..Self::default() }
    }

    fn json(&self) -> Value {
        let Estimate { median, low, high } = Estimate::of(&self.costs);
        json!({
            "server": self.label, "version": self.version, "command": self.command,
            "median": median, "low": low, "high": high,
            "costs": self.costs, "beside": self.beside, "errors": self.errors,
        })
    }
}

impl Measurement {
    /// The row of that label.
    pub(crate) fn row(&self, label: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.label == label)
    }

    /// The row the others are compared with: the floor, or the first where there is none. Memory is not compared.
    fn reference(&self) -> Option<&Row> {
        match self.section {
            Section::Idle => None,
            _ => self.row("floor").or(self.rows.first()),
        }
    }

    fn cells(&self, row: &Row) -> [String; 6] {
        let cost = Estimate::of(&row.costs);
        let digits = if cost.median < 10.0 { 2 } else { 1 };
        let ratio = self.reference().map_or(String::new(), |reference| {
            let ratio = Estimate::of_ratio(&row.costs, &reference.costs);
            format!("{:.2} × {} [{:.2}, {:.2}]", ratio.median, reference.label, ratio.low, ratio.high)
        });
        let beside = Estimate::of(&row.beside).median;
        let mut beside = match self.section {
            Section::Idle => format!("{beside:.1} MiB in all"),
            _ => format!("{beside:.0}/s"),
        };
        if row.errors > 0 {
            beside += &format!(", {} errors", row.errors);
        }
        [
            format!("{}, {}", self.section.title(), self.section.unit()),
            format!("{} {}", row.label, row.version).trim().to_owned(),
            format!("{:.digits$}", cost.median),
            format!("[{:.digits$}, {:.digits$}]", cost.low, cost.high),
            ratio,
            beside,
        ]
    }

    fn json(&self) -> Value {
        json!({
            "measured": self.section.title(), "unit": self.section.unit(), "load": self.load,
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
        })
    }
}

impl Report {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self { machine: Machine::observe(tools.cpus), measurements: Vec::new() }
    }

    pub(crate) fn add(&mut self, measurement: Measurement) {
        self.measurements.push(measurement);
    }

    /// Notes what can only be known when all is measured.
    pub(crate) fn finish(&mut self) {
        self.machine.finish();
    }

    /// How many bounds corelay misses.
    pub(crate) fn missed(&self) -> usize {
        self.checked().iter().filter(|checked| checked.is_missed()).count()
    }

    /// All of it, with every sample.
    pub(crate) fn json(&self) -> Value {
        json!({
            "machine": self.machine.json(),
            "measurements": self.measurements.iter().map(Measurement::json).collect::<Vec<_>>(),
            "bounds": self.checked().iter().map(Checked::json).collect::<Vec<_>>(),
        })
    }

    fn checked(&self) -> Vec<Checked> {
        self.measurements.iter().flat_map(bounds::check).collect()
    }

    /// The commands, each server's once, however many sections it was in.
    fn write_commands(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "\nLoad, once for each server and round, in the workspace's root")?;
        for Measurement { section, load, rows } in &self.measurements {
            let runs = rows.iter().map(|row| row.costs.len()).max().unwrap_or(0);
            writeln!(out, "  {} ({runs} each): {load}", section.title())?;
        }
        writeln!(out, "\nServers")?;
        let mut told = Vec::new();
        for row in self.measurements.iter().flat_map(|measurement| &measurement.rows) {
            let command = abridged(&without_ports(&row.command));
            if !told.contains(&command) {
                writeln!(out, "  {command}")?;
                told.push(command);
            }
        }
        Ok(())
    }
}

/// A command with `:PORT` for the number after every loopback address: the ports were free ones and tell nothing.
pub(crate) fn without_ports(command: &str) -> String {
    let mut shown = String::new();
    let mut rest = command;
    while let Some(at) = rest.find("127.0.0.") {
        let address_end = rest[at..].find(':').map_or(rest.len(), |colon| at + colon);
        let port = rest[address_end..].trim_start_matches(':');
        shown += &rest[..address_end];
        shown += ":PORT";
        rest = port.trim_start_matches(|digit: char| digit.is_ascii_digit());
    }
    shown + rest
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\n", self.machine)?;
        let heads = ["measured", "server", "median", "95 % interval", "ratio", "beside"].map(String::from);
        let rows = self.measurements.iter().flat_map(|found| found.rows.iter().map(|row| found.cells(row)));
        write_table(out, heads, rows.collect())?;
        let checked = self.checked();
        if !checked.is_empty() {
            writeln!(out, "\nBounds (missed when the whole interval lies beyond)")?;
        }
        checked.iter().try_for_each(|checked| writeln!(out, "  {checked}"))?;
        self.write_commands(out)
    }
}

/// A command with only the first and the last of its addresses, where it has more than two.
fn abridged(command: &str) -> String {
    let parts: Vec<_> = command.split(" --listen ").collect();
    match parts[..] {
        [program, first, _, .., last] => format!("{program} --listen {first} … --listen {last}"),
        _ => command.to_owned(),
    }
}

/// A Markdown table whose columns also line up in a terminal.
pub(crate) fn write_table<const COLUMNS: usize>(
    out: &mut fmt::Formatter<'_>,
    heads: [String; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
) -> fmt::Result {
    let width = |column: usize| {
        let cells = rows.iter().chain([&heads]).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let rule = widths.map(|width| "-".repeat(width));
    for row in [&heads, &rule].into_iter().chain(&rows) {
        for (cell, width) in row.iter().zip(widths) {
            write!(out, "| {cell:<width$} ")?;
        }
        writeln!(out, "|")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, cost: f64, rate: f64) -> Row {
        Row { costs: vec![cost; 3], beside: vec![rate; 3], ..Row::new(label, "") }
    }

    #[test]
    fn a_cost_is_shown_with_its_ratio_to_the_floor() {
        let rows = vec![row("hyper", 14.0, 80_000.4), row("floor", 10.0, 90_000.0)];
        let measurement = Measurement { section: Section::KeepAlive, load: String::new(), rows };
        let cells = measurement.cells(&measurement.rows[0]);
        assert_eq!(cells[1..], ["hyper", "14.0", "[14.0, 14.0]", "1.40 × floor [1.40, 1.40]", "80000/s"]);
    }

    #[test]
    fn ports_are_left_out_of_commands() {
        let command = "floor --response-from http://127.0.0.1:80/plaintext --listen 127.0.0.2:8081";
        let shown = "floor --response-from http://127.0.0.1:PORT/plaintext --listen 127.0.0.2:PORT";
        assert_eq!(without_ports(command), shown);
        assert_eq!(without_ports("nginx -c nginx.conf"), "nginx -c nginx.conf");
    }

    #[test]
    fn many_addresses_are_abridged() {
        assert_eq!(abridged("x --listen 1 --listen 2 --listen 3"), "x --listen 1 … --listen 3");
        assert_eq!(abridged("x --listen 1 --listen 2"), "x --listen 1 --listen 2");
        assert_eq!(abridged("x --listen 1"), "x --listen 1");
        assert_eq!(abridged("nginx -c 1"), "nginx -c 1");
    }

    #[test]
    fn errors_are_shown_beside_the_rate() {
        let rows = vec![Row { errors: 3, ..row("h2o", 50.0, 9_000.0) }];
        let measurement = Measurement { section: Section::Close, load: String::new(), rows };
        assert_eq!(measurement.cells(&measurement.rows[0])[5], "9000/s, 3 errors");
    }

    #[test]
    fn memory_is_shown_as_bytes_per_connection_and_in_all() {
        let rows = vec![row("nginx", 528.0, 14.25)];
        let measurement = Measurement { section: Section::Idle, load: String::new(), rows };
        let cells = measurement.cells(&measurement.rows[0]);
        assert_eq!(cells[1..], ["nginx", "528.0", "[528.0, 528.0]", "", "14.2 MiB in all"]);
    }
}
