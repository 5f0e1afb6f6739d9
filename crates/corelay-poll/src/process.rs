//! A process that is no child of this one, as a handle.

use crate::sys;
use rustix::io::Errno;
use rustix::process::{Pid, getppid};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Another process; readable once it has exited, and from then on. As [`Child`](crate::Child), for a process that was
/// not started here, and so has no exit status for us.
///
/// ```
/// use corelay_poll::{Events, Interest, Poller, Process, Token, Trigger};
/// use std::time::Duration;
///
/// let poller = Poller::new()?;
/// let parent = Process::parent()?;
/// poller.add(&parent, Token::new(0, 0), Interest::READ, Trigger::Level)?;
/// assert_eq!(poller.wait(&mut Events::with_capacity(1), Some(Duration::ZERO))?, 0, "it lives");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Process {
    exit: sys::Exit,
}

impl Process {
    /// Watches the process with this id. One that does not exist has exited.
    ///
    /// Unless the caller knows that the process lives, the id may be a stranger's by now.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an id that no process can have; `EMFILE` or `ENFILE` when no descriptor is left; `ENOSYS` on a
    /// Linux older than 5.3.
    pub fn watch(id: u32) -> io::Result<Self> {
        let exit = match sys::Exit::watch(id) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => sys::Exit::passed()?,
            watched => watched?,
        };
        Ok(Self { exit })
    }

    /// Watches the process that started this one. If that has exited already, so has this handle's.
    ///
    /// # Errors
    ///
    /// As [`Process::watch`].
    pub fn parent() -> io::Result<Self> {
        let Some(parent) = getppid() else { return Ok(Self { exit: sys::Exit::passed()? }) };
        let watched = Self::watch(Pid::as_raw(Some(parent)).unsigned_abs())?;
        // Who has lost its parent has another one: then the id that was watched may have been a stranger's.
        if getppid() == Some(parent) { Ok(watched) } else { Ok(Self { exit: sys::Exit::passed()? }) }
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.exit.as_fd()
    }
}
