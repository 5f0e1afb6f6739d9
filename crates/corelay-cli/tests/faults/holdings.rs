//! What a server's process holds: descriptors, threads, memory. What a peer has cost must be given back.

use std::time::Instant;

use crate::support::{PATIENCE, Process};
use crate::{Neighbour, until};

/// Memory that a second round of the same may cost, in bytes: what the allocator keeps of a peak is never quite the same.
const MEMORY_PLAY_BYTES: u64 = 12 << 20;

/// Threads that wait for the next connection and may be kept: `--max-idle-threads` of each listener.
const THREADS_KEPT: usize = 2;

/// What it holds while nobody but the neighbour is connected.
#[derive(Debug)]
pub(crate) struct Holdings {
    files: usize,
    threads: usize,
    resident_bytes: u64,
}

impl Holdings {
    /// Waits until nobody else is connected, and looks.
    pub(crate) fn at_rest(neighbour: &mut Neighbour<'_>) -> Self {
        until("nobody else is connected", || neighbour.counters().connections() == 1);
        Self::of(neighbour.server().process())
    }

    fn of(process: Process) -> Self {
        let (files, threads) = (process.open_files(), process.threads());
        Self { files, threads, resident_bytes: process.resident_bytes() }
    }

    /// Waits until there are no more descriptors and threads than then. A thread that waits for the next connection is kept.
    pub(crate) fn wait_for_files_and_threads(&self, neighbour: &mut Neighbour<'_>) {
        let begun = Instant::now();
        loop {
            neighbour.asks();
            let now = Self::of(neighbour.server().process());
            if now.files <= self.files && now.threads <= self.threads + THREADS_KEPT {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{self:?} became {now:?}");
        }
    }

    /// Memory is what it was, but for what an allocator plays with.
    pub(crate) fn assert_memory_is_not_more(&self, neighbour: &Neighbour<'_>) {
        let now = neighbour.server().process().resident_bytes();
        assert!(now <= self.resident_bytes + MEMORY_PLAY_BYTES, "{} bytes became {now}", self.resident_bytes);
    }
}
