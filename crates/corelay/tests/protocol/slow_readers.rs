//! Peers that read slowly or not at all hold a bounded amount of memory, and others can tell.

use super::support::{Serving, config, on_every_engine, script};
use corelay::CloseReason;
use corelay::protocol::{SendError, Terms};

#[test]
fn mail_for_one_that_does_not_read_comes_back_and_it_can_be_closed() {
    // The less the kernel takes, the more is in the way of the order to close.
    on_every_engine(|engine| {
        [0, 16 * 1024].into_iter().for_each(|lowat| {
            let (protocol, stage) = script();
            let mut config = config(engine, 1);
            config.sockets.notsent_lowat = lowat;
            let serving = Serving::with(config, protocol, Terms::default());
            let slow = serving.client();
            let remote = stage.remote();
            let mut other = serving.client();
            assert_eq!(other.line(), "hello");
            let mail = "x".repeat(1000);
            // As much as the sockets, the output and the box hold, and no more.
            let mut sent = 0_u64;
            while remote.send(mail.clone()).is_ok() {
                sent += 1;
                assert!(sent < 100_000, "mail is not bounded");
            }
            assert_eq!(remote.send(mail.clone()), Err(SendError::Full(mail)));
            assert_eq!(other.ask("served"), "served");
            remote.close(CloseReason::TooSlow);
            assert_eq!(stage.closed(), CloseReason::TooSlow);
            serving.wait_for_close(CloseReason::TooSlow, 1);
            drop(slow);
            serving.end().unwrap();
        })
    });
}

#[test]
fn one_that_reads_on_gets_all_of_it_in_order() {
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let serving = Serving::start(engine, protocol);
        let mut slow = serving.client();
        let remote = stage.remote();
        let mut sent = 0_u64;
        while remote.send(format!("{sent} {}", "x".repeat(1000))).is_ok() {
            sent += 1;
        }
        assert_eq!(slow.line(), "hello");
        for number in 0..sent {
            assert!(slow.line().starts_with(&format!("{number} x")));
        }
        assert_eq!(slow.ask("and on"), "and on");
        serving.end().unwrap();
    });
}
