//! Deadlines: the terms', and a protocol's own.

use super::support::{Serving, config, on_every_engine, script};
use corelay::CloseReason;
use corelay::protocol::{Terms, TestPeer};
use std::time::Duration;

fn pass_until_closed(peer: &mut TestPeer, step: Duration, steps: usize) -> usize {
    (0..steps)
        .find(|_| {
            peer.pass(step);
            peer.closed().is_some()
        })
        .unwrap_or(steps)
}

#[test]
fn part_of_a_message_has_its_time_however_it_drips() {
    let mut peer = TestPeer::new(script().0);
    for _ in 0..29 {
        peer.feed("x");
        peer.pass(Duration::from_secs(1));
        assert_eq!(peer.closed(), None);
    }
    peer.feed("x");
    assert!(pass_until_closed(&mut peer, Duration::from_secs(1), 4) < 4);
    assert_eq!(peer.closed(), Some(CloseReason::MessageTimeout));
}

#[test]
fn each_message_has_its_own_time() {
    let mut peer = TestPeer::new(script().0);
    for _ in 0..10 {
        peer.feed("x");
        peer.pass(Duration::from_secs(20));
        peer.feed("\ny");
        peer.pass(Duration::from_secs(20));
        peer.feed("\n");
        assert_eq!(peer.closed(), None);
    }
}

#[test]
fn a_silent_connection_is_closed_and_one_that_waits_for_mail_is_not() {
    let mut peer = TestPeer::new(script().0);
    peer.pass(Duration::from_secs(74));
    assert_eq!(peer.closed(), None);
    peer.pass(Duration::from_secs(2));
    assert_eq!(peer.closed(), Some(CloseReason::IdleTimeout));

    let (protocol, stage) = script();
    let mut peer = TestPeer::new(protocol);
    peer.feed("pause\n");
    peer.pass(Duration::from_secs(1000));
    assert_eq!(peer.closed(), None);
    stage.remote().send("on".into()).unwrap();
    peer.deliver();
    assert_eq!(peer.received(), b"hello\npaused\non\n");
    peer.pass(Duration::from_secs(76));
    assert_eq!(peer.closed(), Some(CloseReason::IdleTimeout));
}

#[test]
fn a_deadline_of_its_own_comes_whatever_else_happens() {
    let mut peer = TestPeer::new(script().0);
    peer.feed("deadline 5000\n");
    for _ in 0..4 {
        peer.pass(Duration::from_secs(1));
        peer.feed("still here\n");
        assert_eq!(peer.closed(), None);
    }
    peer.pass(Duration::from_secs(2));
    assert_eq!(peer.closed(), Some(CloseReason::Deadline));
}

#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    let mut peer = TestPeer::new(script().0);
    let lines = b"large 100\n".repeat(20);
    assert!(peer.feed_only(&lines) > 0);
    peer.pass(Duration::from_secs(29));
    assert_eq!(peer.closed(), None);
    peer.pass(Duration::from_secs(2));
    assert_eq!(peer.closed(), Some(CloseReason::WriteTimeout));
}

#[test]
fn they_come_on_every_engine() {
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let mut config = config(engine, 1);
        config.deadlines.idle_timeout = Duration::from_millis(100);
        let mut terms = Terms::default();
        terms.message_timeout = Duration::from_millis(100);
        let serving = Serving::with(config, protocol, terms);
        let mut client = serving.client();
        client.send("par");
        assert_eq!(client.end(), b"hello\n");
        assert_eq!(stage.closed(), CloseReason::MessageTimeout);
        assert_eq!(serving.client().end(), b"hello\n");
        assert_eq!(stage.closed(), CloseReason::IdleTimeout);
        // Paused, so that nothing but its own deadline comes.
        let mut client = serving.client();
        client.send("deadline 100\npause\n");
        assert_eq!(client.end(), b"hello\ndeadline 100\npaused\n");
        assert_eq!(stage.closed(), CloseReason::Deadline);
        serving.end().unwrap();
    });
}
