//! Registration takes `&self`, from any thread, and counts for a wait that is under way.

mod support;

use corelay_poll::{Child, Event, Events, Interest, Poller, Signals, Timer, Token, Trigger, Waker};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use support::{PATIENCE, found_tokens, silent};

const ROUNDS: u32 = 500;

/// Many rounds, because only those in which the thread already sleeps prove anything.
fn each_round(change: impl Fn(&Poller, &UnixStream, Token) -> io::Result<()>) -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    near.write_all(b"a")?;
    let poller = Poller::new()?;
    poller.add(&far, Token::new(0, 0), Interest::NONE, Trigger::Level)?;
    let (heard, hearing) = mpsc::channel();
    let (go, waiting) = mpsc::channel();

    thread::scope(|scope| {
        let (poller, far) = (&poller, &far);
        scope.spawn(move || {
            for () in waiting {
                let _ = heard.send(found_tokens(poller));
            }
        });
        for round in 1..=ROUNDS {
            let _ = go.send(());
            change(poller, far, Token::new(0, round))?;
            let tokens = hearing.recv_timeout(PATIENCE).map_err(io::Error::other)??;
            assert_eq!(tokens, [Token::new(0, round)]);
            poller.modify(far, Token::new(0, 0), Interest::NONE, Trigger::Level)?;
        }
        drop(go);
        Ok(())
    })
}

#[test]
fn an_added_handle_ends_the_wait() -> io::Result<()> {
    each_round(|poller, far, token| {
        poller.delete(far)?;
        poller.add(far, token, Interest::READ, Trigger::Level)
    })
}

#[test]
fn a_modified_handle_ends_the_wait() -> io::Result<()> {
    each_round(|poller, far, token| poller.modify(far, token, Interest::READ, Trigger::Level))
}

/// The accept thread's way of handing a connection over: no lock and no message, only a registration.
#[test]
fn many_threads_register_with_one_poller() -> io::Result<()> {
    let poller = Poller::new()?;
    let streams: Vec<_> = thread::scope(|scope| {
        let poller = &poller;
        let threads: Vec<_> = (0..8).map(|slot| scope.spawn(move || register_ready(poller, slot))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| io::ErrorKind::Other)?)
            .collect::<io::Result<_>>()
    })?;
    assert_eq!(found_tokens(&poller)?, (0..8).map(|slot| Token::new(slot, 0)).collect::<Vec<_>>());
    for (_, far) in &streams {
        poller.delete(far)?;
    }
    assert!(silent(&poller)?);
    Ok(())
}

fn register_ready(poller: &Poller, slot: u32) -> io::Result<(UnixStream, UnixStream)> {
    let (mut near, far) = UnixStream::pair()?;
    near.write_all(b"a")?;
    poller.add(&far, Token::new(slot, 0), Interest::READ, Trigger::Level)?;
    Ok((near, far))
}

#[test]
fn every_type_may_cross_threads() {
    fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<Poller>();
    crosses_threads::<Events>();
    crosses_threads::<Event>();
    crosses_threads::<Waker>();
    crosses_threads::<Timer>();
    crosses_threads::<Signals>();
    crosses_threads::<Child>();
}
