//! What a process and its children have used: CPU time and resident memory, from proc(5).

use std::fs;
use std::io;
use std::time::Duration;

use super::{Stat, ThreadTimes, family, unreadable};

/// What the scheduler's exact count may lag behind the coarse one before a thread must have ended in between.
const COARSE_ERROR: Duration = Duration::from_millis(50);

/// CPU time, user and system, of a process, its threads and its children, at one moment.
///
/// Taken twice over: per thread from `/proc/PID/task/TID/schedstat`, which is exact but forgets a thread that ended, and
/// per process from `/proc/PID/stat`, which remembers them but counts in ticks of 10 ms.
#[derive(Debug)]
pub struct CpuTime {
    threads: Option<ThreadTimes>,
    coarse: Duration,
}

/// Reading a thread's time takes some microseconds of a CPU that the load may want. A server that has more threads than this
/// has used so much that ticks of 10 ms tell it well enough.
const THREADS_READ_MAX: usize = 1_000;

impl CpuTime {
    /// Reads the CPU time of a process and all that descend from it.
    ///
    /// # Errors
    ///
    /// The process has ended.
    pub fn read(process: u32) -> io::Result<Self> {
        let threads = ThreadTimes::read(&family(process)?)
            .map_err(|error| told(&error, &format!("the threads of {process}")))?;
        Ok(Self { threads: Some(threads), ..Self::read_coarse(process)? })
    }

    /// The same in the midst of load, which many threads make the coarse one.
    ///
    /// # Errors
    ///
    /// The process has ended.
    pub fn read_beside_load(process: u32) -> io::Result<Self> {
        let read = if threads_told(process)? > THREADS_READ_MAX { Self::read_coarse } else { Self::read };
        read(process)
    }

    fn read_coarse(process: u32) -> io::Result<Self> {
        let mut coarse = Duration::ZERO;
        for member in family(process)? {
            coarse += coarse_time(member)?;
        }
        Ok(Self { threads: None, coarse })
    }

    /// What was used since an earlier reading.
    pub fn since(&self, earlier: &Self) -> Duration {
        let coarse = self.coarse.saturating_sub(earlier.coarse);
        match (&self.threads, &earlier.threads) {
            (Some(now), Some(before)) => {
                larger_if_a_thread_ended(now.since(before).map(|(_, used)| used).sum(), coarse)
            }
            _ => coarse,
        }
    }
}

/// Resident memory of a process and all that descend from it, in bytes.
///
/// From `smaps_rollup`, which counts pages: `status` is allowed to be off by some per CPU.
///
/// # Errors
///
/// The process has ended.
pub fn resident_bytes(process: u32) -> io::Result<u64> {
    let mut bytes = 0;
    for member in family(process)? {
        bytes += in_file(&format!("/proc/{member}/smaps_rollup"), "Rss:")? * 1024;
    }
    Ok(bytes)
}

/// Threads of a process and all that descend from it.
///
/// # Errors
///
/// The process has ended.
pub fn thread_count(process: u32) -> io::Result<usize> {
    let mut threads = 0;
    for member in family(process)? {
        threads += fs::read_dir(format!("/proc/{member}/task"))?.count();
    }
    Ok(threads)
}

/// What the kernel keeps for the TCP sockets of the whole machine, in bytes: `sockstat` counts it in pages.
///
/// # Errors
///
/// There is no such file.
pub fn socket_buffer_bytes() -> io::Result<u64> {
    let sockets = fs::read_to_string("/proc/net/sockstat")?;
    let line = sockets.lines().find_map(|line| line.strip_prefix("TCP:"));
    let (_, pages) = line.and_then(|line| line.split_once(" mem ")).ok_or_else(unreadable)?;
    Ok(field(pages, 0).ok_or_else(unreadable)? * rustix::param::page_size() as u64)
}

fn coarse_time(process: u32) -> io::Result<Duration> {
    let stat = Stat::read(process).map_err(|error| told(&error, &format!("/proc/{process}/stat")))?;
    Ok(Duration::from_millis(stat.cpu_ticks * 1000 / rustix::param::clock_ticks_per_second()))
}

/// The exact count, unless the coarse one shows that a thread ended and took its exact time along.
fn larger_if_a_thread_ended(exact: Duration, coarse: Duration) -> Duration {
    if coarse > exact + COARSE_ERROR { coarse } else { exact }
}

/// Threads as the process itself counts them: one number, however many there are.
fn threads_told(process: u32) -> io::Result<usize> {
    Ok(in_file(&format!("/proc/{process}/status"), "Threads:")? as usize)
}

/// The number behind `name` at the beginning of a line of a file.
///
/// # Errors
///
/// There is no such file (of a process: it has ended), line or number.
pub fn in_file(path: &str, name: &str) -> io::Result<u64> {
    let text = fs::read_to_string(path).map_err(|error| told(&error, path))?;
    let number = text.lines().find_map(|line| line.strip_prefix(name)).and_then(|line| field(line, 0));
    number.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no number at {name} in {path}")))
}

/// A number in a line of fields, counted from 0.
fn field(line: &str, index: usize) -> Option<u64> {
    line.split_whitespace().nth(index)?.parse().ok()
}

fn told(error: &io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("cannot read {what}: {error}; did the process end?"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn the_exact_count_is_used_while_all_threads_live() {
        let ms = Duration::from_millis;
        assert_eq!(larger_if_a_thread_ended(ms(2), ms(10)), ms(2));
        assert_eq!(larger_if_a_thread_ended(ms(1), ms(900)), ms(900));
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
}
