//! An event for a connection that was closed, and whose slot was given away, is recognised by its generation.

mod support;

use corelay_poll::{Events, Interest, Poller, Token, Trigger};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use support::PATIENCE;

/// A table as a server has it: a slot's generation moves on whenever the slot is vacated.
#[derive(Default)]
struct Connections {
    slots: Vec<(u32, Option<UnixStream>)>,
}

impl Connections {
    fn insert(&mut self, stream: UnixStream) -> Token {
        let vacant = self.slots.iter().position(|(_, stream)| stream.is_none());
        let slot = vacant.unwrap_or_else(|| {
            self.slots.push((0, None));
            self.slots.len() - 1
        });
        self.slots[slot].1 = Some(stream);
        Token::new(slot as u32, self.slots[slot].0)
    }

    /// The connection that `token` names, unless it is gone.
    fn find(&mut self, token: Token) -> Option<&mut UnixStream> {
        let (generation, stream) = self.slots.get_mut(token.slot() as usize)?;
        stream.as_mut().filter(|_| *generation == token.generation())
    }

    fn remove(&mut self, token: Token) -> Option<UnixStream> {
        self.find(token)?;
        let (generation, stream) = &mut self.slots[token.slot() as usize];
        *generation = generation.wrapping_add(1);
        stream.take()
    }
}

#[test]
fn the_second_event_of_a_batch_does_not_reach_the_slots_new_tenant() -> io::Result<()> {
    let poller = Poller::new()?;
    let mut connections = Connections::default();
    let mut peers = Vec::new();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let (mut near, far) = UnixStream::pair()?;
        near.write_all(b"a")?;
        peers.push(near);
        let token = connections.insert(far);
        let stream = connections.find(token).ok_or(io::ErrorKind::NotFound)?;
        poller.add(&*stream, token, Interest::READ, Trigger::Level)?;
        tokens.push(token);
    }
    let mut events = Events::with_capacity(8);
    assert_eq!(poller.wait(&mut events, Some(PATIENCE))?, 2, "both in one batch");

    // Serving the first closes the second, and a new connection takes its slot. It has bytes too.
    let first = events.iter().next().ok_or(io::ErrorKind::NotFound)?.token();
    let second = tokens[usize::from(first == tokens[0])];
    let closed = connections.remove(second).ok_or(io::ErrorKind::NotFound)?;
    poller.delete(&closed)?;
    drop(closed);
    let (mut near, far) = UnixStream::pair()?;
    near.write_all(b"z")?;
    let tenant = connections.insert(far);
    assert_eq!(tenant.slot(), second.slot());
    let stream = connections.find(tenant).ok_or(io::ErrorKind::NotFound)?;
    poller.add(&*stream, tenant, Interest::READ, Trigger::Level)?;

    // The rest of the batch.
    let stale = events.iter().nth(1).ok_or(io::ErrorKind::NotFound)?.token();
    assert_eq!(stale, second);
    assert!(connections.find(stale).is_none(), "the event is dropped");

    // The new tenant's own event comes with the next wait.
    assert_eq!(poller.wait(&mut events, Some(PATIENCE))?, 2);
    assert!(events.iter().any(|event| event.token() == tenant));
    let mut byte = [0];
    connections.find(tenant).ok_or(io::ErrorKind::NotFound)?.read_exact(&mut byte)?;
    assert_eq!(byte, *b"z");
    Ok(())
}
