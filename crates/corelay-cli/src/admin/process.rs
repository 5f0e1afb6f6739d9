//! The process's own figures under the names that every Prometheus client gives them, from proc(5).
//!
//! Each is one small read, whatever the process holds: nothing here walks threads, mappings or descriptors, for it is asked under
//! overload too. Where there is no procfs there are no figures.

use std::fmt::Write as _;
use std::fs;

/// Appends what is known.
pub(super) fn write_figures(page: &mut String) {
    if let Some(figures) = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| Figures::parse(&stat)) {
        figures.write(page);
    }
    // Since Linux 6.2 the directory's size is the number of its entries; before, it is 0.
    if let Some(open) = fs::metadata("/proc/self/fd").ok().filter(|found| found.len() > 0) {
        metric(page, "process_open_fds", "gauge", "Open file descriptors.", open.len() as f64);
    }
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        metric(page, "process_max_fds", "gauge", "Most open file descriptors.", most as f64);
    }
}

/// What proc_pid_stat(5) tells of a process.
#[derive(Debug, PartialEq, Eq)]
struct Figures {
    cpu_ticks: u64,
    threads: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Figures {
    /// The name in parentheses may hold anything, so fields are counted from behind it.
    fn parse(stat: &str) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<u64> =
            rest.split_ascii_whitespace().map(|field| field.parse().unwrap_or_default()).collect();
        // The first field behind the name is number 3.
        let field = |number: usize| fields.get(number - 3).copied();
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }

    fn write(&self, page: &mut String) {
        let seconds = self.cpu_ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
        let resident = self.resident_pages * rustix::param::page_size() as u64;
        metric(page, "process_cpu_seconds_total", "counter", "CPU time, user and system.", seconds);
        metric(page, "process_resident_memory_bytes", "gauge", "Resident memory.", resident as f64);
        metric(page, "process_virtual_memory_bytes", "gauge", "Address space.", self.virtual_bytes as f64);
        metric(page, "process_threads", "gauge", "Threads.", self.threads as f64);
    }
}

fn metric(page: &mut String, name: &str, kind: &str, help: &str, value: f64) {
    let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "7 (a) R (b)) S 1 7 7 0 -1 4194560 100 0 0 0 11 22 0 0 20 0 5 0 900 4096000 321 18446744073709551615";
        let figures = Figures { cpu_ticks: 33, threads: 5, virtual_bytes: 4_096_000, resident_pages: 321 };
        assert_eq!(Figures::parse(stat), Some(figures));
        assert_eq!(Figures::parse("7 (x) S 1"), None);
    }
}
