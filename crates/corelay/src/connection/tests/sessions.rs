//! A protocol's usual turn allocates nothing, and its connection holds no buffer between two messages. What it keeps of one counts.

use super::Rig;
use crate::CloseReason;
use crate::config::Config;
use crate::connection::Next;
use crate::http::Router;
use crate::protocol::{Framed, FramedPeer, Hosted, Lines, Messages, Protocol, Step, Terms};
use allocation_counter::measure;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::time::Duration;

/// Answers each line with itself.
struct Mirror(Lines);

impl Messages for Mirror {
    type Codec = Lines;
    type State = u64;
    type Mail = Infallible;

    fn codec(&self) -> &Lines {
        &self.0
    }

    fn opened(&self, _: &mut FramedPeer<'_, '_, Self>) -> Result<u64, CloseReason> {
        Ok(0)
    }

    fn message(&self, count: &mut u64, line: &[u8], peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        *count += 1;
        peer.answer(line)
    }
}

fn mirror() -> impl Protocol {
    Framed::new(Mirror(Lines::new(100)))
}

fn turn(rig: &mut Rig, sent: &[u8], answer: &mut [u8]) {
    rig.peer.write_all(sent).unwrap();
    assert!(matches!(rig.serve(), Next::Read), "answered in one turn");
    rig.peer.read_exact(answer).unwrap();
}

#[test]
fn messages_allocate_nothing() {
    for sent in [b"hello\n".to_vec(), b"hello\n".repeat(16)] {
        let mut rig = Rig::hosting(Hosted::new(mirror(), Terms::default()));
        let mut answer = vec![0; sent.len()];
        turn(&mut rig, &sent, &mut answer);
        let counted = measure(|| (0..100).for_each(|_| turn(&mut rig, &sent, &mut answer)));
        assert_eq!(answer, sent);
        assert_eq!(counted.count_total, 0);
        assert_eq!(rig.turn.tally.counters.requests.read(), 101 * sent.len() as u64 / 6);
    }
}

#[test]
fn between_two_messages_there_is_no_buffer() {
    let mut rig = Rig::hosting(Hosted::new(mirror(), Terms::default()));
    for sent in ["hel", "lo\nhel", "lo\n"] {
        rig.peer.write_all(sent.as_bytes()).unwrap();
        assert!(matches!(rig.serve(), Next::Read));
        assert_eq!(rig.connection().is_idle(), sent.ends_with('\n'), "after {sent:?}");
        assert_eq!(rig.connection().unfinished.is_none(), sent.ends_with('\n'), "after {sent:?}");
    }
    assert_eq!(rig.received_text(), "hello\nhello\n");
}

/// A rig whose connections may keep so many bytes together, of lines that may be long.
fn bounded(max_buffered_bytes: usize) -> Rig {
    let mut config = Config::default();
    config.limits.max_buffered_bytes = Some(max_buffered_bytes);
    let hosted = Hosted::new(Framed::new(Mirror(Lines::new(50_000))), Terms::default());
    Rig::of(config, Router::new(), Some(hosted))
}

#[test]
fn part_of_a_message_is_counted_given_back_and_without_room_the_end() {
    let part = vec![b'x'; 20_000];
    let mut rig = bounded(1 << 20);
    assert_eq!(rig.send(&part), None);
    assert!(rig.server.app.buffers.in_use() >= part.len());
    assert_eq!(rig.send("\n"), None);
    assert_eq!(rig.received().len(), part.len() + 1);
    assert_eq!(rig.server.app.buffers.in_use(), 0);
    let mut full = bounded(0);
    assert_eq!(full.send(&part), Some(CloseReason::Overload));
    assert_eq!((full.server.app.buffers.in_use(), full.server.app.buffers.refused.read()), (0, 1));
}

/// The peer sends lines and reads none of them, until they wait for it.
fn fill(rig: &mut Rig) -> Option<CloseReason> {
    let lines = "y".repeat(1000) + "\n";
    loop {
        if rig.peer.write_all(lines.repeat(20).as_bytes()).is_err() {
            return None;
        }
        match rig.serve() {
            Next::Write => return None,
            Next::Close(reason) => return rig.close(reason),
            _ => {}
        }
    }
}

#[test]
fn output_that_is_taken_in_a_trickle_is_the_end_once_the_time_of_grace_is_over() {
    const LINE_BYTES: usize = 1_000_000;
    let mut config = Config::default();
    config.deadlines.min_write_rate = 100_000;
    let hosted = Hosted::new(Framed::new(Mirror(Lines::new(LINE_BYTES))), Terms::default());
    let mut rig = Rig::of(config, Router::new(), Some(hosted));
    for part in vec![b'x'; LINE_BYTES].chunks(50_000) {
        assert_eq!(rig.send(part), None);
    }
    assert_eq!(rig.send("\n"), None);
    let mut outcomes = (0..9).map(|_| {
        rig.pass(Duration::from_secs(10));
        rig.peer.read_exact(&mut [0; 64 * 1024]).unwrap();
        if rig.time_left().is_zero() { rig.expire() } else { rig.serve() }
    });
    assert!(outcomes.by_ref().take(3).all(|next| matches!(next, Next::Write)), "within the time of grace");
    assert!(outcomes.any(|next| matches!(next, Next::Close(CloseReason::WriteTooSlow))));
}

#[test]
fn output_that_is_not_taken_is_counted_given_back_and_without_room_the_end() {
    let mut rig = bounded(1 << 20);
    assert_eq!(fill(&mut rig), None);
    assert!(rig.server.app.buffers.in_use() > 0);
    while !rig.received().is_empty() {
        rig.run();
    }
    assert_eq!(rig.server.app.buffers.in_use(), 0);
    let mut full = bounded(0);
    assert_eq!(fill(&mut full), Some(CloseReason::Overload));
    assert_eq!(full.server.app.buffers.in_use(), 0);
}
