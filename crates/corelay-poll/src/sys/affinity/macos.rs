//! macOS offers no binding of threads to CPUs. `THREAD_AFFINITY_POLICY` only says which threads share a
//! cache, and on Apple silicon the call answers `KERN_NOT_SUPPORTED`. So a thread is reported unpinned rather
//! than half pinned.

use std::io;
use std::thread::available_parallelism;

pub(crate) fn current_thread_cpus() -> io::Result<Vec<usize>> {
    Ok((0..available_parallelism()?.get()).collect())
}

pub(crate) fn set_current_thread_cpus(_cpus: &[usize]) -> io::Result<bool> {
    Ok(false)
}
