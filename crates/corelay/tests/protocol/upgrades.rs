//! A connection goes on in another process where its message, its output and its deadlines were left.
//!
//! In set time, with the server's own code for connections; over sockets and between processes it is tested with the `echo` example.

use corelay::CloseReason;
use corelay::protocol::{Framed, FramedPeer, Lines, Messages, Remote, Step, TestPeer};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Each line is a number; the answer is the sum so far. `wait` sets a deadline, `share` gives away a remote, `stay` refuses to move,
/// `panic` panics when it is to move.
struct Sums {
    codec: Lines,
    form: Option<&'static str>,
    shared: Arc<Mutex<Vec<Remote<()>>>>,
}

#[derive(Default)]
struct Kept {
    sum: u64,
    stays: bool,
    panics: bool,
}

const DEADLINE: Duration = Duration::from_secs(50);

impl Messages for Sums {
    type Codec = Lines;
    type State = Kept;
    type Mail = ();

    fn codec(&self) -> &Lines {
        &self.codec
    }

    fn opened(&self, peer: &mut FramedPeer<'_, '_, Self>) -> Result<Kept, CloseReason> {
        peer.answer(b"hello");
        Ok(Kept::default())
    }

    fn message(&self, kept: &mut Kept, line: &[u8], peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        match line {
            b"wait" => peer.set_deadline(Some(DEADLINE)),
            b"share" => self.shared.lock().unwrap().push(peer.remote()),
            b"stay" => kept.stays = true,
            b"panic" => kept.panics = true,
            number => kept.sum += str::from_utf8(number).unwrap().parse::<u64>().unwrap(),
        }
        peer.answer(kept.sum.to_string().as_bytes())
    }

    fn packed_form(&self) -> Option<&'static str> {
        self.form
    }

    fn pack(&self, kept: &Kept) -> Option<Vec<u8>> {
        assert!(!kept.panics, "asked to");
        (!kept.stays).then(|| kept.sum.to_be_bytes().to_vec())
    }

    fn unpack(&self, packed: &[u8], _: &mut FramedPeer<'_, '_, Self>) -> Result<Kept, CloseReason> {
        let sum = packed.try_into().map(u64::from_be_bytes).map_err(|_| CloseReason::Malformed)?;
        Ok(Kept { sum, ..Kept::default() })
    }
}

fn sums(form: impl Into<Option<&'static str>>) -> Framed<Sums> {
    Framed::new(Sums { codec: Lines::new(4096), form: form.into(), shared: Arc::default() })
}

fn peer() -> TestPeer {
    TestPeer::new(sums("sums/1"))
}

fn text(peer: &mut TestPeer) -> String {
    String::from_utf8(peer.received()).unwrap()
}

#[test]
fn moved_between_any_two_bytes_the_answers_are_the_same() {
    const SENT: &str = "1\n20\r\n300\n";
    for at in 0..=SENT.len() {
        let mut peer = peer();
        peer.feed(&SENT[..at]);
        assert!(peer.upgrade(sums("sums/1")), "at {at}");
        peer.feed(&SENT[at..]);
        assert_eq!(text(&mut peer), "hello\n1\n21\n321\n", "moved at {at}");
    }
}

#[test]
fn it_can_move_again_and_again() {
    let mut peer = peer();
    for _ in 0..5 {
        peer.feed("2\n");
        assert!(peer.upgrade(sums("sums/1")));
    }
    assert_eq!(text(&mut peer), "hello\n2\n4\n6\n8\n10\n");
}

#[test]
fn answers_that_were_not_taken_and_messages_behind_them_go_along() {
    let mut peer = peer();
    let sent = peer.feed_only(&b"1\n".repeat(1_000_000));
    let messages = sent / 2;
    assert!(messages < 1_000_000, "the peer reads nothing, so there is an end to it");
    assert!(peer.upgrade(sums("sums/1")));
    // The newline of a number that was cut.
    peer.feed(&b"1\n"[sent % 2..]);
    let last = messages + 1;
    let answers = text(&mut peer);
    assert_eq!(answers.lines().count(), last + 1);
    assert_eq!(answers.lines().last(), Some(last.to_string().as_str()));
}

#[test]
fn the_time_for_the_rest_of_a_message_goes_on() {
    let mut peer = peer();
    peer.feed("1\n2");
    peer.pass(Duration::from_secs(20));
    assert!(peer.upgrade(sums("sums/1")));
    peer.pass(Duration::from_secs(9));
    assert_eq!(peer.closed(), None);
    peer.pass(Duration::from_secs(2));
    assert_eq!(peer.closed(), Some(CloseReason::MessageTimeout));
}

#[test]
fn so_does_a_deadline_of_the_protocols() {
    let mut peer = peer();
    peer.feed("wait\n");
    peer.pass(Duration::from_secs(40));
    assert!(peer.upgrade(sums("sums/1")));
    peer.pass(Duration::from_secs(9));
    assert_eq!(peer.closed(), None);
    peer.pass(Duration::from_secs(2));
    assert_eq!(peer.closed(), Some(CloseReason::Deadline));
}

#[test]
fn it_moves_only_to_the_same_form() {
    for (before, after) in [(None, None), (Some("sums/1"), None), (Some("sums/1"), Some("sums/2"))] {
        let mut peer = TestPeer::new(sums(before));
        assert!(!peer.upgrade(sums(after)));
        peer.feed("7\n");
        assert_eq!(text(&mut peer), "hello\n7\n");
    }
}

#[test]
fn what_the_protocol_keeps_stays_and_goes_on() {
    for word in ["stay", "panic"] {
        let mut peer = peer();
        peer.feed(format!("{word}\n"));
        assert!(!peer.upgrade(sums("sums/1")), "{word}");
        peer.feed("7\n");
        assert_eq!(text(&mut peer), "hello\n0\n7\n");
    }
}

#[test]
fn whom_others_can_reach_stays_until_they_cannot() {
    let shared = Arc::<Mutex<Vec<_>>>::default();
    let protocol = Sums { codec: Lines::new(4096), form: Some("sums/1"), shared: shared.clone() };
    let mut peer = TestPeer::new(Framed::new(protocol));
    peer.feed("share\n");
    assert!(!peer.upgrade(sums("sums/1")));
    shared.lock().unwrap().clear();
    assert!(peer.upgrade(sums("sums/1")));
    peer.feed("7\n");
    assert_eq!(text(&mut peer), "hello\n0\n7\n");
}

#[test]
fn one_that_cannot_be_unpacked_is_closed() {
    struct Strict;

    impl corelay::protocol::Protocol for Strict {
        type State = ();
        type Mail = ();

        fn opened(&self, _: &mut corelay::protocol::Peer<'_, Self>) -> Result<(), CloseReason> {
            Ok(())
        }

        fn received(
            &self,
            (): &mut (),
            _: &mut corelay::protocol::Input<'_>,
            _: &mut corelay::protocol::Peer<'_, Self>,
        ) -> Step {
            Step::Continue
        }

        fn packed_form(&self) -> Option<&'static str> {
            Some("sums/1")
        }
    }

    let mut peer = peer();
    assert!(peer.upgrade(Strict));
    assert_eq!(peer.closed(), Some(CloseReason::Internal));
}
