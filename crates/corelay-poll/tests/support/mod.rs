//! Waiting for a thing instead of sleeping for a while.
#![allow(dead_code, reason = "each test file is a crate of its own and uses its part")]

use corelay_poll::{Event, Events, Poller, Token};
use std::io;
use std::time::{Duration, Instant};

/// How long a machine may take over something that must happen. Only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const TOKEN: Token = Token::new(3, 14);

/// The events of the first wait that has any.
pub(crate) fn found(poller: &Poller) -> io::Result<Vec<Event>> {
    let deadline = Instant::now() + PATIENCE;
    let mut events = Events::with_capacity(64);
    while poller.wait(&mut events, Some(deadline.saturating_duration_since(Instant::now())))? == 0 {
        if Instant::now() >= deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "nothing became ready"));
        }
    }
    Ok(events.iter().collect())
}

/// The tokens of the first wait that has any, as one sees them: each once and in order of slots.
pub(crate) fn found_tokens(poller: &Poller) -> io::Result<Vec<Token>> {
    let mut tokens: Vec<_> = found(poller)?.into_iter().map(|event| event.token()).collect();
    tokens.sort_by_key(|token| token.as_u64());
    tokens.dedup();
    Ok(tokens)
}

/// Whether nothing is ready at this moment. What tests do to sockets, pipes and handles of their own takes
/// effect before the call returns, so no time needs to pass.
pub(crate) fn silent(poller: &Poller) -> io::Result<bool> {
    let mut events = Events::with_capacity(64);
    Ok(poller.wait(&mut events, Some(Duration::ZERO))? == 0)
}
