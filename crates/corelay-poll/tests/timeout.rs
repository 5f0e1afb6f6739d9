//! The timeout of a wait: never cut short, and never a busy loop.

mod support;

use corelay_poll::{Events, Interest, Poller, Trigger, Waker};
use std::io;
use std::time::{Duration, Instant};
use support::TOKEN;

#[test]
fn a_wait_for_nothing_lasts_its_timeout() -> io::Result<()> {
    let poller = Poller::new()?;
    let mut events = Events::with_capacity(4);
    for timeout in [Duration::from_nanos(1), Duration::from_micros(300), Duration::from_micros(2_500)] {
        let start = Instant::now();
        assert_eq!(poller.wait(&mut events, Some(timeout))?, 0);
        assert!(start.elapsed() >= timeout);
    }
    Ok(())
}

#[test]
fn the_longest_timeout_is_accepted() -> io::Result<()> {
    let poller = Poller::new()?;
    let waker = Waker::new()?;
    poller.add(&waker, TOKEN, Interest::READ, Trigger::Level)?;
    waker.wake()?;
    let mut events = Events::with_capacity(4);
    assert_eq!(poller.wait(&mut events, Some(Duration::MAX))?, 1);
    Ok(())
}

#[test]
fn a_wait_that_finds_nothing_empties_the_buffer() -> io::Result<()> {
    let poller = Poller::new()?;
    let waker = Waker::new()?;
    poller.add(&waker, TOKEN, Interest::READ, Trigger::Level)?;
    waker.wake()?;
    let mut events = Events::with_capacity(4);
    assert_eq!(poller.wait(&mut events, None)?, 1);
    waker.acknowledge();
    assert_eq!(poller.wait(&mut events, Some(Duration::ZERO))?, 0);
    assert!(events.is_empty() && events.iter().next().is_none(), "old events must not be served twice");
    Ok(())
}
