//! A protocol that blocks keeps its own connection waiting, and no other.

use super::support::{Serving, config, on_every_engine, script};
use corelay::CloseReason;
use corelay::config::Engine;
use corelay::protocol::Terms;

/// The core is taken from the thread that waits; others are served by another.
#[test]
fn a_core_whose_protocol_blocks_is_relayed() {
    for engine in [Engine::Cores, Engine::Threads] {
        let (protocol, stage) = script();
        let serving = Serving::start(engine, protocol);
        let mut waiting = serving.client();
        let mut other = serving.client();
        assert_eq!((waiting.line(), other.line()), ("hello".into(), "hello".into()));
        waiting.send("one\nwait\ntwo\n");
        stage.gate.wait_for(1);
        for _ in 0..10 {
            assert_eq!(other.ask("served"), "served");
        }
        assert_eq!(serving.client().line(), "hello");
        if engine == Engine::Cores {
            assert_eq!(serving.status().cores[0].core_relays, 1);
        }
        stage.gate.open();
        assert_eq!([waiting.line(), waiting.line(), waiting.line()], ["one", "wait", "two"]);
        assert_eq!(waiting.ask("and on"), "and on", "at home again");
        serving.end().unwrap();
    }
}

#[test]
fn a_step_of_relay_waits_on_a_service_thread() {
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let serving = Serving::start(engine, protocol);
        let mut waiting = serving.client();
        let remote = stage.remote();
        let mut other = serving.client();
        assert_eq!((waiting.line(), other.line()), ("hello".into(), "hello".into()));
        waiting.send("one\nrelay\ntwo\n");
        stage.gate.wait_for(1);
        assert_eq!(other.ask("served"), "served");
        remote.send("mail".into()).unwrap();
        stage.gate.open();
        assert_eq!([waiting.line(), waiting.line(), waiting.line()], ["one", "relay", "two"]);
        assert_eq!(waiting.line(), "mail", "which came while it was away");
        assert_eq!(waiting.ask("and on"), "and on", "at home again");
        serving.end().unwrap();
    });
}

#[test]
fn without_a_service_thread_it_is_closed() {
    for engine in [Engine::Cores, Engine::Pool] {
        let (protocol, stage) = script();
        let mut config = config(engine, 1);
        config.limits.max_service_threads = 0;
        let serving = Serving::with(config, protocol, Terms::default());
        let mut client = serving.client();
        client.send("one\nrelay\n");
        assert_eq!(client.end(), b"hello\none\n");
        assert_eq!(stage.closed(), CloseReason::Overload);
        assert_eq!(serving.status().refused["no_service_thread"], 1);
        serving.end().unwrap();
    }
}
