//! A signal handler that runs on the waiting thread ends the wait with no events and no error.
//!
//! Without the test harness, so that the process has one thread and the signal no choice.

mod support;

use corelay_poll::{Events, Poller, Signal, Signals};
use std::io;
use std::process::{Command, id};
use std::time::Instant;
use support::PATIENCE;

fn main() -> io::Result<()> {
    let poller = Poller::new()?;
    let signals = Signals::new(&[Signal::Hangup])?; // not in the poller
    let storm = format!("i=0; while [ $i -lt 1000000 ] && kill -HUP {}; do i=$((i+1)); done", id());
    let mut shell = Command::new("sh").args(["-c", &storm]).spawn()?;

    let start = Instant::now();
    let outcome = poller.wait(&mut Events::with_capacity(4), Some(PATIENCE));
    let waited = start.elapsed();
    shell.kill()?;
    shell.wait()?;

    assert_eq!(outcome?, 0);
    assert!(waited < PATIENCE, "it was the timeout and not the signal");
    assert_eq!(signals.next(), Some(Signal::Hangup));
    Ok(())
}
