//! A peer that sends no more still gets its answers.

use super::support::{Serving, on_every_engine, script};
use corelay::CloseReason;

#[test]
fn what_came_before_the_end_is_answered() {
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let serving = Serving::start(engine, protocol);
        let mut client = serving.client();
        client.send("one\ntwo\n");
        client.finish();
        assert_eq!(client.end(), b"hello\none\ntwo\n");
        assert_eq!(stage.closed(), CloseReason::PeerClosed);
        serving.wait_for_close(CloseReason::PeerClosed, 1);
        serving.end().unwrap();
    });
}

#[test]
fn an_end_within_a_message_is_told_apart() {
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let serving = Serving::start(engine, protocol);
        let mut client = serving.client();
        client.send("one\ntw");
        client.finish();
        assert_eq!(client.end(), b"hello\none\n");
        assert_eq!(stage.closed(), CloseReason::PeerClosedEarly);
        serving.wait_for_close(CloseReason::PeerClosedEarly, 1);
        serving.end().unwrap();
    });
}
