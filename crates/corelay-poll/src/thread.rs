//! What another thread of this process is doing: asleep, running, or waiting for a CPU.
//!
//! A watcher that only sees that a thread does not come back cannot tell a blocking system call from a long computation, nor
//! either from a thread that merely has no CPU. [`Probe`] can. Deliberately absent: threads of other processes.

use crate::sys;
use std::io;
use std::time::Duration;

/// The kernel's number of the calling thread: what [`Probe::of`] takes. 0 where the platform has none to offer.
pub fn current() -> u32 {
    sys::thread::current()
}

/// The CPU time that the calling thread has used.
pub fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // A clock of a thread that runs begins at zero and goes forward: neither field is negative.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// How often the calling thread has given up its CPU to wait for something (getrusage(2), `ru_nvcsw`): being preempted does
/// not count. Always 0 but on Linux.
///
/// ```
/// let before = corelay_poll::thread::waits();
/// std::thread::sleep(std::time::Duration::from_millis(1));
/// assert!(corelay_poll::thread::waits() > before || before == 0);
/// ```
pub fn waits() -> u64 {
    sys::thread::waits()
}

/// Looks at one thread of this process.
#[derive(Debug)]
pub struct Probe(sys::thread::Probe);

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// In a system call or page fault that waits.
    Asleep,
    /// Running, or ready to and without a CPU: its CPU time tells which.
    Runnable,
    /// Stopped by a signal or a debugger, or gone.
    Stopped,
}

/// What the scheduler has given a thread since it began, and what it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scheduled {
    /// Time on a CPU.
    pub ran: Duration,
    /// Time in run queues: ready to run, and without a CPU.
    pub waited: Duration,
}

impl Probe {
    /// A probe of the thread with this number.
    ///
    /// # Errors
    ///
    /// `NotFound` for 0; `Unsupported` but on Linux.
    pub fn of(thread: u32) -> io::Result<Self> {
        sys::thread::Probe::of(thread).map(Self)
    }

    /// What the thread is doing: a look into `/proc/self/task/TID/stat` (proc_pid_stat(5)).
    ///
    /// ```
    /// use corelay_poll::thread::{self, Activity, Probe};
    ///
    /// if let Ok(probe) = Probe::of(thread::current()) {
    ///     assert_eq!(probe.activity()?, Activity::Runnable);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What opening and reading report, `EMFILE` among it, and `InvalidData` for a state that is none.
    pub fn activity(&self) -> io::Result<Activity> {
        self.0.activity()
    }

    /// For how long the thread has had a CPU, and waited for one (`/proc/self/task/TID/schedstat`). Of a running thread it may be
    /// behind by a tick of the scheduler.
    ///
    /// # Errors
    ///
    /// What reading reports, `Unsupported` for a kernel without `CONFIG_SCHED_INFO`.
    pub fn scheduled(&self) -> io::Result<Scheduled> {
        self.0.scheduled()
    }

    /// The CPU time the thread has used (its CPU-time clock, clock_getcpuclockid(3)).
    ///
    /// # Errors
    ///
    /// `InvalidInput` once the thread is gone.
    pub fn cpu_time(&self) -> io::Result<Duration> {
        self.0.cpu_time()
    }
}

/// Has a thread of this process come before others when it wakes, and those that it starts from then on: a time
/// [slice](set_slice) of a tenth of a millisecond, and nice -20, which needs CAP_SYS_NICE or `RLIMIT_NICE`. For who does little
/// and must not wait for it.
///
/// # Errors
///
/// `NotFound` if there is no such thread. `Unsupported` but on Linux.
pub fn raise_priority(thread: u32) -> io::Result<()> {
    sys::thread::raise_priority(thread)
}

/// The same for the thread alone: those that it starts have the kernel's choice (`SCHED_FLAG_RESET_ON_FORK`, sched_setattr(2)).
///
/// # Errors
///
/// As [`raise_priority`].
pub fn raise_priority_alone(thread: u32) -> io::Result<()> {
    sys::thread::raise_priority_alone(thread)
}

/// Asks for a time slice for a thread of this process, and for those and the processes that it starts from then on: 0.1 to 100 ms,
/// or the kernel's choice. Under EEVDF (Linux 6.12) that is not for how long it may run in all but how soon it must be its turn: who
/// asks for less at a time is served first when it wakes, and takes the processor from who asks for more. Other policies
/// than SCHED_OTHER have none.
///
/// ```
/// use corelay_poll::thread;
/// use std::time::Duration;
///
/// // Work that nobody waits for. It is a hint: where it cannot be given there is nothing to be done.
/// let _ = thread::set_slice(thread::current(), Some(Duration::from_millis(100)));
/// ```
///
/// # Errors
///
/// `NotFound` if there is no such thread. `Unsupported` but on Linux.
pub fn set_slice(thread: u32, slice: Option<Duration>) -> io::Result<()> {
    sys::thread::set_slice(thread, slice)
}

/// Has a thread of this process yield to all others: nice 19. An unprivileged thread cannot go back.
///
/// # Errors
///
/// `NotFound` if there is no such thread. `Unsupported` but on Linux, where alone niceness is a thread's.
pub fn lower_priority(thread: u32) -> io::Result<()> {
    sys::thread::lower_priority(thread)
}

/// Says that as many threads of this process may sleep at the same time (on locks, condition variables, channels): its futexes get as
/// many buckets in the kernel, a power of two, 64 bytes each. Since Linux 6.17 a process has its own buckets, four for
/// each *processor* (16 at the least), and waking one thread looks at all that sleep in its bucket: 0.2 ms with 10,000 threads
/// on a machine of two processors.
///
/// ```
/// // Where it cannot be said there is nothing to be done.
/// let _ = corelay_poll::thread::expect_sleepers(10_000);
/// ```
///
/// # Errors
///
/// `InvalidInput` before Linux 6.16, and where the kernel has no such buckets (`CONFIG_FUTEX_PRIVATE_HASH`); `OutOfMemory`.
/// `Unsupported` but on Linux.
pub fn expect_sleepers(threads: u32) -> io::Result<()> {
    sys::thread::expect_sleepers(threads)
}
