//! Linux: epoll watches the open file description. A closed descriptor with a live duplicate keeps firing,
//! under a token whose owner is gone, and nothing can stop it but closing the duplicate. Hence: delete before
//! close, and own descriptors uniquely. (A kqueue forgets the descriptor at close.)
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

use corelay_poll::{Interest, Poller, Trigger};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use support::{TOKEN, found_tokens, silent};

#[test]
fn closing_without_delete_leaves_a_ghost() -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::READ, Trigger::Level)?;
    let duplicate = far.try_clone()?;
    drop(far);
    near.write_all(b"a")?;
    assert_eq!(found_tokens(&poller)?, [TOKEN], "the ghost");

    // The registration is filed under (description, number): no other descriptor names it.
    assert_eq!(poller.delete(&duplicate).map_err(|error| error.kind()), Err(io::ErrorKind::NotFound));
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    drop(duplicate);
    assert!(silent(&poller)?, "the last duplicate takes the ghost along");
    Ok(())
}

#[test]
fn closing_after_delete_does_not() -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::READ, Trigger::Level)?;
    let _duplicate = far.try_clone()?;
    poller.delete(&far)?;
    drop(far);
    near.write_all(b"a")?;
    assert!(silent(&poller)?);
    Ok(())
}

#[test]
fn adding_twice_and_touching_what_is_not_there_is_noticed() -> io::Result<()> {
    let (near, _far) = UnixStream::pair()?;
    let poller = Poller::new()?;
    let kind = |result: io::Result<()>| result.map_err(|error| error.kind());
    let add = || poller.add(&near, TOKEN, Interest::READ, Trigger::Level);
    assert_eq!(kind(poller.delete(&near)), Err(io::ErrorKind::NotFound));
    let modified = poller.modify(&near, TOKEN, Interest::READ, Trigger::Level);
    assert_eq!(kind(modified), Err(io::ErrorKind::NotFound));
    assert_eq!(kind(add()), Ok(()));
    assert_eq!(kind(add()), Err(io::ErrorKind::AlreadyExists));
    Ok(())
}
