//! Waker: one thread makes another's wait return.

mod support;

use corelay_poll::{Events, Interest, Poller, Trigger, Waker};
use std::io;
use std::sync::mpsc;
use std::thread;
use support::{PATIENCE, TOKEN, found, found_tokens, silent};

#[test]
fn a_waiting_thread_is_woken() -> io::Result<()> {
    let poller = Poller::new()?;
    let waker = Waker::new()?;
    poller.add(&waker, TOKEN, Interest::READ, Trigger::Level)?;
    thread::scope(|scope| {
        let waiting = scope.spawn(|| found_tokens(&poller));
        waker.wake()?;
        assert_eq!(waiting.join().map_err(|_| io::ErrorKind::Other)??, [TOKEN]);
        Ok(())
    })
}

#[test]
fn many_wakes_are_one_event_and_one_acknowledgement() -> io::Result<()> {
    let poller = Poller::new()?;
    let waker = Waker::new()?;
    poller.add(&waker, TOKEN, Interest::READ, Trigger::Level)?;
    for _ in 0..1_000 {
        waker.wake()?;
    }
    assert_eq!(found(&poller)?.len(), 1);
    waker.acknowledge();
    assert!(silent(&poller)?);
    Ok(())
}

#[test]
fn a_wake_stays_until_it_is_acknowledged() -> io::Result<()> {
    let poller = Poller::new()?;
    let waker = Waker::new()?;
    waker.wake()?;
    poller.add(&waker, TOKEN, Interest::READ, Trigger::Level)?;
    for _ in 0..3 {
        assert_eq!(found_tokens(&poller)?, [TOKEN]);
    }
    Ok(())
}

#[test]
fn acknowledging_without_a_wake_does_not_block() -> io::Result<()> {
    let poller = Poller::new()?;
    let waker = Waker::new()?;
    poller.add(&waker, TOKEN, Interest::READ, Trigger::Level)?;
    waker.acknowledge();
    waker.acknowledge();
    assert!(silent(&poller)?);
    waker.wake()?;
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    Ok(())
}

/// The order that the documentation asks for: queue before wake, acknowledge before looking into the queue.
#[test]
fn nothing_put_into_a_queue_before_a_wake_is_left_behind() -> io::Result<()> {
    const SENDERS: u32 = 4;
    const MESSAGES: u32 = 5_000;
    let poller = Poller::new()?;
    let waker = Waker::new()?;
    poller.add(&waker, TOKEN, Interest::READ, Trigger::Level)?;
    let (inbox, work) = mpsc::channel();

    thread::scope(|scope| {
        for _ in 0..SENDERS {
            let (inbox, waker) = (inbox.clone(), &waker);
            scope.spawn(move || {
                (0..MESSAGES).all(|number| inbox.send(number).is_ok() && waker.wake().is_ok());
            });
        }
        let mut events = Events::with_capacity(8);
        let mut received = 0;
        while received < SENDERS * MESSAGES {
            assert!(poller.wait(&mut events, Some(PATIENCE))? > 0, "a message was left: {received} arrived");
            waker.acknowledge();
            received += work.try_iter().count() as u32;
        }
        Ok(())
    })
}
