//! What the server holds whenever it is at rest, and whether that grows.
//!
//! Two looks differ though nothing is lost: an allocator keeps of each peak another part, and tables and descriptors are made when they
//! are first needed. But what is kept has an end, and what is lost has none. So the looks of the second half are compared with those of
//! the first. No descriptor may be more than ever in the first half; and if even the least memory is more than the most in the first
//! half, it grows.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use corelay_load::process::usage::{resident_bytes, thread_count};

/// Threads that wait for work at one moment and not at another.
const THREADS_PLAY: usize = 4;
/// Memory that the second half may have more, in bytes: code and tables that are touched for the first time late.
const MEMORY_PLAY_BYTES: u64 = 8 << 20;

/// A server is looked at until it has not given anything up for so long: it gives memory back a while after it was needed.
const SETTLED: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What it holds when nobody wants anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holdings {
    files: usize,
    threads: usize,
    resident_bytes: u64,
}

impl Holdings {
    /// The least of what is seen until nothing becomes less.
    pub(super) fn settled(process: u32) -> Result<Self> {
        let mut least = Self::of(process)?;
        let mut since = Instant::now();
        while since.elapsed() < SETTLED {
            thread::sleep(LOOK_AGAIN);
            let less = least.min(Self::of(process)?);
            if less != least {
                (least, since) = (less, Instant::now());
            }
        }
        Ok(least)
    }

    fn of(process: u32) -> Result<Self> {
        let files = std::fs::read_dir(format!("/proc/{process}/fd"))?.count();
        Ok(Self { files, threads: thread_count(process)?, resident_bytes: resident_bytes(process)? })
    }

    fn min(self, other: Self) -> Self {
        Self {
            files: self.files.min(other.files),
            threads: self.threads.min(other.threads),
            resident_bytes: self.resident_bytes.min(other.resident_bytes),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            files: self.files.max(other.files),
            threads: self.threads.max(other.threads),
            resident_bytes: self.resident_bytes.max(other.resident_bytes),
        }
    }
}

impl fmt::Display for Holdings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = mib(self.resident_bytes);
        write!(out, "{} descriptors, {} threads, {mib:.1} MiB resident", self.files, self.threads)
    }
}

/// The first rest is before what is judged; the others follow each other at equal distances.
///
/// # Errors
///
/// What grows.
pub(super) fn ensure_nothing_grows(first: Holdings, later: &[Holdings]) -> Result<()> {
    let (early, late) = later.split_at(later.len() / 2);
    let most = early.iter().fold(first, |most, holdings| most.max(*holdings));
    for holdings in late {
        ensure!(holdings.files <= most.files, "descriptors are kept: at most {most}, then {holdings}");
        let threads_max = most.threads + THREADS_PLAY;
        ensure!(holdings.threads <= threads_max, "threads are kept: at most {most}, then {holdings}");
    }
    let least = late.iter().map(|holdings| holdings.resident_bytes).min().unwrap_or(0);
    ensure!(
        least <= most.resident_bytes + MEMORY_PLAY_BYTES,
        "memory grows: at most {:.1} MiB in the first half, at least {:.1} MiB in the second",
        mib(most.resident_bytes),
        mib(least)
    );
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(mib: &[u64]) -> Result<()> {
        let rests: Vec<_> = mib.iter().map(|mib| of_memory(*mib)).collect();
        ensure_nothing_grows(rests[0], &rests[1..])
    }

    fn of_memory(mib: u64) -> Holdings {
        Holdings { files: 25, threads: 4, resident_bytes: mib << 20 }
    }

    #[test]
    fn memory_may_go_up_and_down_and_level_off() {
        for rests in
            [&[10, 10, 10, 10, 10][..], &[10, 90, 20, 80, 15], &[10, 40, 70, 71, 72], &[90, 10, 10, 50, 50]]
        {
            assert!(judged(rests).is_ok(), "{rests:?}");
        }
    }

    #[test]
    fn memory_that_goes_on_growing_is_found() {
        for rests in [&[10, 20, 30, 40, 50][..], &[10, 15, 10, 30, 24], &[10, 10, 10, 19, 19]] {
            assert!(judged(rests).is_err(), "{rests:?}");
        }
    }

    #[test]
    fn a_descriptor_more_is_one_that_is_lost_and_a_few_threads_are_not() {
        let first = of_memory(10);
        let then = |files, threads| {
            let late = Holdings { files, threads, ..first };
            ensure_nothing_grows(first, &[first, first, late, late])
        };
        assert!(then(25, 8).is_ok());
        assert!(then(26, 4).is_err());
        assert!(then(25, 9).is_err());
        let early = Holdings { files: 26, ..first };
        assert!(ensure_nothing_grows(first, &[early; 4]).is_ok(), "it was made when it was first needed");
    }
}
