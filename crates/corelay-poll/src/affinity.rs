//! Which CPUs this process may use, how much of them, and how a thread stays on one.
//!
//! [`std::thread::available_parallelism`] folds mask and quota into one number. A server that pins needs them
//! apart: the mask says *where* its threads may run, the quota only *how long*, and pinned threads under a
//! quota are throttled together while a free CPU stands by. Deliberately absent: NUMA and cache topology.

use crate::sys;
use std::io;

/// The CPUs that the calling thread may run on, ascending.
///
/// Ask before pinning anything, from the main thread: a thread inherits its creator's mask, and so does a
/// process that a pinned thread starts. This is also what to give [`set_current_thread_cpus`] to undo a pin.
///
/// ```
/// let cpus = corelay_poll::affinity::usable_cpus()?;
/// assert!(!cpus.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidInput` on a machine with more CPUs than the mask has bits (1,024).
pub fn usable_cpus() -> io::Result<Vec<usize>> {
    sys::affinity::current_thread_cpus()
}

/// How many CPUs' worth of time the cgroup quota grants this process per period; `None` where there is no
/// quota.
///
/// `Some(1.5)` means 150 ms of CPU in every 100 ms, over all CPUs. The tightest quota from the process's own
/// cgroup up to the root counts: `cpu.max` of cgroup v2, `cpu.cfs_quota_us` of v1. Linux only.
///
/// ```
/// if let Some(cpus) = corelay_poll::affinity::cpu_quota() {
///     assert!(cpus > 0.0);
/// }
/// ```
pub fn cpu_quota() -> Option<f64> {
    sys::cpu_quota()
}

/// Keeps the calling thread on `cpu`; `false` where the platform cannot (macOS: Apple silicon has no thread
/// affinity, and Intel's "affinity tag" is a hint about caches, not a CPU).
///
/// ```
/// use corelay_poll::affinity;
///
/// let cpus = affinity::usable_cpus()?;
/// if affinity::pin_current_thread(cpus[0])? {
///     assert_eq!(affinity::usable_cpus()?, [cpus[0]]);
///     affinity::set_current_thread_cpus(&cpus)?;
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidInput` for a CPU that does not exist, is offline, or is outside the process's cpuset.
pub fn pin_current_thread(cpu: usize) -> io::Result<bool> {
    set_current_thread_cpus(&[cpu])
}

/// Lets the calling thread run on `cpus` only; `false` where the platform cannot.
///
/// # Errors
///
/// `InvalidInput` if none of them can be used, or one has a number beyond the kernel's mask.
pub fn set_current_thread_cpus(cpus: &[usize]) -> io::Result<bool> {
    sys::affinity::set_current_thread_cpus(cpus)
}
