//! /proc/self/task, per-thread CPU-time clocks, and nice values, which on Linux are a thread's.

use crate::thread::{Activity, Scheduled};
use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

pub(crate) fn current() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
}

pub(crate) fn waits() -> u64 {
    // SAFETY: `rusage` is integers throughout, for which all zeroes is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is a live `rusage`. The call cannot fail for RUSAGE_THREAD, and if it did would leave zeroes.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) };
    usage.ru_nvcsw.unsigned_abs()
}

/// Opens what it reads each time: a server's descriptors are its peers'.
#[derive(Debug)]
pub(crate) struct Probe {
    thread: u32,
}

impl Probe {
    pub(crate) fn of(thread: u32) -> io::Result<Self> {
        if thread == 0 { Err(io::ErrorKind::NotFound.into()) } else { Ok(Self { thread }) }
    }

    pub(crate) fn activity(&self) -> io::Result<Activity> {
        let mut text = [0; 128];
        match self.read("stat", &mut text) {
            Ok(length) => state(&text[..length]).ok_or_else(|| io::ErrorKind::InvalidData.into()),
            // ESRCH: the thread has ended since the file was opened.
            Err(error) if is_gone(&error) => Ok(Activity::Stopped),
            Err(error) => Err(error),
        }
    }

    /// Nanoseconds on a CPU, nanoseconds in a run queue, time slices.
    pub(crate) fn scheduled(&self) -> io::Result<Scheduled> {
        let mut text = [0; 80];
        let length = self.read("schedstat", &mut text)?;
        let text = str::from_utf8(&text[..length]).unwrap_or_default();
        let mut times =
            text.split_whitespace().map_while(|number| number.parse().ok().map(Duration::from_nanos));
        Ok(Scheduled { ran: times.next().unwrap_or_default(), waited: times.next().unwrap_or_default() })
    }

    fn read(&self, name: &str, text: &mut [u8]) -> io::Result<usize> {
        File::open(format!("/proc/self/task/{}/{name}", self.thread))?.read(text)
    }

    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a live `timespec`; a clock that does not exist is refused with EINVAL.
        if unsafe { libc::clock_gettime(cpu_clock(self.thread), &mut time) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0)))
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// The clock of a thread's scheduled time, as pthread_getcpuclockid(3) makes its number: `CPUCLOCK_SCHED` (2) and
/// `CPUCLOCK_PERTHREAD_MASK` (4) of the kernel's include/linux/posix-timers_types.h.
fn cpu_clock(thread: u32) -> libc::clockid_t {
    (!thread << 3 | 4 | 2).cast_signed()
}

/// The state follows the name in parentheses, in which anything may stand, parentheses too.
fn state(stat: &[u8]) -> Option<Activity> {
    let after_name = stat.iter().rposition(|&octet| octet == b')')? + 2;
    match stat.get(after_name)? {
        b'R' => Some(Activity::Runnable),
        b'S' | b'D' | b'I' => Some(Activity::Asleep),
        _ => Some(Activity::Stopped),
    }
}

/// The slice of who comes first.
const SHORT: Duration = Duration::from_micros(100);
/// `SCHED_FLAG_RESET_ON_FORK` and `SCHED_FLAG_KEEP_POLICY` of include/uapi/linux/sched.h.
const RESET_ON_FORK: u64 = 1;
const KEEP_POLICY: u64 = 8;
/// The highest priority of SCHED_OTHER.
const FIRST: i32 = -20;

pub(crate) fn raise_priority(thread: u32) -> io::Result<()> {
    come_first(thread, KEEP_POLICY)
}

pub(crate) fn raise_priority_alone(thread: u32) -> io::Result<()> {
    come_first(thread, RESET_ON_FORK)
}

fn come_first(thread: u32, flags: u64) -> io::Result<()> {
    match set_attributes(thread, flags, FIRST, SHORT) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            set_attributes(thread, flags, nice(thread)?, SHORT)
        }
        other => other,
    }
}

pub(crate) fn set_slice(thread: u32, slice: Option<Duration>) -> io::Result<()> {
    set_attributes(thread, KEEP_POLICY, nice(thread)?, slice.unwrap_or_default())
}

fn nice(thread: u32) -> io::Result<i32> {
    let id = rustix::process::Pid::from_raw(thread.cast_signed()).ok_or(io::ErrorKind::NotFound)?;
    Ok(rustix::process::getpriority_process(Some(id))?)
}

/// sched_setattr(2) of a thread with the policy SCHED_OTHER. Its `sched_runtime` is the slice (Linux 6.12), from 0.1 to 100 ms; 0 is the
/// kernel's choice.
fn set_attributes(thread: u32, flags: u64, nice: i32, slice: Duration) -> io::Result<()> {
    /// `struct sched_attr` of include/uapi/linux/sched/types.h, as of its first version.
    #[repr(C)]
    struct Attributes {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime: u64,
        deadline: u64,
        period: u64,
    }
    if thread == 0 {
        // The kernel takes it for the calling one.
        return Err(io::ErrorKind::NotFound.into());
    }
    let attributes = Attributes {
        size: size_of::<Attributes>() as u32,
        policy: libc::SCHED_OTHER.cast_unsigned(),
        flags,
        nice,
        priority: 0,
        runtime: u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX),
        deadline: 0,
        period: 0,
    };
    // SAFETY: `attributes` is live, of the size that it says, and only read.
    if unsafe { libc::syscall(libc::SYS_sched_setattr, thread, &attributes, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

pub(crate) fn lower_priority(thread: u32) -> io::Result<()> {
    let thread = rustix::process::Pid::from_raw(thread.cast_signed()).ok_or(io::ErrorKind::NotFound)?;
    Ok(rustix::process::setpriority_process(Some(thread), 19)?)
}

/// `PR_FUTEX_HASH` of include/uapi/linux/prctl.h.
const FUTEX_HASH: libc::c_int = 78;

pub(crate) fn expect_sleepers(threads: u32) -> io::Result<()> {
    const SET_SLOTS: libc::c_ulong = 1;
    // One is none to the kernel.
    let slots = libc::c_ulong::from(threads.max(2)).next_power_of_two();
    let none: libc::c_ulong = 0;
    // SAFETY: this option takes four numbers, and no pointer.
    if unsafe { libc::prctl(FUTEX_HASH, SET_SLOTS, slots, none, none) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_may_ask_for_little_or_much_at_a_time_without_privileges() {
        for slice in [Some(Duration::from_micros(100)), Some(Duration::from_millis(100)), None] {
            set_slice(current(), slice).expect("the kernel takes the attributes");
        }
        assert!(
            set_slice(0, None).is_err() && raise_priority(0).is_err() && raise_priority_alone(0).is_err(),
            "there is no such thread"
        );
    }

    #[test]
    fn a_kernel_that_knows_of_it_makes_room_for_the_sleepers() {
        const GET_SLOTS: libc::c_ulong = 2;
        if expect_sleepers(1000).is_ok() {
            let none: libc::c_ulong = 0;
            // SAFETY: as above.
            assert_eq!(unsafe { libc::prctl(FUTEX_HASH, GET_SLOTS, none, none, none) }, 1024);
        }
    }

    #[test]
    fn a_name_may_hold_anything() {
        assert_eq!(state(b"12 (a) R (b)) S 1 2"), Some(Activity::Asleep));
        assert_eq!(state(b"12 (x) R 1"), Some(Activity::Runnable));
        assert_eq!(state(b"12 (x) T 1"), Some(Activity::Stopped));
        assert_eq!(state(b"12 (x"), None);
    }
}
