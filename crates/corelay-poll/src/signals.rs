//! Signals as a handle: read where the program is ready for them, not wherever a handler happens to run.

use crate::sys;
use signal_hook::consts;
use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// A signal that a server may want to hear of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGTERM`: a service manager asks the process to end.
    Terminate,
    /// `SIGINT`: Ctrl-C.
    Interrupt,
    /// `SIGHUP`: the terminal is gone; for daemons by custom: read the configuration again.
    Hangup,
    /// `SIGUSR1`, for the program to define.
    User1,
    /// `SIGUSR2`, for the program to define.
    User2,
    /// `SIGQUIT`: Ctrl-\, by custom: end gracefully (nginx) or dump state (JVM).
    Quit,
    /// `SIGCHLD`: some child changed state. [`Child`](crate::Child) says which and needs no signal.
    Child,
    /// `SIGWINCH`: the terminal has a new size.
    Window,
}

impl Signal {
    /// The number of the signal on this system, signal(7).
    pub const fn number(self) -> c_int {
        match self {
            Self::Terminate => consts::SIGTERM,
            Self::Interrupt => consts::SIGINT,
            Self::Hangup => consts::SIGHUP,
            Self::User1 => consts::SIGUSR1,
            Self::User2 => consts::SIGUSR2,
            Self::Quit => consts::SIGQUIT,
            Self::Child => consts::SIGCHLD,
            Self::Window => consts::SIGWINCH,
        }
    }
}

/// Readable while a signal it listens for has arrived and has not been taken with [`next`](Self::next).
///
/// On Linux it is a pipe that a signal handler writes to, and deliberately not a signalfd. A signalfd only
/// sees signals that are *blocked in every thread*: threads that already run when it is made (the test
/// runner's, a library's) would still die of the signal, and every child started later would inherit the
/// blocked mask and shrug off `SIGTERM`. A handler covers all threads, and exec resets it. On kqueue it is a
/// kqueue of `EVFILT_SIGNAL` filters, with a handler beside it that does nothing but keep the default action
/// (death) away.
///
/// Several may listen for one signal; each gets it. Standard signals coalesce: two before anyone looks are
/// one. Dropping it does not restore the default action: the process then ignores those signals.
///
/// ```
/// use corelay_poll::{Events, Interest, Poller, Signal, Signals, Token, Trigger};
///
/// let poller = Poller::new()?;
/// let signals = Signals::new(&[Signal::User1, Signal::Hangup])?;
/// poller.add(&signals, Token::new(0, 0), Interest::READ, Trigger::Level)?;
///
/// signal_hook::low_level::raise(Signal::Hangup.number())?;      // what `kill -HUP` does
/// let mut events = Events::with_capacity(4);
/// while poller.wait(&mut events, None)? == 0 {}
/// assert_eq!(signals.next(), Some(Signal::Hangup));
/// assert_eq!(signals.next(), None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Signals(sys::Signals);

impl Signals {
    /// Listens for `signals`, from now on and for the whole process.
    ///
    /// # Errors
    ///
    /// `EMFILE` or `ENFILE` when no descriptor is left: Linux needs two, and one more for each signal.
    pub fn new(signals: &[Signal]) -> io::Result<Self> {
        sys::Signals::new(signals).map(Self)
    }

    /// Takes one signal that has arrived; `None` when there is none. Never blocks.
    ///
    /// The handle stays readable until this has said `None`, so a level-triggered loop may take one a turn,
    /// and an edge-triggered one must go on until `None`.
    pub fn next(&self) -> Option<Signal> {
        self.0.next()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
