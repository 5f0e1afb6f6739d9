//! What a process and its children have used: CPU time and resident memory, from proc(5).

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// What the scheduler's exact count may lag behind the coarse one before a thread must have ended in between.
const COARSE_ERROR: Duration = Duration::from_millis(50);

/// CPU time, user and system, of a process, its threads and its children, at one moment.
///
/// Taken twice over: per thread from `/proc/PID/task/TID/schedstat`, which is exact but forgets a thread that ended, and
/// per process from `/proc/PID/stat`, which remembers them but counts in ticks of 10 ms.
#[derive(Debug)]
pub(crate) struct CpuTime {
    nanoseconds_by_thread: BTreeMap<u32, u64>,
    coarse: Duration,
}

impl CpuTime {
    /// Reads the CPU time of a process and all that descend from it.
    pub(crate) fn read(process: u32) -> Result<Self> {
        let mut time = Self { nanoseconds_by_thread: BTreeMap::new(), coarse: Duration::ZERO };
        for member in family(process)? {
            time.coarse += coarse_time(member)?;
            for thread in numbered(&format!("/proc/{member}/task"))? {
                let schedstat = fs::read_to_string(format!("/proc/{member}/task/{thread}/schedstat"));
                // A thread may end between the listing and the reading; the coarse count has it.
                let Ok(schedstat) = schedstat else { continue };
                let nanoseconds = field(&schedstat, 0)?;
                time.nanoseconds_by_thread.insert(thread, nanoseconds);
            }
        }
        Ok(time)
    }

    /// What was used since an earlier reading.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let used = |(thread, now): (&u32, &u64)| {
            now.saturating_sub(earlier.nanoseconds_by_thread.get(thread).copied().unwrap_or(0))
        };
        let exact = Duration::from_nanos(self.nanoseconds_by_thread.iter().map(used).sum());
        let coarse = self.coarse.saturating_sub(earlier.coarse);
        if coarse > exact + COARSE_ERROR { coarse } else { exact }
    }
}

/// Resident memory of a process and all that descend from it, in bytes.
///
/// From `smaps_rollup`, which counts pages: `status` is allowed to be off by some per CPU.
pub(crate) fn resident_bytes(process: u32) -> Result<u64> {
    let mut bytes = 0;
    for member in family(process)? {
        let path = format!("/proc/{member}/smaps_rollup");
        let rollup = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).context("no Rss line")?;
        bytes += field(line, 0)? * 1024;
    }
    Ok(bytes)
}

/// Threads of a process and all that descend from it.
pub(crate) fn thread_count(process: u32) -> Result<usize> {
    let threads = family(process)?.into_iter().map(|member| numbered(&format!("/proc/{member}/task")));
    threads.map(|threads| threads.map(|threads| threads.len())).sum()
}

/// What the kernel keeps for the TCP sockets of the whole machine, in bytes: `sockstat` counts it in pages.
pub(crate) fn socket_buffer_bytes() -> Result<u64> {
    let sockets = fs::read_to_string("/proc/net/sockstat").context("cannot read /proc/net/sockstat")?;
    let line = sockets.lines().find_map(|line| line.strip_prefix("TCP:")).context("no TCP line")?;
    let pages = line.split_once(" mem ").context("no memory in the TCP line")?.1;
    Ok(field(pages, 0)? * rustix::param::page_size() as u64)
}

/// A process and all that descend from it.
fn family(process: u32) -> Result<Vec<u32>> {
    let mut parents = BTreeMap::new();
    for other in numbered("/proc")? {
        if let Ok(stat) = fs::read_to_string(format!("/proc/{other}/stat")) {
            parents.insert(other, field(after_name(&stat)?, 1)? as u32);
        }
    }
    let mut family = vec![process];
    let mut next = 0;
    while next < family.len() {
        let parent = family[next];
        family.extend(parents.iter().filter(|(_, its)| **its == parent).map(|(child, _)| *child));
        next += 1;
    }
    Ok(family)
}

fn coarse_time(process: u32) -> Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat =
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}: did the server end?"))?;
    let counted = after_name(&stat)?;
    // utime and stime are fields 14 and 15 of the whole line; 11 and 12 after the name, counted from 0.
    let ticks = field(counted, 11)? + field(counted, 12)?;
    Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
}

/// What follows the name in a stat line: the name is in parentheses and may itself hold anything.
fn after_name(stat: &str) -> Result<&str> {
    Ok(stat.rsplit_once(')').context("a stat line without a name")?.1)
}

/// A number in a line of fields, counted from 0.
fn field(line: &str, index: usize) -> Result<u64> {
    let word = line.split_whitespace().nth(index).with_context(|| format!("no field {index} in {line:?}"))?;
    word.parse().with_context(|| format!("field {index} is not a number: {word:?}"))
}

/// The entries of a directory whose names are numbers.
fn numbered(directory: &str) -> Result<Vec<u32>> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {directory}"))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    fn time(threads: &[(u32, u64)], coarse_ms: u64) -> CpuTime {
        CpuTime {
            nanoseconds_by_thread: threads.iter().copied().collect(),
            coarse: Duration::from_millis(coarse_ms),
        }
    }

    #[test]
    fn the_exact_count_is_used_while_all_threads_live() {
        let used = time(&[(1, 2_000_000), (2, 500_000)], 10).since(&time(&[(1, 1_000_000)], 0));
        assert_eq!(used, Duration::from_nanos(1_500_000));
    }

    #[test]
    fn a_thread_that_ended_is_counted_all_the_same() {
        let used = time(&[(1, 1_000_000)], 900).since(&time(&[(1, 0), (2, 0)], 0));
        assert_eq!(used, Duration::from_millis(900));
    }

    #[test]
    fn a_process_sees_its_own_time_memory_and_child() {
        let me = std::process::id();
        let before = CpuTime::read(me).unwrap();
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        assert!(family(me).unwrap().contains(&child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
        // Burns CPU time until it is seen: a reading that stands still would never end this test.
        while CpuTime::read(me).unwrap().since(&before) < Duration::from_millis(1) {}
        assert!(resident_bytes(me).unwrap() > 100_000);
    }

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 1 0 0 0 12 34 0 0 20";
        let counted = after_name(stat).unwrap();
        assert_eq!(
            (field(counted, 1).unwrap(), field(counted, 11).unwrap(), field(counted, 12).unwrap()),
            (1, 12, 34)
        );
    }
}
