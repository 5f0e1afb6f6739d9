//! A panic in a protocol costs its own connection, and no other.

use super::support::{Serving, on_every_engine, script};
use corelay::CloseReason;
use std::panic;
use std::sync::Once;

/// Says nothing about panics on a server's own threads: there they are the test.
fn expect_panics() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !std::thread::current().name().is_some_and(|name| name.starts_with("corelay-")) {
                report(panic);
            }
        }));
    });
}

#[test]
fn it_closes_its_connection_and_no_other() {
    expect_panics();
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let serving = Serving::start(engine, protocol);
        let mut other = serving.client();
        assert_eq!(other.line(), "hello");
        let _ = stage.remote();
        for round in 0..100 {
            let mut client = serving.client();
            let remote = stage.remote();
            assert_eq!(client.line(), "hello");
            if round % 2 == 0 {
                client.send("half an answer\npanic\n");
            } else {
                remote.send("panic".into()).unwrap();
            }
            assert_eq!(client.end(), b"", "what was half written is not sent");
            assert_eq!(stage.closed(), CloseReason::Panicked);
        }
        assert_eq!(other.ask("served"), "served");
        serving.wait_for_close(CloseReason::Panicked, 100);
        serving.end().unwrap();
    });
}
