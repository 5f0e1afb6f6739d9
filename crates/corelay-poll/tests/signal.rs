//! Signals: heard by the whole process, taken where the program is ready for them.
//!
//! Signals are the process's, and the tests of a file share one: each test has signals of its own.

mod support;

use corelay_poll::{Interest, Poller, Signal, Signals, Trigger};
use signal_hook::low_level::raise;
use std::collections::HashSet;
use std::hint;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use support::{TOKEN, found_tokens, silent};

#[test]
fn it_is_readable_until_every_signal_was_taken() -> io::Result<()> {
    let poller = Poller::new()?;
    let signals = Signals::new(&[Signal::Hangup, Signal::Quit])?;
    poller.add(&signals, TOKEN, Interest::READ, Trigger::Level)?;
    assert!(silent(&poller)?);
    assert_eq!(signals.next(), None);

    raise(Signal::Hangup.number())?;
    raise(Signal::Quit.number())?;
    raise(Signal::Quit.number())?;
    let mut taken = HashSet::new();
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    taken.extend(signals.next());
    assert_eq!(found_tokens(&poller)?, [TOKEN], "the second signal is still to be taken");
    taken.extend(signals.next());
    assert_eq!(taken, HashSet::from([Signal::Hangup, Signal::Quit]));

    assert_eq!(signals.next(), None, "two of a kind are one");
    assert!(silent(&poller)?);
    raise(Signal::Quit.number())?;
    assert_eq!(found_tokens(&poller)?, [TOKEN], "it goes on listening");
    assert_eq!(signals.next(), Some(Signal::Quit));
    Ok(())
}

#[test]
fn two_listeners_both_hear_and_the_end_of_one_does_not_silence_the_other() -> io::Result<()> {
    let first = Signals::new(&[Signal::User2])?;
    let second = Signals::new(&[Signal::User2])?;
    raise(Signal::User2.number())?;
    assert_eq!(first.next(), Some(Signal::User2));
    assert_eq!(second.next(), Some(Signal::User2));
    drop(first);
    raise(Signal::User2.number())?;
    assert_eq!(second.next(), Some(Signal::User2));
    Ok(())
}

#[test]
fn more_signals_than_the_pipe_holds_neither_block_nor_outlive_their_taking() -> io::Result<()> {
    let poller = Poller::new()?;
    let signals = Signals::new(&[Signal::Window])?;
    poller.add(&signals, TOKEN, Interest::READ, Trigger::Level)?;
    for _ in 0..70_000 {
        raise(Signal::Window.number())?; // a pipe holds 65,536 bytes
    }
    assert_eq!(signals.next(), Some(Signal::Window));
    assert_eq!(signals.next(), None);
    assert!(silent(&poller)?);
    Ok(())
}

/// The listener looks, finds nothing and goes to sleep, while the next signal is on its way: at every moment of
/// the looking, or nearly, because each round looks a little later than the one before.
#[test]
fn no_signal_is_lost_between_looking_and_sleeping() -> io::Result<()> {
    const ROUNDS: u32 = 20_000;
    const OVER: u32 = u32::MAX;
    let poller = Poller::new()?;
    let signals = Signals::new(&[Signal::User1])?;
    poller.add(&signals, TOKEN, Interest::READ, Trigger::Level)?;
    let asked = AtomicU32::new(0);

    thread::scope(|scope| {
        scope.spawn(|| raise_when_asked(&asked, OVER));
        let outcome = (1..=ROUNDS).try_for_each(|round| {
            asked.store(round, Ordering::SeqCst);
            (0..round % 500).for_each(|_| hint::spin_loop());
            while signals.next().is_none() {
                found_tokens(&poller).map_err(|error| io::Error::other(format!("round {round}: {error}")))?;
            }
            Ok(())
        });
        asked.store(OVER, Ordering::SeqCst);
        outcome
    })
}

/// One signal for each new number in `asked`. It does not sleep, for it could not be quick enough then.
fn raise_when_asked(asked: &AtomicU32, over: u32) {
    let mut last = 0;
    loop {
        match asked.load(Ordering::SeqCst) {
            number if number == over => return,
            number if number == last => thread::yield_now(),
            number => {
                last = number;
                let _ = raise(Signal::User1.number());
            }
        }
    }
}

/// What a signalfd would break: it needs the signal blocked, and a blocked signal stays blocked in a child.
#[test]
fn a_child_still_dies_of_a_signal_that_its_parent_listens_for() -> io::Result<()> {
    let signals = Signals::new(&[Signal::Terminate, Signal::Interrupt])?;
    for signal in [Signal::Terminate, Signal::Interrupt] {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn()?;
        let pid = rustix::process::Pid::from_child(&child);
        let number =
            rustix::process::Signal::from_named_raw(signal.number()).ok_or(io::ErrorKind::InvalidInput)?;
        rustix::process::kill_process(pid, number)?;
        assert_eq!(child.wait()?.signal(), Some(signal.number()));
    }
    assert_eq!(signals.next(), None, "the parent was not meant");
    Ok(())
}
