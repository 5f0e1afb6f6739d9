//! Mail: delivered on every engine, in order, to one that reads, pauses, or has ended.

use super::support::{PATIENCE, Serving, config, on_every_engine, script};
use corelay::CloseReason;
use corelay::protocol::{SendError, Terms, TestPeer};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

#[test]
fn it_comes_in_the_order_of_each_sender_and_none_is_lost() {
    const SENDERS: usize = 4;
    const EACH: usize = 2000;
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let serving = Serving::with(config(engine, 2), protocol, Terms::default());
        let mut client = serving.client();
        let (remote, barrier) = (stage.remote(), Barrier::new(SENDERS));
        thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (remote, barrier) = (remote.clone(), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    for number in 0..EACH {
                        let mut mail = format!("{sender} {number}");
                        let deadline = Instant::now() + PATIENCE;
                        while let Err(error) = remote.send(mail) {
                            let SendError::Full(back) = error else { panic!("{error}") };
                            assert!(Instant::now() < deadline, "full for ever");
                            mail = back;
                            thread::yield_now();
                        }
                    }
                });
            }
            assert_eq!(client.line(), "hello");
            let mut next = [0; SENDERS];
            for _ in 0..SENDERS * EACH {
                let line = client.line();
                let (sender, number) = line.split_once(' ').unwrap();
                let sender: usize = sender.parse().unwrap();
                assert_eq!(number, next[sender].to_string());
                next[sender] += 1;
            }
        });
        serving.end().unwrap();
    });
}

#[test]
fn one_that_pauses_reads_nothing_until_mail_lets_it() {
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let serving = Serving::start(engine, protocol);
        let mut client = serving.client();
        let remote = stage.remote();
        assert_eq!(client.line(), "hello");
        for _ in 0..100 {
            // Once with what follows in the same read, and once with what comes while it waits.
            client.send("pause\nnext\n");
            assert_eq!(client.line(), "paused");
            client.send("more\n");
            remote.send("pause".into()).unwrap();
            remote.send("on".into()).unwrap();
            client.send("and more\n");
            let lines = [client.line(), client.line(), client.line(), client.line()];
            assert_eq!(lines, ["on", "next", "more", "and more"]);
        }
        serving.end().unwrap();
    });
}

#[test]
fn an_idle_connection_gets_its_mail_at_once() {
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let serving = Serving::start(engine, protocol);
        let mut client = serving.client();
        assert_eq!(client.line(), "hello");
        let remote = stage.remote();
        for number in 0..100 {
            remote.send(number.to_string()).unwrap();
            assert_eq!(client.line(), number.to_string());
        }
        remote.send("bye".into()).unwrap();
        assert_eq!(client.end(), b"");
        assert_eq!(stage.closed(), CloseReason::Finished);
        assert_eq!(remote.send("late".into()), Err(SendError::Gone("late".into())));
        assert!(remote.is_gone());
        serving.end().unwrap();
    });
}

#[test]
fn others_may_close_a_connection_whatever_it_does() {
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let serving = Serving::start(engine, protocol);
        for line in ["", "half", "pause\n"] {
            let mut client = serving.client();
            client.send(line);
            let remote = stage.remote();
            assert_eq!(client.line(), "hello");
            if line == "pause\n" {
                assert_eq!(client.line(), "paused");
            }
            remote.close(CloseReason::TooSlow);
            assert_eq!(client.end(), b"");
            assert_eq!(stage.closed(), CloseReason::TooSlow, "{line}");
        }
        serving.wait_for_close(CloseReason::TooSlow, 3);
        serving.end().unwrap();
    });
}

#[test]
fn a_box_holds_as_much_as_the_terms_say() {
    let (protocol, stage) = script();
    let mut terms = Terms::default();
    terms.max_mail = 3;
    let mut peer = TestPeer::with(protocol, terms, corelay::Config::default());
    let remote = stage.remote();
    for number in ["1", "2", "3"] {
        remote.send(number.into()).unwrap();
    }
    assert_eq!(remote.send("4".into()), Err(SendError::Full("4".into())));
    assert_eq!(peer.received(), b"hello\n1\n2\n3\n");
    remote.send("4".into()).unwrap();
    assert_eq!(peer.received(), b"4\n");
}
