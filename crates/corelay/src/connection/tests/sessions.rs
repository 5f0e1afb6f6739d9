//! A protocol's usual turn allocates nothing, and its connection holds no buffer between two messages.

use super::Rig;
use crate::CloseReason;
use crate::connection::Next;
use crate::protocol::{Framed, FramedPeer, Hosted, Lines, Messages, Protocol, Step, Terms};
use allocation_counter::measure;
use std::convert::Infallible;
use std::io::{Read, Write};

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
