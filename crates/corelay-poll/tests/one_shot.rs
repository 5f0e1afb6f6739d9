//! One-shot: one report, then silence until the handle is armed again.

mod support;

use corelay_poll::{Events, Interest, Poller, Trigger};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use support::{PATIENCE, TOKEN, found_tokens, silent};

#[test]
fn after_its_report_a_handle_is_silent_whatever_arrives() -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::READ, Trigger::OneShot)?;
    near.write_all(b"a")?;
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    near.write_all(b"b")?;
    assert!(silent(&poller)?);
    drop(near);
    assert!(silent(&poller)?, "not even the end of the stream");
    Ok(())
}

#[test]
fn arming_again_reports_what_is_there_and_what_comes() -> io::Result<()> {
    let (mut near, mut far) = UnixStream::pair()?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::READ, Trigger::OneShot)?;
    near.write_all(b"ab")?;
    found_tokens(&poller)?;

    far.read_exact(&mut [0])?;
    poller.modify(&far, TOKEN, Interest::READ, Trigger::OneShot)?;
    assert_eq!(found_tokens(&poller)?, [TOKEN], "one byte was left");

    far.read_exact(&mut [0])?;
    poller.modify(&far, TOKEN, Interest::READ, Trigger::OneShot)?;
    assert!(silent(&poller)?);
    near.write_all(b"c")?;
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    Ok(())
}

/// What the `pool` engine rests on: with any other trigger two workers would read one connection at once.
#[test]
fn of_several_waiting_threads_only_one_is_told() -> io::Result<()> {
    const WORKERS: usize = 4;
    const ROUNDS: u32 = 200;
    let (mut near, far) = UnixStream::pair()?;
    let poller = Poller::new()?;
    poller.add(&far, TOKEN, Interest::READ, Trigger::OneShot)?;
    let told = AtomicU32::new(0);
    let (answer, answers) = mpsc::channel();

    thread::scope(|scope| {
        for _ in 0..WORKERS {
            let (poller, told, answer, far) = (&poller, &told, answer.clone(), &far);
            scope.spawn(move || work(poller, told, &answer, far));
        }
        for round in 1..=ROUNDS {
            near.write_all(b"a")?;
            answers.recv_timeout(PATIENCE).map_err(io::Error::other)??;
            assert_eq!(told.load(Ordering::SeqCst), round);
            poller.modify(&far, TOKEN, Interest::READ, Trigger::OneShot)?;
        }
        near.shutdown(std::net::Shutdown::Write)
    })
}

/// Reads one byte for each event, and ends at the end of the stream, arming it for the next worker.
fn work(poller: &Poller, told: &AtomicU32, answer: &mpsc::Sender<io::Result<()>>, mut far: &UnixStream) {
    let mut events = Events::with_capacity(8);
    loop {
        let count = poller.wait(&mut events, Some(PATIENCE));
        if matches!(count, Ok(0)) {
            continue;
        }
        let read = count.and_then(|_| far.read(&mut [0]));
        if matches!(read, Ok(0)) {
            let _ = poller.modify(far, TOKEN, Interest::READ, Trigger::OneShot);
            return;
        }
        told.fetch_add(1, Ordering::SeqCst);
        if answer.send(read.map(drop)).is_err() {
            return;
        }
    }
}
