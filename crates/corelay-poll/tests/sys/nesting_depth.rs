//! Linux: how deep pollers nest (`EP_MAX_NESTS` in fs/eventpoll.c), and that they cannot bite their own
//! tails.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

use corelay_poll::{Interest, Poller, Trigger, Waker};
use rustix::io::Errno;
use std::io;
use support::{TOKEN, found_tokens};

fn nest(outer: &Poller, inner: &Poller) -> Result<(), Option<i32>> {
    outer.add(inner, TOKEN, Interest::READ, Trigger::Level).map_err(|error| error.raw_os_error())
}

const ELOOP: Result<(), Option<i32>> = Err(Some(Errno::LOOP.raw_os_error()));

#[test]
fn five_levels_carry_an_event_and_a_sixth_is_refused() -> io::Result<()> {
    let levels = (0..5).map(|_| Poller::new()).collect::<io::Result<Vec<_>>>()?;
    for pair in levels.windows(2) {
        assert_eq!(nest(&pair[1], &pair[0]), Ok(()));
    }
    let waker = Waker::new()?;
    levels[0].add(&waker, TOKEN, Interest::READ, Trigger::Level)?;
    waker.wake()?;
    assert_eq!(found_tokens(&levels[4])?, [TOKEN]);

    assert_eq!(nest(&Poller::new()?, &levels[4]), ELOOP);
    Ok(())
}

#[test]
fn a_circle_is_refused() -> io::Result<()> {
    let (first, second) = (Poller::new()?, Poller::new()?);
    assert_eq!(nest(&first, &second), Ok(()));
    assert_eq!(nest(&second, &first), ELOOP);
    assert_eq!(nest(&first, &first), Err(Some(Errno::INVAL.raw_os_error())));
    Ok(())
}
