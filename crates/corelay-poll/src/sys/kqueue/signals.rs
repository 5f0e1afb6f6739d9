//! `EVFILT_SIGNAL`.

use super::filter::{apply, change, queue, take};
use crate::Signal;
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, Kqueue};
use signal_hook::{SigId, flag, low_level};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The filter hears of a signal beside its action and does not replace it: without a handler a `SIGTERM`
/// would be reported to a process that it has just killed. `SIG_IGN` would do for this process, but children
/// would inherit it through exec, and a handler they do not.
#[derive(Debug)]
pub(crate) struct Signals {
    listening: Vec<Signal>,
    queue: Kqueue,
    actions: Vec<SigId>,
}

impl Signals {
    pub(crate) fn new(signals: &[Signal]) -> io::Result<Self> {
        let mut this = Self { listening: Vec::new(), queue: queue()?, actions: Vec::new() };
        for &signal in signals {
            this.listen(signal)?;
        }
        Ok(this)
    }

    /// The filter first: from the moment the handler keeps death away, the signal must be heard.
    fn listen(&mut self, signal: Signal) -> io::Result<()> {
        let number = signal.number();
        let ident = number as usize; // signal numbers are small and positive
        let flags = EvFlags::EV_ADD | EvFlags::EV_CLEAR;
        apply(&self.queue, [change(ident, EventFilter::EVFILT_SIGNAL, flags, FilterFlag::empty(), 0)])?;
        self.actions.push(flag::register(number, Arc::new(AtomicBool::new(false)))?);
        self.listening.push(signal);
        Ok(())
    }

    pub(crate) fn next(&self) -> Option<Signal> {
        let event = take(&self.queue)?;
        self.listening.iter().copied().find(|signal| signal.number() as usize == event.ident())
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
        self.queue.as_fd()
    }
}
