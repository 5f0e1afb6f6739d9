//! The machine the figures are from, and how much of it was ours: from proc(5).

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::time::SystemTime;

/// What to know about the machine to judge a figure.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The moment of the beginning, as HTTP writes it (RFC 9110 section 5.6.7).
    date: String,
    kernel: String,
    processor: String,
    cpus: usize,
    /// Processes that ran or wanted to, on the average of the minute before the beginning.
    load_average: Option<f64>,
    /// What the kernel does against its processor's faults, by fault; each costs system calls time.
    mitigations: Vec<(String, String)>,
    /// Whether each session has its part of a processor, however many and however nice its processes (sched(7), "The autogroup feature").
    autogroup: Option<bool>,
    started_at: Ticks,
    /// Share of the CPUs' time that other processes used while the run lasted, in percent: much, and the figures are noisy.
    others_percent: f64,
    /// Share of the CPUs' time that the hypervisor gave to other machines.
    stolen_percent: f64,
}

/// CPU time since boot, in ticks.
#[derive(Debug, Clone, Default, PartialEq)]
struct Ticks {
    all: u64,
    busy: u64,
    stolen: u64,
    /// Of this process and its children that have ended.
    ours: u64,
}

impl Machine {
    /// Describes the machine, on which `cpus` may be used; what cannot be read stays empty.
    pub fn observe(cpus: usize) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            date: httpdate::fmt_http_date(SystemTime::now()),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            processor: model
                .map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned()),
            cpus,
            load_average: read("/proc/loadavg").split(' ').next().and_then(|word| word.parse().ok()),
            mitigations: mitigations(),
            autogroup: fs::read_to_string("/proc/sys/kernel/sched_autogroup_enabled")
                .ok()
                .map(|switch| switch.trim() != "0"),
            started_at: Ticks::read().unwrap_or_default(),
            others_percent: 0.0,
            stolen_percent: 0.0,
        }
    }

    /// Notes what others used and stole since the beginning; every server must have been stopped.
    pub fn finish(&mut self) {
        let Some(now) = Ticks::read() else { return };
        let since = |ticks: fn(&Ticks) -> u64| ticks(&now).saturating_sub(ticks(&self.started_at));
        let all = since(|ticks| ticks.all).max(1) as f64;
        let others = since(|ticks| ticks.busy).saturating_sub(since(|ticks| ticks.ours));
        self.others_percent = others as f64 * 100.0 / all;
        self.stolen_percent = since(|ticks| ticks.stolen) as f64 * 100.0 / all;
    }

    /// The same for a file.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "date": self.date,
            "kernel": self.kernel,
            "processor": self.processor,
            "cpus": self.cpus,
            "load_average": self.load_average,
            "mitigations": self.mitigations.iter().cloned().collect::<BTreeMap<_, _>>(),
            "autogroup": self.autogroup,
            "others_percent": self.others_percent,
            "stolen_percent": self.stolen_percent,
        })
    }
}

impl Machine {
    /// The moment of the beginning, as HTTP writes it (RFC 9110 section 5.6.7).
    pub fn date(&self) -> &str {
        &self.date
    }

    /// Processes that ran or wanted to, on the average of the minute before the beginning: above nearly nothing, the figures are
    /// of a machine that others used. `None` where the kernel does not say.
    pub fn load_average(&self) -> Option<f64> {
        self.load_average
    }

    /// What the kernel does against its processor's faults, as `fault: measure`, those alone that the processor has; empty
    /// where the kernel does not say.
    pub fn mitigations(&self) -> impl Iterator<Item = String> {
        self.mitigations.iter().map(|(fault, measure)| format!("{fault}: {measure}"))
    }

    /// Whether each session has its part of a processor (sched(7), "The autogroup feature"): then niceness counts only within a session,
    /// and with Linux 6.18.44 one that wakes often can keep others waiting for seconds. `None` where the kernel does not say.
    pub fn autogroup(&self) -> Option<bool> {
        self.autogroup
    }
}

/// From sysfs, without the faults that the processor does not have.
fn mitigations() -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir("/sys/devices/system/cpu/vulnerabilities") else { return Vec::new() };
    let read = |entry: fs::DirEntry| {
        let measure = fs::read_to_string(entry.path()).ok()?.trim().to_owned();
        Some((entry.file_name().to_str()?.to_owned(), measure))
    };
    let mut found: Vec<_> = entries.filter_map(|entry| read(entry.ok()?)).collect();
    found.retain(|(_, measure)| measure != "Not affected");
    found.sort();
    found
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, processor, cpus, others_percent, stolen_percent, .. } = self;
        write!(
            out,
            "Linux {kernel}, {processor}, {cpus} CPUs; of their time other processes used {others_percent:.1} %, \
             the hypervisor stole {stolen_percent:.1} %{}",
            if self.autogroup == Some(true) { "; autogroup on" } else { "" }
        )
    }
}

impl Ticks {
    fn read() -> Option<Self> {
        let read = |path| fs::read_to_string(path).ok();
        Self::parse(&read("/proc/stat")?, &read("/proc/self/stat")?)
    }

    fn parse(machine: &str, process: &str) -> Option<Self> {
        let numbers = |text: &str| text.split_whitespace().map(|word| word.parse().unwrap_or(0)).collect();
        // user nice system idle iowait irq softirq steal; guests are counted in user and nice already.
        let machine: Vec<u64> = numbers(machine.lines().next()?);
        let [_, _, _, _, idle, waiting, _, _, stolen, ..] = machine[..] else { return None };
        let all: u64 = machine[1..9].iter().sum();
        // utime stime cutime cstime, counted from 0 after the name, which may hold anything.
        let process: Vec<u64> = numbers(process.rsplit_once(')')?.1);
        let ours = process.get(11..15)?.iter().sum();
        Some(Self { all, busy: all - idle - waiting - stolen, stolen, ours })
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
