//! Level: a handle is reported by every wait for as long as it is ready.

mod support;

use corelay_poll::{Events, Interest, Poller, Token, Trigger};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use support::{TOKEN, found, found_tokens, silent};

#[test]
fn unread_bytes_are_reported_again_until_they_are_read() -> io::Result<()> {
    let (mut near, mut far) = UnixStream::pair()?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::READ, Trigger::Level)?;
    assert!(silent(&poller)?);

    near.write_all(b"ab")?;
    for _ in 0..3 {
        assert_eq!(found_tokens(&poller)?, [TOKEN]);
    }
    far.read_exact(&mut [0])?;
    assert_eq!(found_tokens(&poller)?, [TOKEN], "one of two bytes is still there");
    far.read_exact(&mut [0])?;
    assert!(silent(&poller)?);
    Ok(())
}

#[test]
fn only_the_wanted_direction_is_reported() -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    near.write_all(b"a")?;
    let poller = Poller::new()?;

    poller.add(&far, TOKEN, Interest::WRITE, Trigger::Level)?;
    assert!(found(&poller)?.iter().all(|event| event.is_writable() && !event.is_readable()));
    poller.modify(&far, TOKEN, Interest::READ, Trigger::Level)?;
    assert!(found(&poller)?.iter().all(|event| event.is_readable() && !event.is_writable()));
    poller.modify(&far, TOKEN, Interest::BOTH, Trigger::Level)?;
    let both = found(&poller)?;
    assert!(both.iter().any(|event| event.is_readable()) && both.iter().any(|event| event.is_writable()));
    poller.modify(&far, TOKEN, Interest::NONE, Trigger::Level)?;
    assert!(silent(&poller)?);
    Ok(())
}

#[test]
fn a_full_socket_is_not_writable_until_its_peer_reads() -> io::Result<()> {
    let (near, mut far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    let mut written = 0;
    while let Ok(count) = (&near).write(&[0; 4096]) {
        written += count;
    }
    let poller = Poller::new()?;
    poller.add(&near, TOKEN, Interest::WRITE, Trigger::Level)?;
    assert!(silent(&poller)?);

    far.read_exact(&mut vec![0; written])?;
    assert!(found(&poller)?[0].is_writable());
    Ok(())
}

#[test]
fn modify_changes_the_token() -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    near.write_all(b"a")?;
    let poller = Poller::new()?;
    poller.add(&far, Token::new(1, 1), Interest::READ, Trigger::Level)?;
    poller.modify(&far, Token::new(2, u32::MAX), Interest::READ, Trigger::Level)?;
    assert_eq!(found_tokens(&poller)?, [Token::new(2, u32::MAX)]);
    Ok(())
}

#[test]
fn delete_silences_a_ready_handle() -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    near.write_all(b"a")?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::READ, Trigger::Level)?;
    assert!(!silent(&poller)?);
    poller.delete(&far)?;
    assert!(silent(&poller)?);
    Ok(())
}

#[test]
fn more_ready_handles_than_the_buffer_holds_all_get_their_turn() -> io::Result<()> {
    let poller = Poller::new()?;
    let mut pairs = Vec::new();
    for slot in 0..8 {
        let (mut near, far) = UnixStream::pair()?;
        near.write_all(b"a")?;
        poller.add(&far, Token::new(slot, 0), Interest::READ, Trigger::Level)?;
        pairs.push((near, far));
    }
    let mut events = Events::with_capacity(1);
    let mut seen = [false; 8];
    for _ in 0..8 {
        let count = poller.wait(&mut events, Some(Duration::ZERO))?;
        assert_eq!(count, events.len());
        for event in events.iter() {
            seen[event.token().slot() as usize] = true;
        }
    }
    assert_eq!(seen, [true; 8]);
    Ok(())
}

#[test]
fn a_buffer_made_for_no_events_holds_one() -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    near.write_all(b"a")?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::READ, Trigger::Level)?;
    assert_eq!(poller.wait(&mut Events::with_capacity(0), Some(Duration::ZERO))?, 1);
    Ok(())
}
