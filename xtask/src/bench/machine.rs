//! The machine the figures are from, and how much of it was ours: from proc(5).

use std::fmt;
use std::fs;

use anyhow::{Context, Result, bail};

/// What to know about the machine to judge a figure.
#[derive(Debug)]
pub(crate) struct Machine {
    kernel: String,
    processor: String,
    cpus: usize,
    started_at: Ticks,
    /// Share of the CPUs' time that other processes used while the run lasted, in percent: much, and the figures are noisy.
    others_percent: f64,
    /// Share of the CPUs' time that the hypervisor gave to other machines.
    stolen_percent: f64,
}

/// CPU time since boot, in ticks.
#[derive(Debug, Default, PartialEq)]
struct Ticks {
    all: u64,
    busy: u64,
    stolen: u64,
    /// Of this process and its children that have ended.
    ours: u64,
}

impl Machine {
    /// Describes the machine, on which `cpus` may be used; what cannot be read stays empty.
    pub(crate) fn observe(cpus: usize) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            processor: model
                .map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned()),
            cpus,
            started_at: Ticks::read().unwrap_or_default(),
            others_percent: 0.0,
            stolen_percent: 0.0,
        }
    }

    /// Notes what others used and stole since the beginning; every server must have been stopped.
    pub(crate) fn finish(&mut self) {
        let Ok(now) = Ticks::read() else { return };
        let since = |ticks: fn(&Ticks) -> u64| ticks(&now).saturating_sub(ticks(&self.started_at));
        let all = since(|ticks| ticks.all).max(1) as f64;
        let others = since(|ticks| ticks.busy).saturating_sub(since(|ticks| ticks.ours));
        self.others_percent = others as f64 * 100.0 / all;
        self.stolen_percent = since(|ticks| ticks.stolen) as f64 * 100.0 / all;
    }

    /// The same for a file.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "kernel": self.kernel,
            "processor": self.processor,
            "cpus": self.cpus,
            "others_percent": self.others_percent,
            "stolen_percent": self.stolen_percent,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, processor, cpus, others_percent, stolen_percent, .. } = self;
        write!(
            out,
            "Linux {kernel}, {processor}, {cpus} CPUs; of their time other processes used {others_percent:.1} %, \
             the hypervisor stole {stolen_percent:.1} %"
        )
    }
}

impl Ticks {
    fn read() -> Result<Self> {
        Self::parse(&fs::read_to_string("/proc/stat")?, &fs::read_to_string("/proc/self/stat")?)
    }

    fn parse(machine: &str, process: &str) -> Result<Self> {
        let numbers = |text: &str| text.split_whitespace().map(|word| word.parse().unwrap_or(0)).collect();
        // user nice system idle iowait irq softirq steal; guests are counted in user and nice already.
        let machine: Vec<u64> = numbers(machine.lines().next().context("an empty /proc/stat")?);
        let [_, _, _, _, idle, waiting, _, _, stolen, ..] = machine[..] else {
            bail!("too few numbers in /proc/stat")
        };
        let all: u64 = machine[1..9].iter().sum();
        // utime stime cutime cstime, counted from 0 after the name, which may hold anything.
        let process: Vec<u64> = numbers(process.rsplit_once(')').context("no name in /proc/self/stat")?.1);
        let ours = process.get(11..15).context("too few numbers in /proc/self/stat")?.iter().sum();
        Ok(Self { all, busy: all - idle - waiting - stolen, stolen, ours })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn guests_are_not_counted_twice_and_children_are_ours() {
        let machine = "cpu  1 2 3 4 5 6 7 8 100 100\ncpu0 1\n";
        let process = "9 (x y) S 1 9 9 0 -1 0 0 0 0 0 10 20 30 40 20 0";
        let ticks = Ticks::parse(machine, process).unwrap();
        assert_eq!(ticks, Ticks { all: 36, busy: 19, stolen: 8, ours: 100 });
    }

    #[test]
    fn the_machine_counts_on() {
        let before = Ticks::read().unwrap();
        assert!(before.busy > 0 && before.busy < before.all);
    }
}
