//! What a process takes of the machine's memory, and how often its threads were switched: from proc(5).
//!
//! RSS understates what threads cost: a sleeping one has a stack in the kernel and page tables for its stack outside, and
//! neither is resident memory of the process.
//!
//! Deliberately absent: the processes that descend from it. What is compared here are threads of one.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::process::{in_file, resident_bytes};

/// The kernel's stack of a thread on x86-64 and 64-bit ARM (THREAD_SIZE).
const KERNEL_STACK_BYTES: u64 = 16 * 1024;

/// Memory, in bytes, at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Footprint {
    pub(crate) resident: u64,
    /// The most that was resident at once, so far.
    pub(crate) resident_peak: u64,
    pub(crate) page_tables: u64,
    pub(crate) address_space: u64,
    pub(crate) threads: u64,
}

/// How often each thread of a process left its CPU, of its own accord or not, at one moment.
#[derive(Debug, Default)]
pub(crate) struct Switches(BTreeMap<u32, u64>);

/// The difference of two readings.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Switched {
    pub(crate) times: u64,
    /// Threads that ended in between, and took their count along.
    pub(crate) ended: u64,
}

impl Footprint {
    /// Reads it. Where there are thousands of threads this takes tens of milliseconds, in which the process cannot map memory.
    pub(crate) fn read(process: u32) -> Result<Self> {
        let status = format!("/proc/{process}/status");
        let kilobytes = |name| anyhow::Ok(in_file(&status, name)? * 1024);
        Ok(Self {
            resident: resident_bytes(process)?,
            resident_peak: kilobytes("VmHWM:")?,
            page_tables: kilobytes("VmPTE:")?,
            address_space: kilobytes("VmSize:")?,
            threads: in_file(&status, "Threads:")?,
        })
    }

    /// The stacks that the kernel has for the threads.
    pub(crate) fn kernel_stacks(&self) -> u64 {
        self.threads * KERNEL_STACK_BYTES
    }

    /// All that the process alone is the reason for.
    pub(crate) fn sum(&self) -> u64 {
        self.resident + self.kernel_stacks() + self.page_tables
    }

    /// The same for a file.
    pub(crate) fn json(&self) -> Value {
        let Self { resident, resident_peak, page_tables, address_space, threads } = self;
        json!({
            "resident_bytes": resident, "resident_peak_bytes": resident_peak, "page_table_bytes": page_tables,
            "kernel_stack_bytes": self.kernel_stacks(), "sum_bytes": self.sum(),
            "address_space_bytes": address_space, "threads": threads,
        })
    }
}

/// The kernel's stacks of all threads of the machine, in bytes: what a server adds to it is a check on what is counted above.
pub(crate) fn kernel_stacks_of_all() -> Result<u64> {
    Ok(in_file("/proc/meminfo", "KernelStack:")? * 1024)
}

impl Switches {
    /// Reads each thread's count: some ten microseconds a thread, of a CPU that the load may want.
    pub(crate) fn read(process: u32) -> Result<Self> {
        let tasks = format!("/proc/{process}/task");
        let mut switches = BTreeMap::new();
        for entry in fs::read_dir(&tasks).with_context(|| format!("cannot list {tasks}"))? {
            let entry = entry?;
            // A thread may end between the listing and the reading.
            let Ok(status) = fs::read_to_string(entry.path().join("status")) else { continue };
            let thread = entry.file_name().to_str().and_then(|name| name.parse().ok());
            switches.insert(thread.context("a thread without a number")?, times(&status));
        }
        Ok(Self(switches))
    }

    /// What came since an earlier reading.
    pub(crate) fn since(&self, earlier: &Self) -> Switched {
        let came = |(thread, now): (&u32, &u64)| now - earlier.0.get(thread).copied().unwrap_or(0).min(*now);
        Switched {
            times: self.0.iter().map(came).sum(),
            ended: earlier.0.keys().filter(|thread| !self.0.contains_key(thread)).count() as u64,
        }
    }
}

/// `voluntary_ctxt_switches` and `nonvoluntary_ctxt_switches`.
fn times(status: &str) -> u64 {
    let counts = status.lines().filter_map(|line| line.split_once("voluntary_ctxt_switches:"));
    counts.filter_map(|(_, count)| count.trim().parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn both_kinds_of_switches_count_and_ended_threads_are_told() {
        let status = "Threads:\t3\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t545\n";
        assert_eq!(times(status), 695);
        let switches = |threads: &[(u32, u64)]| Switches(threads.iter().copied().collect());
        let since = switches(&[(1, 9), (3, 2)]).since(&switches(&[(1, 4), (2, 7)]));
        assert_eq!(since, Switched { times: 7, ended: 1 });
    }

    #[test]
    fn a_process_sees_its_own_footprint() {
        let footprint = Footprint::read(std::process::id()).unwrap();
        assert!(footprint.resident > 100_000 && footprint.page_tables > 0 && footprint.threads >= 1);
        assert!(footprint.address_space > footprint.resident);
        assert_eq!(footprint.sum() - footprint.resident - footprint.page_tables, footprint.threads * 16_384);
        assert!(Switches::read(std::process::id()).unwrap().since(&Switches::default()).times > 0);
    }
}
