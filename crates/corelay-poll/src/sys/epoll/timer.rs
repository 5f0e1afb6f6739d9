//! timerfd_create(2).

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

const ZERO: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

#[derive(Debug)]
pub(crate) struct Timer {
    timerfd: OwnedFd,
}

impl Timer {
    /// `CLOCK_MONOTONIC` is also the clock of [`std::time::Instant`].
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self { timerfd: timerfd_create(TimerfdClockId::Monotonic, flags)? })
    }

    pub(crate) fn set_after(&self, delay: Duration) -> io::Result<()> {
        self.set(timespec(delay))
    }

    pub(crate) fn clear(&self) -> io::Result<()> {
        self.set(ZERO)
    }

    /// Setting also zeroes the kernel's count of expirations (timerfd_setup in fs/timerfd.c).
    fn set(&self, it_value: Timespec) -> io::Result<()> {
        let new = Itimerspec { it_interval: ZERO, it_value };
        timerfd_settime(&self.timerfd, TimerfdTimerFlags::empty(), &new)?;
        Ok(())
    }

    /// The only error is `EAGAIN`: it has not expired. (`ECANCELED` is for clocks that can be set.)
    pub(crate) fn acknowledge(&self) -> u64 {
        let mut count = [0; 8];
        match rustix::io::read(&self.timerfd, &mut count) {
            Ok(_) => u64::from_ne_bytes(count),
            Err(_) => 0,
        }
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timerfd.as_fd()
    }
}

/// An `it_value` of zero would disarm the timer, so "now" is one nanosecond. What the kernel cannot count it
/// takes for the longest it can (timespec64_to_ktime: 292 years).
fn timespec(delay: Duration) -> Timespec {
    let delay = delay.max(Duration::from_nanos(1));
    let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
    Timespec { tv_sec: seconds, tv_nsec: delay.subsec_nanos().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_delay_disarms_or_wraps() {
        for (delay, expected) in [
            (Duration::ZERO, (0, 1)),
            (Duration::from_nanos(1_000_000_001), (1, 1)),
            (Duration::MAX, (i64::MAX, 999_999_999)),
        ] {
            let Timespec { tv_sec, tv_nsec } = timespec(delay);
            assert_eq!((tv_sec, tv_nsec), expected, "{delay:?}");
        }
    }
}
