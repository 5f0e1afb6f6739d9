//! The table of the servers, the ratios to rebalancing, and both as JSON.

use std::fmt;

use corelay_load::DriverLimit;
use serde_json::{Value, json};

use super::Sample;
use super::calibration::Calibration;
use super::contender::{CONNECTIONS, Contender, WORK_US};
use crate::bench::report::{without_ports, write_table};
use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;

/// What was found of one server, a sample a round.
pub(super) struct Found {
    pub(super) contender: Contender,
    pub(super) version: String,
    pub(super) command: String,
    pub(super) closed: Vec<Sample>,
    pub(super) open: Vec<Sample>,
}

/// All that was found.
pub(super) struct Table {
    pub(super) machine: Machine,
    pub(super) calibration: Calibration,
    pub(super) driver_command: String,
    /// Whether the driver had a CPU that no server had.
    pub(super) has_own_cpu: bool,
    /// In the order of [`Contender::ALL`].
    pub(super) found: Vec<Found>,
}

/// Which samples of a server, and which figure of them.
type Figure = fn(&Found) -> Vec<f64>;

const PER_SECOND: Figure = |found| found.closed.iter().map(|sample| sample.per_second).collect();
const P50_MS: Figure = |found| found.open.iter().map(|sample| sample.p50_ms).collect();
const P99_MS: Figure = |found| found.open.iter().map(|sample| sample.p99_ms).collect();

impl Found {
    /// Nothing yet.
    pub(super) fn of(contender: Contender, version: String) -> Self {
        Self { contender, version, command: String::new(), closed: Vec::new(), open: Vec::new() }
    }

    fn row(&self, has_own_cpu: bool) -> [String; 7] {
        let of = |samples: &[Sample], value: fn(&Sample) -> f64| {
            Estimate::of(&samples.iter().map(value).collect::<Vec<_>>()).median
        };
        let both = |value: fn(&Sample) -> f64| (of(&self.closed, value), of(&self.open, value));
        let (busiest, cpu) = (both(|sample| sample.busiest_share * 100.0), both(|sample| sample.cpu_us));
        [
            format!("{} {}", self.contender.label(), self.version).trim().to_owned(),
            shown(Estimate::of(&PER_SECOND(self)), 0),
            format!("{:.0} % / {:.0} %", busiest.0, busiest.1),
            shown(Estimate::of(&P50_MS(self)), 2),
            shown(Estimate::of(&P99_MS(self)), 2),
            format!("{:.0} / {:.0}", cpu.0, cpu.1),
            self.mind(has_own_cpu),
        ]
    }

    fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.closed.iter().chain(&self.open)
    }

    /// What the figures of a row do not show. Where the driver shares its CPU with the server by design, it is not told.
    fn mind(&self, has_own_cpu: bool) -> String {
        let runs = |limit| self.samples().filter(|sample| sample.limits.contains(&limit)).count() as u64;
        let told = [
            (self.samples().map(|sample| sample.errors).sum(), "errors"),
            (self.samples().map(|sample| sample.unanswered).sum(), "unanswered"),
            (self.samples().map(|sample| sample.lost).sum(), "connections lost"),
            (runs(DriverLimit::SendsLate), "runs: the driver sent late"),
            (runs(DriverLimit::CpuFull), "runs: driver's CPU full"),
            (if has_own_cpu { runs(DriverLimit::CpuShared) } else { 0 }, "runs: others had the driver's CPU"),
        ];
        let told = told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        told.collect::<Vec<_>>().join(", ")
    }

    fn json(&self) -> Value {
        let sample = |sample: &Sample| {
            json!({
                "per_second": sample.per_second, "p50_ms": sample.p50_ms, "p99_ms": sample.p99_ms,
                "cpu_us": sample.cpu_us, "busiest_share": sample.busiest_share, "errors": sample.errors,
                "unanswered": sample.unanswered, "lost": sample.lost, "driver_limits": sample.limits,
            })
        };
        let samples = |samples: &[Sample]| samples.iter().map(sample).collect::<Vec<_>>();
        json!({
            "server": self.contender.label(), "version": self.version, "command": self.command,
            "closed": samples(&self.closed), "open": samples(&self.open),
        })
    }
}

/// A median and its interval.
fn shown(Estimate { median, low, high }: Estimate, digits: usize) -> String {
    format!("{median:.digits$} [{low:.digits$}, {high:.digits$}]")
}

impl Table {
    /// Requests that failed and connections that were lost, of all runs.
    pub(super) fn failed(&self) -> u64 {
        self.found.iter().flat_map(Found::samples).map(|sample| sample.errors + sample.lost).sum()
    }

    /// corelay with rebalancing over each of the others, round by round: answers a second, p50 and p99.
    fn ratios(&self) -> Vec<(&'static str, [Estimate; 3])> {
        let Some((rebalanced, others)) = self.found.split_first() else { return Vec::new() };
        let ratio = |other: &Found| {
            let of = |figure: Figure| Estimate::of_ratio(&figure(rebalanced), &figure(other));
            (other.contender.label(), [PER_SECOND, P50_MS, P99_MS].map(of))
        };
        others.iter().map(ratio).collect()
    }

    /// All of it, with every sample.
    pub(super) fn json(&self) -> Value {
        let estimate = |Estimate { median, low, high }| json!({ "median": median, "low": low, "high": high });
        let ratio = |(over, [per_second, p50, p99]): (&str, [Estimate; 3])| {
            json!({
                "rebalancing_over": over, "per_second": estimate(per_second), "p50": estimate(p50),
                "p99": estimate(p99),
            })
        };
        let Calibration { one_thread_per_second, rate, compressed_bytes } = self.calibration;
        json!({
            "machine": self.machine.json(), "driver_command": self.driver_command,
            "driver_has_own_cpu": self.has_own_cpu, "one_thread_per_second": one_thread_per_second,
            "open_loop_per_second": rate, "nginx_compresses_bytes": compressed_bytes,
            "servers": self.found.iter().map(Found::json).collect::<Vec<_>>(),
            "ratios": self.ratios().into_iter().map(ratio).collect::<Vec<_>>(),
        })
    }

    /// What the load was.
    fn write_load(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Calibration { one_thread_per_second, rate, compressed_bytes } = self.calibration;
        writeln!(
            out,
            "\n{CONNECTIONS} connections, all placed on one thread of the server when the load begins, on /spin/{WORK_US}; \
             nginx compresses {compressed_bytes} bytes instead, so many that they cost it about as much.\nOpen loop: {rate:.0} requests/s \
             at random moments; one thread of corelay was found to do {one_thread_per_second:.0}/s in a closed loop."
        )?;
        let (on, others) = (Contender::RebalanceOn.warm_up(), Contender::Nginx.warm_up());
        let rounds = self.found.first().map_or(0, |found| found.closed.len());
        writeln!(
            out,
            "Rounds: {rounds}; warm-up: {on:?} for corelay, which rebalances meanwhile, {others:?} for the others. A \
             server and a driver for each run:"
        )?;
        self.found.iter().try_for_each(|found| writeln!(out, "  {}", without_ports(&found.command)))?;
        writeln!(out, "  {}", self.driver_command)?;
        if !self.has_own_cpu {
            writeln!(
                out,
                "The driver has no CPU of its own here: what it needs, the servers' two threads lack, and a reading that \
                 waits for a CPU counts as latency. On three CPUs it has the third."
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\n", self.machine)?;
        let heads = [
            "server",
            "closed loop: answers/s [95 %]",
            "busiest thread: closed / open",
            "open loop: p50 ms [95 %]",
            "p99 ms [95 %]",
            "CPU µs/request: closed / open",
            "mind",
        ];
        let rows = self.found.iter().map(|found| found.row(self.has_own_cpu)).collect();
        write_table(out, heads.map(String::from), rows)?;
        writeln!(out, "\ncorelay --rebalance on, over each in the same round")?;
        let heads = ["over", "answers/s [95 %]", "p50 [95 %]", "p99 [95 %]"];
        let row = |(over, [per_second, p50, p99]): (&str, [Estimate; 3])| {
            [over.to_owned(), shown(per_second, 2), shown(p50, 2), shown(p99, 2)]
        };
        write_table(out, heads.map(String::from), self.ratios().into_iter().map(row).collect())?;
        self.write_load(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(contender: Contender, per_second: &[f64], p99_ms: f64) -> Found {
        let sample = |&per_second| Sample { per_second, p50_ms: 1.0, p99_ms, ..Sample::default() };
        let samples: Vec<_> = per_second.iter().map(sample).collect();
        Found { closed: samples.clone(), open: samples, ..Found::of(contender, String::new()) }
    }

    fn table(found: Vec<Found>) -> Table {
        let calibration =
            Calibration { one_thread_per_second: 4_000.0, rate: 2_800.0, compressed_bytes: 8_000 };
        let machine = Machine::observe(2);
        Table { machine, calibration, driver_command: String::new(), has_own_cpu: false, found }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let table = table(vec![
            found(Contender::RebalanceOn, &[200.0, 20.0, 2_000.0], 1.0),
            found(Contender::RebalanceOff, &[100.0, 10.0, 1_000.0], 4.0),
        ]);
        let [(over, [per_second, p50, p99])] = table.ratios()[..] else { panic!("one other") };
        assert_eq!(over, Contender::RebalanceOff.label());
        assert_eq!((per_second.low, per_second.high, p50.median, p99.median), (2.0, 2.0, 1.0, 0.25));
    }

    #[test]
    fn what_failed_is_counted_and_told() {
        let mut hyper = found(Contender::Hyper, &[1.0], 1.0);
        (hyper.closed[0].errors, hyper.open[0].lost) = (2, 3);
        hyper.open[0].unanswered = 4;
        hyper.open[0].limits = vec![DriverLimit::CpuShared];
        assert_eq!(hyper.mind(false), "2 errors, 4 unanswered, 3 connections lost");
        assert_eq!(
            hyper.mind(true),
            "2 errors, 4 unanswered, 3 connections lost, 1 runs: others had the driver's CPU"
        );
        assert_eq!(table(vec![hyper]).failed(), 5);
    }
}
