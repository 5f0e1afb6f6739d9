//! What was written for a peer that is gone goes to nobody else.

use super::support::{Serving, on_every_engine, script};
use corelay::CloseReason;

#[test]
fn mail_for_a_peer_that_has_reset_is_not_sent_to_the_next() {
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let serving = Serving::start(engine, protocol);
        let mut other = serving.client();
        assert_eq!(other.line(), "hello");
        let _ = stage.remote();
        let mut resets = 0;
        for number in 0..200 {
            let client = serving.client();
            let remote = stage.remote();
            let _ = remote.send("not for you".into());
            // With what it was sent unread, the kernel resets the connection.
            drop(client);
            let _ = remote.send("not for you".into());
            assert_eq!(other.ask(&number.to_string()), number.to_string());
            resets += u64::from(stage.closed() == CloseReason::Reset);
        }
        assert!(resets > 0, "none was reset");
        serving.end().unwrap();
    });
}
