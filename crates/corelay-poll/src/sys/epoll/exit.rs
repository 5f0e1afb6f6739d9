//! pidfd_open(2).

use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Readable from the exit of a process on; also after it was reaped, for a pidfd never forgets.
#[derive(Debug)]
pub(crate) struct Exit {
    pidfd: OwnedFd,
}

impl Exit {
    /// The process must be a child that nobody has reaped, so that `id` is still its own.
    pub(crate) fn watch(id: u32) -> io::Result<Self> {
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { pidfd: pidfd_open(pid, PidfdFlags::empty())? })
    }

    /// For a process that was reaped already: an eventfd that is readable and stays so looks the same to a
    /// poller.
    pub(crate) fn passed() -> io::Result<Self> {
        Ok(Self { pidfd: eventfd(1, EventfdFlags::CLOEXEC)? })
    }
}

impl AsFd for Exit {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}
