//! Linux: what `EPOLLEXCLUSIVE` goes with. It takes level and edge; it refuses one-shot, `EPOLLRDHUP`,
//! pollers and `modify`, all with `EINVAL`.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

use corelay_poll::{Interest, Poller, Trigger};
use rustix::event::epoll::{CreateFlags, EventData, EventFlags, add, create};
use rustix::io::Errno;
use std::io;
use std::net::{TcpListener, TcpStream};
use support::{TOKEN, silent};

fn kind(result: io::Result<()>) -> Result<(), io::ErrorKind> {
    result.map_err(|error| error.kind())
}

#[test]
fn the_kernel_takes_it_with_in_out_and_edge_only() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let base = EventFlags::EXCLUSIVE | EventFlags::IN;
    for (more, outcome) in [
        (EventFlags::empty(), Ok(())),
        (EventFlags::OUT, Ok(())),
        (EventFlags::ET, Ok(())),
        (EventFlags::ONESHOT, Err(Errno::INVAL)),
        (EventFlags::RDHUP, Err(Errno::INVAL)),
        (EventFlags::PRI, Err(Errno::INVAL)),
    ] {
        let epoll = create(CreateFlags::CLOEXEC)?;
        assert_eq!(add(&epoll, &listener, EventData::new_u64(0), base | more), outcome, "{more:?}");
    }
    Ok(())
}

#[test]
fn add_exclusive_takes_level_and_edge_and_refuses_one_shot() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    for (trigger, outcome) in [
        (Trigger::Level, Ok(())),
        (Trigger::Edge, Ok(())),
        (Trigger::OneShot, Err(io::ErrorKind::InvalidInput)),
    ] {
        let poller = Poller::new()?;
        assert_eq!(
            kind(poller.add_exclusive(&listener, TOKEN, Interest::READ, trigger)),
            outcome,
            "{trigger:?}"
        );
    }
    Ok(())
}

#[test]
fn it_cannot_be_modified_only_deleted_and_added() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let poller = Poller::new()?;
    poller.add_exclusive(&listener, TOKEN, Interest::READ, Trigger::Level)?;
    let modified = poller.modify(&listener, TOKEN, Interest::READ, Trigger::Level);
    assert_eq!(kind(modified), Err(io::ErrorKind::InvalidInput));
    poller.delete(&listener)?;
    poller.add_exclusive(&listener, TOKEN, Interest::READ, Trigger::Level)
}

#[test]
fn a_poller_cannot_be_added_so() -> io::Result<()> {
    let (outer, inner) = (Poller::new()?, Poller::new()?);
    let added = outer.add_exclusive(&inner, TOKEN, Interest::READ, Trigger::Level);
    assert_eq!(kind(added), Err(io::ErrorKind::InvalidInput));
    Ok(())
}

/// It only spares the threads that would sleep on. Who looks sees the connection: nothing is hidden from
/// anybody.
#[test]
fn it_is_about_wake_ups_and_not_about_readiness() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let pollers = [Poller::new()?, Poller::new()?, Poller::new()?];
    let _client = TcpStream::connect(listener.local_addr()?)?;
    for poller in &pollers {
        poller.add_exclusive(&listener, TOKEN, Interest::READ, Trigger::Level)?;
    }
    for poller in &pollers {
        assert!(!silent(poller)?);
    }
    Ok(())
}
