//! What is too large, too many or not wanted.

use super::support::{Serving, config, on_every_engine, script};
use corelay::protocol::{Input, Peer, Protocol, Step, Terms, TestPeer};
use corelay::{CloseReason, Config};
use std::convert::Infallible;

#[test]
fn a_line_that_is_too_long_is_refused() {
    on_every_engine(|engine| {
        let serving = Serving::start(engine, script().0);
        let mut client = serving.client();
        client.send(vec![b'x'; 2000]);
        assert_eq!(client.end(), b"hello\n");
        serving.wait_for_close(CloseReason::TooLarge, 1);
        serving.end().unwrap();
    });
}

/// Takes nothing.
struct Hoard;

impl Protocol for Hoard {
    type State = ();
    type Mail = Infallible;

    fn opened(&self, peer: &mut Peer<'_, Self>) -> Result<(), CloseReason> {
        if peer.is_draining() { Err(CloseReason::Drain) } else { Ok(()) }
    }

    fn received(&self, _: &mut (), _: &mut Input<'_>, _: &mut Peer<'_, Self>) -> Step {
        Step::Continue
    }

    fn no_room(&self) -> &[u8] {
        b"full\n"
    }
}

#[test]
fn what_a_protocol_leaves_untaken_is_bounded() {
    let mut terms = Terms::default();
    terms.max_input_bytes = 10_000;
    let mut peer = TestPeer::with(Hoard, terms, Config::default());
    peer.feed([b'x'; 9_999]);
    assert_eq!(peer.closed(), None);
    peer.feed("x");
    assert_eq!(peer.closed(), None, "it lingers, for the peer may be sending");
    peer.end();
    assert_eq!(peer.closed(), Some(CloseReason::TooLarge));
}

#[test]
fn past_the_most_connections_a_peer_hears_what_the_protocol_says() {
    on_every_engine(|engine| {
        let mut config = config(engine, 1);
        config.limits.max_connections = 1;
        let serving = Serving::with(config, Hoard, Terms::default());
        let first = serving.client();
        super::support::until("it is in", || serving.status().connections == 1);
        assert_eq!(serving.client().end(), b"full\n");
        assert_eq!(serving.status().refused["too_many_connections"], 1);
        drop(first);
        serving.end().unwrap();
    });
}

/// Lets nobody in, and says so.
struct Bouncer;

impl Protocol for Bouncer {
    type State = ();
    type Mail = Infallible;

    fn opened(&self, peer: &mut Peer<'_, Self>) -> Result<(), CloseReason> {
        peer.send(b"no\n");
        Err(CloseReason::Refused)
    }

    fn received(&self, _: &mut (), _: &mut Input<'_>, _: &mut Peer<'_, Self>) -> Step {
        unreachable!("it was not let in")
    }
}

#[test]
fn a_peer_that_is_not_wanted_is_told_and_closed() {
    on_every_engine(|engine| {
        let serving = Serving::start(engine, Bouncer);
        assert_eq!(serving.client().end(), b"no\n");
        serving.wait_for_close(CloseReason::Refused, 1);
        serving.end().unwrap();
    });
}
