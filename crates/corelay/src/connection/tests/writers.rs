//! A writer whose length was announced is held to it. (So far only [`Response::reader`] announces one, and that counts
//! by itself: the check is the engine's own.)

use super::Rig;
use crate::config::Config;
use crate::connection::CloseReason;
use crate::http::{Response, ResponseBody, Router};
use std::io::{self, Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const ANNOUNCED: u64 = 5;

fn serve(write: fn(&mut dyn Write) -> io::Result<()>) -> (Option<CloseReason>, String) {
    let body = move || Response::of(ResponseBody::Writer { write: Box::new(write), length: Some(ANNOUNCED) });
    let mut rig = Rig::new(Router::new().get("/", body));
    let closed = rig.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    let answer = rig.received_text();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nContent-Length: 5"), "{head}");
    (closed, body.to_owned())
}

#[test]
fn as_much_as_announced_is_an_answer() {
    assert_eq!(serve(|out| out.write_all(b"whole")), (None, "whole".to_owned()));
}

#[test]
fn more_is_never_sent_also_if_the_writer_makes_nothing_of_the_error() {
    let (closed, body) = serve(|out| {
        out.write_all(b"who")?;
        let _ = out.write_all(b"le, and more");
        Ok(())
    });
    assert_eq!(closed, Some(CloseReason::AnswerBroken));
    assert!(body.len() <= 3, "{body}");
}

#[test]
fn less_is_an_answer_that_broke_off() {
    let (closed, body) = serve(|out| out.write_all(b"who"));
    assert_eq!(closed, Some(CloseReason::AnswerBroken));
    assert!(body.len() <= 3, "{body}");
}

/// The kernel says that there is room again when most of what it holds is taken. A peer that needs longer for that than
/// `write_timeout`, and takes a little all the time, is waited for.
#[test]
fn a_peer_that_takes_a_little_at_a_time_is_waited_for() {
    const LENGTH: usize = 400_000;
    let mut config = Config::default();
    config.deadlines.write_timeout = Duration::from_secs(2);
    let write = |out: &mut dyn Write| out.write_all(&vec![b'x'; LENGTH]);
    let mut rig = Rig::with(config, Router::new().get("/", move || Response::writer(write)));
    let mut peer = rig.peer.try_clone().unwrap();
    let reader = thread::spawn(move || {
        let (mut received, mut piece) = (Vec::new(), [0; 8 * 1024]);
        let (_open, pace) = mpsc::channel::<()>();
        for _ in 0..20 {
            let _ = pace.recv_timeout(Duration::from_millis(200));
            let count = peer.read(&mut piece).unwrap();
            received.extend_from_slice(&piece[..count]);
        }
        while !received.ends_with(b"\r\n0\r\n\r\n") {
            match peer.read(&mut piece) {
                Ok(count) => received.extend_from_slice(&piece[..count]),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        received.iter().filter(|octet| **octet == b'x').count()
    });
    assert_eq!(rig.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n"), None);
    assert_eq!(reader.join().unwrap(), LENGTH);
}
