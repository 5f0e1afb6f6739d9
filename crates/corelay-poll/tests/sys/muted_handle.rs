//! Linux: `Interest::NONE` does not mute a hang-up or an error (epoll_ctl(2): they are "always reported"). A
//! server that sets a connection aside must delete it, or its level-triggered loop spins once the peer resets
//! it.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

use corelay_poll::{Interest, Poller, Trigger};
use std::io;
use std::os::unix::net::UnixStream;
use support::{TOKEN, found, silent};

#[test]
fn a_hang_up_is_reported_without_any_interest_until_the_handle_is_deleted() -> io::Result<()> {
    let (near, far) = UnixStream::pair()?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::NONE, Trigger::Level)?;
    assert!(silent(&poller)?);
    drop(near);
    for _ in 0..3 {
        assert!(found(&poller)?[0].is_closed());
    }
    poller.delete(&far)?;
    assert!(silent(&poller)?);
    Ok(())
}
