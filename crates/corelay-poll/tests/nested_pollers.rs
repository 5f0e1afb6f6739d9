//! A poller is a handle: it can be put into another poller, and into anybody's event loop.

mod support;

use corelay_poll::{Child, Interest, Poller, Timer, Token, Trigger, Waker};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;
use support::{TOKEN, found_tokens, silent};

const INNER: Token = Token::new(9, 9);

#[test]
fn the_outer_is_ready_while_the_inner_has_an_event() -> io::Result<()> {
    let (mut near, mut far) = UnixStream::pair()?;
    let (outer, inner) = (Poller::new()?, Poller::new()?);
    inner.add(&far, TOKEN, Interest::READ, Trigger::Level)?;
    outer.add(&inner, INNER, Interest::READ, Trigger::Level)?;
    assert!(silent(&outer)?);

    near.write_all(b"a")?;
    assert_eq!(found_tokens(&outer)?, [INNER]);
    assert_eq!(found_tokens(&inner)?, [TOKEN]);
    assert_eq!(found_tokens(&outer)?, [INNER], "looking takes nothing away");
    far.read_exact(&mut [0])?;
    assert!(silent(&inner)?); // a kqueue learns only by being looked at that its event is gone
    assert!(silent(&outer)?);
    Ok(())
}

#[test]
fn every_handle_is_heard_through_two_levels() -> io::Result<()> {
    let waker = Waker::new()?;
    let timer = Timer::new()?;
    let child = Child::spawn(&mut Command::new("true"))?;
    waker.wake()?;
    timer.set_after(Duration::from_micros(50))?;
    for handle in [waker.as_fd(), timer.as_fd(), child.as_fd()] {
        let (outer, middle, inner) = (Poller::new()?, Poller::new()?, Poller::new()?);
        middle.add(&inner, INNER, Interest::READ, Trigger::Level)?;
        outer.add(&middle, INNER, Interest::READ, Trigger::Level)?;
        inner.add(handle, TOKEN, Interest::READ, Trigger::Level)?;
        assert_eq!(found_tokens(&outer)?, [INNER]);
        assert_eq!(found_tokens(&middle)?, [INNER]);
        assert_eq!(found_tokens(&inner)?, [TOKEN]);
    }
    Ok(())
}

#[test]
fn a_poller_sits_in_somebody_elses_event_loop() -> io::Result<()> {
    let poller = Poller::new()?;
    let waker = Waker::new()?;
    poller.add(&waker, TOKEN, Interest::READ, Trigger::Level)?;
    let mut theirs = [PollFd::new(&poller, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    assert_eq!(poll(&mut theirs, Some(&now))?, 0);
    waker.wake()?;
    assert_eq!(poll(&mut theirs, Some(&now))?, 1);
    assert!(theirs[0].revents().contains(PollFlags::IN));
    Ok(())
}
