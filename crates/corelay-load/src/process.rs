//! Who belongs to a process, and what its threads have used: from proc(5).
//!
//! For the driver, which looks at the server's threads to place connections, and for benchmarks that count CPU time.
//! Deliberately absent: a system without `/proc`, where everything here is an error.

pub mod footprint;
pub mod usage;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::Duration;

/// A process and all that descend from it, itself first.
///
/// ```
/// if let Ok(family) = corelay_load::process::family(std::process::id()) {
///     assert_eq!(family[0], std::process::id());
/// }
/// ```
///
/// # Errors
///
/// `/proc` cannot be listed.
pub fn family(process: u32) -> io::Result<Vec<u32>> {
    let others = numbered("/proc")?.into_iter();
    // A process may end between the listing and the reading.
    let parents: BTreeMap<u32, u32> =
        others.filter_map(|other| Some((other, Stat::read(other).ok()?.parent))).collect();
    let mut family = vec![process];
    let mut next = 0;
    while next < family.len() {
        let parent = family[next];
        family.extend(parents.iter().filter(|(_, its)| **its == parent).map(|(child, _)| *child));
        next += 1;
    }
    Ok(family)
}

/// What `/proc/PID/stat` says of a process (proc_pid_stat(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// The process that started it, or adopted it.
    pub parent: u32,
    /// User and system time of all its threads, those that ended among them, in ticks of the clock (10 ms, mostly).
    pub cpu_ticks: u64,
}

impl Stat {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// There is no such process.
    pub fn read(process: u32) -> io::Result<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{process}/stat"))?).ok_or_else(unreadable)
    }

    /// The name is in parentheses and may itself hold anything; the other fields are counted from behind it.
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<_> = line.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self { parent: u32::try_from(number(1)?).ok()?, cpu_ticks: number(11)? + number(12)? })
    }
}

/// CPU time of each thread of some processes, at one moment, to the nanosecond (`/proc/PID/task/TID/schedstat`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadTimes(BTreeMap<u32, u64>);

impl ThreadTimes {
    /// Reads the threads of these processes. A thread that runs at this moment may be behind by a tick of the scheduler.
    ///
    /// ```
    /// use corelay_load::process::ThreadTimes;
    ///
    /// let me = [std::process::id()];
    /// if let Ok(before) = ThreadTimes::read(&me) {
    ///     let now = ThreadTimes::read(&me)?;
    ///     assert!(now.since(&before).count() >= 1);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// One of the processes is gone, or the kernel does not say (`CONFIG_SCHED_INFO`).
    pub fn read(processes: &[u32]) -> io::Result<Self> {
        let mut times = BTreeMap::new();
        for process in processes {
            for thread in numbered(&format!("/proc/{process}/task"))? {
                // A thread may end between the listing and the reading.
                let Ok(text) = fs::read_to_string(format!("/proc/{process}/task/{thread}/schedstat")) else {
                    continue;
                };
                let nanoseconds = text.split(' ').next().and_then(|word| word.parse().ok());
                times.insert(thread, nanoseconds.ok_or_else(unreadable)?);
            }
        }
        Ok(Self(times))
    }

    /// What each thread that is still there has used since an earlier reading.
    pub fn since(&self, earlier: &Self) -> impl Iterator<Item = (u32, Duration)> {
        self.0.iter().map(|(thread, now)| {
            let before = earlier.0.get(thread).copied().unwrap_or(0);
            (*thread, Duration::from_nanos(now.saturating_sub(before)))
        })
    }
}

/// The entries of a directory whose names are numbers.
fn numbered(directory: &str) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(directory)?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not as proc(5) describes it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 1 0 0 0 12 34 0 0 20";
        assert_eq!(Stat::parse(stat), Some(Stat { parent: 1, cpu_ticks: 46 }));
        assert_eq!(Stat::parse("7 (a) S 1"), None);
    }

    #[test]
    fn a_thread_that_began_in_between_counts_whole_and_one_that_ended_not_at_all() {
        let times = |threads: &[(u32, u64)]| ThreadTimes(threads.iter().copied().collect());
        let used: Vec<_> = times(&[(1, 5), (3, 7)]).since(&times(&[(1, 2), (2, 9)])).collect();
        assert_eq!(used, [(1, Duration::from_nanos(3)), (3, Duration::from_nanos(7))]);
    }
}
