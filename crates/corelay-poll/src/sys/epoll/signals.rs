//! The self-pipe; why not signalfd(2) is told at [`crate::Signals`].

use crate::Signal;
use rustix::pipe::{PipeFlags, pipe_with};
use signal_hook::{SigId, flag, low_level};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One flag for each signal says *which*, one pipe for all says *that*.
#[derive(Debug)]
pub(crate) struct Signals {
    arrived: Vec<(Signal, Arc<AtomicBool>)>,
    bell: OwnedFd,
    actions: Vec<SigId>,
}

impl Signals {
    pub(crate) fn new(signals: &[Signal]) -> io::Result<Self> {
        let (bell, ring) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let mut this = Self { arrived: Vec::new(), bell, actions: Vec::new() };
        for &signal in signals {
            this.listen(signal, ring.try_clone()?)?;
        }
        Ok(this)
    }

    /// The handler runs its actions in the order of their registration: the flag must be up before the bell
    /// rings, or `next` could answer the bell, find no flag and go to sleep on a signal.
    fn listen(&mut self, signal: Signal, ring: OwnedFd) -> io::Result<()> {
        let flag = Arc::new(AtomicBool::new(false));
        self.actions.push(flag::register(signal.number(), Arc::clone(&flag))?);
        self.actions.push(low_level::pipe::register(signal.number(), ring)?);
        self.arrived.push((signal, flag));
        Ok(())
    }

    /// The bell is silenced only when no flag is up, and the flags are looked at once more afterwards: a
    /// signal in between raised its flag first. So the handle is readable whenever a flag is up.
    pub(crate) fn next(&self) -> Option<Signal> {
        self.take().or_else(|| {
            self.silence();
            self.take()
        })
    }

    fn take(&self) -> Option<Signal> {
        self.arrived.iter().find(|(_, flag)| flag.swap(false, Ordering::SeqCst)).map(|&(signal, _)| signal)
    }

    /// One byte per signal, 64 KiB at the most: the handler drops what does not fit.
    fn silence(&self) {
        let mut bytes = [0; 256];
        while rustix::io::read(&self.bell, &mut bytes).is_ok_and(|read| read == bytes.len()) {}
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for &action in &self.actions {
            low_level::unregister(action);
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
