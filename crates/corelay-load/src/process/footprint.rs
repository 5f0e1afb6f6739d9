//! What a process takes of the machine's memory, and how often its threads were switched: from proc(5).
//!
//! RSS understates what threads cost: a sleeping one has a stack in the kernel and page tables for its stack outside, and
//! neither is resident memory of the process.
//!
//! The processes that descend from it are counted with it: some servers have workers, and some are started by a shell.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use serde_json::{Value, json};

use super::usage::{in_file, resident_bytes};
use super::{family, unreadable};

/// The kernel's stack of a thread on x86-64 and 64-bit ARM (THREAD_SIZE).
const KERNEL_STACK_BYTES: u64 = 16 * 1024;

/// Memory, in bytes, at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Footprint {
    /// Pages that are in memory (`Rss` of `smaps_rollup`).
    pub resident: u64,
    /// The most that was resident at once, so far.
    pub resident_peak: u64,
    /// What the kernel needs to find its pages (`VmPTE`).
    pub page_tables: u64,
    /// What it may touch, touched or not (`VmSize`).
    pub address_space: u64,
    /// Its threads, those that sleep among them.
    pub threads: u64,
}

/// How often each thread of a process left its CPU, of its own accord or not, at one moment.
#[derive(Debug, Default)]
pub struct Switches(BTreeMap<u32, u64>);

/// The difference of two readings.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Switched {
    /// Context switches.
    pub times: u64,
    /// Threads that ended in between, and took their count along.
    pub ended: u64,
}

impl Footprint {
    /// Reads it. Where there are thousands of threads this takes tens of milliseconds, in which the process cannot map memory.
    ///
    /// # Errors
    ///
    /// The process has ended, or it is another user's.
    pub fn read(process: u32) -> io::Result<Self> {
        let mut all = Self { resident: resident_bytes(process)?, ..Self::default() };
        for member in family(process)? {
            let status = format!("/proc/{member}/status");
            let kilobytes = |name| io::Result::Ok(in_file(&status, name)? * 1024);
            all.resident_peak += kilobytes("VmHWM:")?;
            all.page_tables += kilobytes("VmPTE:")?;
            all.address_space += kilobytes("VmSize:")?;
            all.threads += in_file(&status, "Threads:")?;
        }
        Ok(all)
    }

    /// The stacks that the kernel has for the threads.
    pub fn kernel_stacks(&self) -> u64 {
        self.threads * KERNEL_STACK_BYTES
    }

    /// All that the process alone is the reason for.
    pub fn sum(&self) -> u64 {
        self.resident + self.kernel_stacks() + self.page_tables
    }

    /// The same for a file.
    pub fn json(&self) -> Value {
        let Self { resident, resident_peak, page_tables, address_space, threads } = self;
        json!({
            "resident_bytes": resident, "resident_peak_bytes": resident_peak, "page_table_bytes": page_tables,
            "kernel_stack_bytes": self.kernel_stacks(), "sum_bytes": self.sum(),
            "address_space_bytes": address_space, "threads": threads,
        })
    }
}

/// The kernel's stacks of all threads of the machine, in bytes: what a server adds to it is a check on what is counted above.
///
/// # Errors
///
/// There is no such file.
pub fn kernel_stacks_of_all() -> io::Result<u64> {
    Ok(in_file("/proc/meminfo", "KernelStack:")? * 1024)
}

impl Switches {
    /// Reads each thread's count: some ten microseconds a thread, of a CPU that the load may want.
    ///
    /// # Errors
    ///
    /// The process has ended.
    pub fn read(process: u32) -> io::Result<Self> {
        let mut switches = BTreeMap::new();
        for member in family(process)? {
            for entry in fs::read_dir(format!("/proc/{member}/task"))? {
                let entry = entry?;
                // A thread may end between the listing and the reading.
                let Ok(status) = fs::read_to_string(entry.path().join("status")) else { continue };
                let thread = entry.file_name().to_str().and_then(|name| name.parse().ok());
                switches.insert(thread.ok_or_else(unreadable)?, times(&status));
            }
        }
        Ok(Self(switches))
    }

    /// What came since an earlier reading.
    pub fn since(&self, earlier: &Self) -> Switched {
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
