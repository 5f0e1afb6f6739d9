//! What messages mean does not depend on how they were split.

use super::support::{Serving, on_every_engine, script};
use corelay::protocol::TestPeer;

const SENT: &str = "one\r\ntwo\n\nthree and more\nbye\n";
const ANSWERS: &str = "hello\none\ntwo\n\nthree and more\nbye\n";

#[test]
fn split_at_every_two_bytes_the_answers_are_the_same() {
    for first in 0..SENT.len() {
        for second in first..SENT.len() {
            let mut peer = TestPeer::new(script().0);
            for part in [&SENT[..first], &SENT[first..second], &SENT[second..]] {
                peer.feed(part);
            }
            assert_eq!(String::from_utf8(peer.received()).unwrap(), ANSWERS, "split at {first} and {second}");
        }
    }
}

#[test]
fn byte_for_byte_over_a_socket_they_are_too() {
    on_every_engine(|engine| {
        let serving = Serving::start(engine, script().0);
        let mut client = serving.client();
        for byte in SENT.as_bytes() {
            client.send([*byte]);
        }
        assert_eq!(String::from_utf8(client.end()).unwrap(), ANSWERS);
        serving.end().unwrap();
    });
}
