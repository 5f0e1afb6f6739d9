//! Edge: one report for each change, and silence about what was left.

mod support;

use corelay_poll::{Interest, Poller, Trigger};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use support::{TOKEN, found, found_tokens, silent};

#[test]
fn unread_bytes_are_reported_once() -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::READ, Trigger::Edge)?;
    near.write_all(b"ab")?;
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    assert!(silent(&poller)?, "the bytes are still there, and that is no change");
    Ok(())
}

#[test]
fn new_bytes_are_a_change_whether_or_not_the_old_were_read() -> io::Result<()> {
    let (mut near, mut far) = UnixStream::pair()?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::READ, Trigger::Edge)?;

    near.write_all(b"a")?;
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    near.write_all(b"b")?;
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    far.read_exact(&mut [0; 2])?;
    assert!(silent(&poller)?);
    near.write_all(b"c")?;
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    Ok(())
}

#[test]
fn the_end_of_the_stream_is_a_change() -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::READ, Trigger::Edge)?;
    near.write_all(b"a")?;
    assert!(!found(&poller)?[0].is_read_closed());
    drop(near);
    assert!(found(&poller)?[0].is_read_closed());
    assert!(silent(&poller)?);
    Ok(())
}

#[test]
fn modify_reports_what_is_still_there() -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::READ, Trigger::Edge)?;
    near.write_all(b"a")?;
    found(&poller)?;
    assert!(silent(&poller)?);
    poller.modify(&far, TOKEN, Interest::READ, Trigger::Edge)?;
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    Ok(())
}
