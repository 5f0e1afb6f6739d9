//! Limits of the process: those that a server must raise before it serves, and those that keep it from one more thread.

use crate::sys;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fmt;
use std::io;

/// Raises the soft limit of open files to the hard one, and returns the soft limit before and after
/// (`u64::MAX` = unlimited).
///
/// The soft limit is 1,024 by custom, for the sake of programs that use select(2). A server holds a
/// descriptor for every connection. Children inherit the raised limit.
///
/// ```
/// let (before, after) = corelay_poll::limits::raise_open_files()?;
/// assert!(after >= before);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// None known on Linux and FreeBSD; on macOS whatever setrlimit(2) says to 10,240 files.
pub fn raise_open_files() -> io::Result<(u64, u64)> {
    let limit = getrlimit(Resource::Nofile);
    let before = limit.current.unwrap_or(u64::MAX);
    let mut refused = None;
    for wanted in sys::open_files_candidates(limit.maximum) {
        let after = wanted.unwrap_or(u64::MAX);
        if after <= before {
            return Ok((before, before));
        }
        match setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum: limit.maximum }) {
            Ok(()) => return Ok((before, after)),
            Err(errno) => refused = Some(errno),
        }
    }
    refused.map_or(Ok((before, before)), |errno| Err(errno.into()))
}

/// The memory that this process may use, in bytes: the machine's, or less if a control group limits it. `None`: it cannot be told.
///
/// The least limit from the process's own group up to the root counts: `memory.max` of cgroup v2, `memory.limit_in_bytes` of
/// v1. How much of it others use is not looked at.
///
/// ```
/// if let Some(bytes) = corelay_poll::limits::memory_bytes() {
///     assert!(bytes > 0);
/// }
/// ```
pub fn memory_bytes() -> Option<u64> {
    [sys::physical_bytes(), sys::memory_limit()].into_iter().flatten().min()
}

/// What keeps a process from one more thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThreadLimit {
    /// `vm.max_map_count`: memory mappings of the process. A thread has four.
    Mappings,
    /// `RLIMIT_AS`: its address space.
    AddressSpace,
    /// `RLIMIT_NPROC`: threads of its user. Root is not bound by it.
    Processes,
    /// `pids.max` of its control group.
    ControlGroup,
    /// `kernel.threads-max` or `kernel.pid_max`: threads of the whole system.
    System,
    /// None of these is known to be reached: memory, or a limit that cannot be seen.
    Memory,
}

impl fmt::Display for ThreadLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mappings => "vm.max_map_count",
            Self::AddressSpace => "RLIMIT_AS",
            Self::Processes => "RLIMIT_NPROC",
            Self::ControlGroup => "pids.max of the control group",
            Self::System => "kernel.threads-max or kernel.pid_max",
            Self::Memory => "memory, or a limit that cannot be seen",
        })
    }
}

/// Whether a process that has `threads` threads may try to start another one with a stack of `stack_bytes`.
///
/// Not every limit is met where a thread is asked for: past some, the thread starts and the process ends, for want of a page that
/// the standard library needs in it. Those are looked at here, with something left for all else.
///
/// ```
/// use corelay_poll::limits::thread_room;
///
/// assert_eq!(thread_room(1, 64 * 1024), Ok(()));
/// ```
///
/// # Errors
///
/// The limit that is in the way: [`ThreadLimit::Mappings`] or [`ThreadLimit::AddressSpace`]. Never but on Linux.
pub fn thread_room(threads: usize, stack_bytes: usize) -> Result<(), ThreadLimit> {
    sys::threads::room(threads, stack_bytes)
}

/// The limit that a thread which could not be started has met: the kernel itself says only `EAGAIN`. Reads a few files.
pub fn thread_limit() -> ThreadLimit {
    sys::threads::reached()
}
