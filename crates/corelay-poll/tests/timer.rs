//! Timer: readable from its deadline on, never before.

mod support;

use corelay_poll::{Interest, Poller, Timer, Trigger};
use std::io;
use std::time::{Duration, Instant};
use support::{TOKEN, found_tokens, silent};

fn watched() -> io::Result<(Poller, Timer)> {
    let poller = Poller::new()?;
    let timer = Timer::new()?;
    poller.add(&timer, TOKEN, Interest::READ, Trigger::Level)?;
    Ok((poller, timer))
}

#[test]
fn it_expires_once_and_not_early() -> io::Result<()> {
    for delay in
        [Duration::ZERO, Duration::from_nanos(1), Duration::from_micros(200), Duration::from_millis(5)]
    {
        let (poller, timer) = watched()?;
        let start = Instant::now();
        timer.set_after(delay)?;
        assert_eq!(found_tokens(&poller)?, [TOKEN]);
        assert!(start.elapsed() >= delay);
        assert_eq!(timer.acknowledge(), 1);
        assert_eq!(timer.acknowledge(), 0);
        assert!(silent(&poller)?);
    }
    Ok(())
}

#[test]
fn it_keeps_to_a_deadline_and_a_past_one_is_now() -> io::Result<()> {
    let (poller, timer) = watched()?;
    let deadline = Instant::now() + Duration::from_millis(3);
    timer.set_at(deadline)?;
    found_tokens(&poller)?;
    assert!(Instant::now() >= deadline);

    timer.set_at(deadline)?;
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    assert_eq!(timer.acknowledge(), 1);
    Ok(())
}

#[test]
fn it_is_readable_until_acknowledged() -> io::Result<()> {
    let (poller, timer) = watched()?;
    timer.set_after(Duration::ZERO)?;
    for _ in 0..3 {
        assert_eq!(found_tokens(&poller)?, [TOKEN]);
    }
    Ok(())
}

#[test]
fn clearing_forgets_the_deadline_and_the_expiry() -> io::Result<()> {
    let (poller, timer) = watched()?;
    timer.clear()?;
    timer.set_after(Duration::ZERO)?;
    found_tokens(&poller)?;
    timer.clear()?;
    assert!(silent(&poller)?);
    assert_eq!(timer.acknowledge(), 0);
    Ok(())
}

#[test]
fn setting_again_replaces_the_deadline_and_forgets_the_expiry() -> io::Result<()> {
    let (poller, timer) = watched()?;
    timer.set_after(Duration::ZERO)?;
    found_tokens(&poller)?;
    timer.set_after(Duration::from_secs(3_600))?;
    assert!(silent(&poller)?);
    timer.set_after(Duration::ZERO)?;
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    assert_eq!(timer.acknowledge(), 1);
    Ok(())
}

#[test]
fn the_longest_delay_is_accepted_and_does_not_wrap() -> io::Result<()> {
    let (poller, timer) = watched()?;
    timer.set_after(Duration::MAX)?;
    assert!(silent(&poller)?);
    Ok(())
}
