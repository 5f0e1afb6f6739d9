//! A child process as a handle.

use crate::sys;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Command, ExitStatus};

/// A child process; readable once it has exited, and from then on. A pidfd on Linux, a kqueue with one
/// `EVFILT_PROC` filter elsewhere.
///
/// It needs no `SIGCHLD`, steals no other child's exit, and cannot mistake a process that was given the same
/// number later. Dropping it neither kills nor reaps, as with [`std::process::Child`]: an exited child that
/// nobody waits for stays a zombie until this process ends.
///
/// ```
/// use corelay_poll::{Child, Events, Interest, Poller, Token, Trigger};
/// use std::process::Command;
///
/// let poller = Poller::new()?;
/// let mut child = Child::spawn(&mut Command::new("true"))?;
/// poller.add(&child, Token::new(0, 0), Interest::READ, Trigger::Level)?;
///
/// let mut events = Events::with_capacity(4);
/// let status = loop {
///     poller.wait(&mut events, None)?;
///     if let Some(status) = child.try_wait()? {
///         break status;
///     }
/// };
/// assert!(status.success());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    exit: sys::Exit,
}

impl Child {
    /// Starts `command` and watches the process.
    ///
    /// # Errors
    ///
    /// Those of [`Command::spawn`]; `EMFILE` or `ENFILE` when no descriptor is left for the handle (the
    /// process has then been killed and reaped); `ENOSYS` on a Linux older than 5.3.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut process = command.spawn()?;
        match sys::Exit::watch(process.id()) {
            Ok(exit) => Ok(Self { process, exit }),
            Err(error) => {
                process.kill()?;
                process.wait()?;
                Err(error)
            }
        }
    }

    /// The process id, as the operating system and its logs know it.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The exit status if the process has exited, reaping it; then the same answer again and again. Never
    /// blocks.
    ///
    /// FreeBSD and macOS may report the exit a moment before the status can be collected (libuv #3504): take
    /// `None` as "the next wait will tell", as the example does.
    ///
    /// # Errors
    ///
    /// `ECHILD` if some other code of this process has reaped the child.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// The process as the standard library has it: its pipes, `kill`, a blocking `wait`.
    pub fn process_mut(&mut self) -> &mut std::process::Child {
        &mut self.process
    }
}

/// Watches a process that was started elsewhere.
///
/// # Errors
///
/// As [`Child::spawn`], but the process is left running.
impl TryFrom<std::process::Child> for Child {
    type Error = io::Error;

    /// Once reaped, a process id belongs to nobody or to a stranger, so it must not be looked up: ask first.
    /// As only the owner of `process` reaps it, the answer "still there" stays true (as a zombie at least).
    fn try_from(mut process: std::process::Child) -> io::Result<Self> {
        let exit = match process.try_wait()? {
            Some(_) => sys::Exit::passed()?,
            None => sys::Exit::watch(process.id())?,
        };
        Ok(Self { process, exit })
    }
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.exit.as_fd()
    }
}
