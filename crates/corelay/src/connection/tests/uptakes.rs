//! Output that waits for its peer is taken at the least rate, once the time of grace is over, or the peer is given up.

use super::{Hands, Rig};
use crate::clock::Tick;
use crate::config::Config;
use crate::connection::uptake::{MovedUptake, Sight, Uptake};
use crate::connection::{CloseReason, Next};
use crate::http::{Response, Router};
use bytes::Bytes;
use std::io::Read;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const KIB: usize = 1024;
/// In bytes a second.
const RATE: u64 = 1000;
/// What is in the kernel and not acknowledged, where it makes no difference.
const QUEUE: u64 = 1 << 20;

static LARGE: [u8; 16 << 20] = [b'x'; 16 << 20];

fn write_ticks() -> u32 {
    Tick::spanning(Config::default().deadlines.write_timeout)
}

/// A peer, by numbers: the kernel's queue is as full at each look as at the one before.
struct Peer {
    uptake: Uptake,
    now: Tick,
    rate: u64,
}

impl Peer {
    fn new(rate: u64) -> Self {
        let mut uptake = Uptake::default();
        uptake.restart(Tick(100), write_ticks());
        uptake.sent(QUEUE as usize);
        Self { uptake, now: Tick(100), rate }
    }

    /// So many ticks later it has acknowledged so much more.
    fn takes(&mut self, bytes: u64, after: u32) -> Result<Tick, CloseReason> {
        self.now = self.now.after(after);
        self.uptake.sent(bytes as usize);
        self.sees(Some(QUEUE), 0)
    }

    /// The kernel has so much left, or nothing since so many ticks.
    fn sees(&mut self, left: Option<u64>, idle_ticks: u32) -> Result<Tick, CloseReason> {
        let idle = Duration::from_nanos(Tick::nanos_in(idle_ticks));
        self.uptake.judge(Sight { left, idle }, self.now, write_ticks(), self.rate)
    }

    /// Whenever it is due it has taken so many bytes for each tick since. How many ticks that went well.
    fn trickles(&mut self, bytes_per_tick: u64, ticks_max: u32) -> (u32, Option<CloseReason>) {
        let (begun, mut due) = (self.now, self.uptake.due(write_ticks()));
        while self.now.0 - begun.0 < ticks_max {
            let after = due.0 - self.now.0;
            match self.takes(bytes_per_tick * u64::from(after), after) {
                Ok(next) => due = next,
                Err(reason) => return (self.now.0 - begun.0, Some(reason)),
            }
        }
        (self.now.0 - begun.0, None)
    }
}

fn bytes_per_tick(rate: u64) -> u64 {
    rate * Tick::nanos_in(1) / 1_000_000_000
}

fn rig(rate: u64) -> Rig {
    let mut config = Config::default();
    config.deadlines.min_write_rate = rate;
    Rig::with(config, Router::new().get("/large", || &LARGE[..]))
}

/// The peer takes so much every ten seconds, and the connection is looked at when it must be. What it ends with.
fn read_every_ten_seconds(rig: &mut Rig, bytes: usize, times: usize) -> Option<CloseReason> {
    for _ in 0..times {
        rig.pass(10 * SECOND);
        rig.peer.read_exact(&mut vec![0; bytes]).unwrap();
        if rig.time_left().is_zero()
            && let Next::Close(reason) = rig.expire()
        {
            return rig.close(reason);
        }
        if let Next::Close(reason) = rig.serve() {
            return rig.close(reason);
        }
    }
    None
}

#[test]
fn a_peer_that_trickles_is_given_up_when_its_time_of_grace_is_over() {
    let mut rig = rig(100_000);
    assert_eq!(rig.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n"), None);
    assert_eq!(read_every_ten_seconds(&mut rig, 64 * KIB, 3), None, "within the time of grace");
    assert_eq!(read_every_ten_seconds(&mut rig, 64 * KIB, 6), Some(CloseReason::WriteTooSlow));
}

#[test]
fn a_peer_that_keeps_the_least_rate_may_take_its_time() {
    let mut rig = rig(5_000);
    assert_eq!(rig.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n"), None);
    assert_eq!(read_every_ten_seconds(&mut rig, 64 * KIB, 40), None, "6.5 kB a second for 400 s");
}

#[test]
fn a_rate_of_zero_is_none() {
    let mut rig = rig(0);
    assert_eq!(rig.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n"), None);
    assert_eq!(read_every_ten_seconds(&mut rig, 64 * KIB, 40), None);
}

#[test]
fn what_is_taken_fast_gains_no_more_than_a_time_of_grace() {
    let mut peer = Peer::new(RATE);
    assert!(peer.takes(1 << 40, 1).is_ok());
    let (ticks, closed) = peer.trickles(1, 100 * write_ticks());
    assert_eq!(closed, Some(CloseReason::WriteTooSlow));
    assert!(ticks >= write_ticks() && ticks <= write_ticks() * 2, "{ticks} of {}", write_ticks());
}

#[test]
fn a_peer_is_slow_in_what_it_acknowledges_and_not_in_how_large_pieces() {
    for every in 1..write_ticks() {
        let mut peer = Peer::new(RATE);
        for _ in 0..1000 {
            let piece = (bytes_per_tick(RATE) + 1) * u64::from(every);
            assert!(peer.takes(piece, every).is_ok(), "{piece} bytes every {every} ticks");
        }
    }
}

/// Peers that are just about too slow must not keep a core busy.
#[test]
fn a_peer_is_looked_at_a_few_times_in_each_timeout_however_slow() {
    for percent in [0, 10, 50, 90, 99] {
        let mut peer = Peer::new(RATE);
        let (begun, mut due, mut looks) = (peer.now, peer.uptake.due(write_ticks()), 0);
        loop {
            let after = due.0 - peer.now.0;
            let taken = bytes_per_tick(RATE) * u64::from(after) * percent / 100;
            looks += 1;
            match peer.takes(taken, after) {
                Ok(next) => due = next,
                Err(reason) => {
                    let silent = percent == 0;
                    let expected = if silent { CloseReason::WriteTimeout } else { CloseReason::WriteTooSlow };
                    assert_eq!(reason, expected, "{percent} %");
                    break;
                }
            }
        }
        let timeouts = (peer.now.0 - begun.0) / write_ticks() + 1;
        assert!(looks <= 5 * timeouts, "{percent} %: {looks} looks in {timeouts} timeouts");
    }
}

/// It is the server then that has nothing for it, or was late with that.
#[test]
fn a_peer_that_has_acknowledged_all_there_was_is_not_slow() {
    let mut peer = Peer::new(RATE);
    for _ in 0..10 {
        peer.uptake.sent(1);
        peer.now = peer.now.after(100 * write_ticks());
        assert!(peer.sees(Some(0), 100 * write_ticks()).is_ok());
    }
}

/// With little in the kernel it makes room for all of it at once.
#[test]
fn a_peer_that_took_its_time_for_all_there_was_is_slow() {
    let mut peer = Peer::new(RATE);
    let piece = bytes_per_tick(RATE) / 2;
    let every = write_ticks() / 8;
    let ends = std::iter::repeat_with(|| {
        peer.uptake.sent((piece * u64::from(every)) as usize);
        peer.now = peer.now.after(every);
        peer.sees(Some(0), 0)
    });
    let closed = ends.take(100).find_map(Result::err);
    assert_eq!(closed, Some(CloseReason::WriteTooSlow));
}

#[test]
fn of_the_time_that_a_late_server_took_only_what_came_before_the_acknowledgement_is_the_peers() {
    let mut peer = Peer::new(RATE);
    for _ in 0..100 {
        let (took, late) = (write_ticks() / 8, 100 * write_ticks());
        peer.uptake.sent((bytes_per_tick(RATE) + 1) as usize * took as usize);
        peer.now = peer.now.after(took + late);
        assert!(peer.sees(Some(0), late).is_ok());
    }
}

#[test]
fn where_the_kernel_does_not_say_what_is_acknowledged_what_it_took_counts() {
    let mut peer = Peer::new(RATE);
    assert!(peer.sees(None, 0).is_ok());
    for _ in 0..10 {
        peer.uptake.sent(QUEUE as usize);
        peer.now = peer.now.after(write_ticks() - 1);
        assert!(peer.sees(None, 0).is_ok());
    }
    peer.now = peer.now.after(write_ticks());
    assert_eq!(peer.sees(None, 0), Err(CloseReason::WriteTimeout));
}

/// The iterator moves time on, and its peer takes everything as it comes.
#[test]
fn the_time_that_a_stream_takes_for_its_chunks_is_not_its_peers() {
    let hands: Arc<OnceLock<Arc<Hands>>> = Arc::default();
    let later = hands.clone();
    let chunks = move || {
        let hands = later.clone();
        Response::chunks((0..2000).map(move |_| {
            if let Some(hands) = hands.get() {
                hands.pass(SECOND);
            }
            Ok(Bytes::from(vec![b'x'; 10 * KIB]))
        }))
    };
    let mut config = Config::default();
    config.deadlines.write_timeout = 2 * SECOND;
    let mut rig = Rig::with(config, Router::new().get("/chunks", chunks));
    assert!(hands.set(rig.hands.clone()).is_ok());
    assert_eq!(rig.send("GET /chunks HTTP/1.1\r\nHost: test\r\n\r\n"), None);
    let mut received = 0;
    while received < 2000 * 10 * KIB {
        rig.pass(Duration::ZERO);
        let next = if rig.time_left().is_zero() { rig.expire() } else { rig.serve() };
        assert!(!matches!(next, Next::Close(_)), "it took {received} bytes at once");
        received += rig.received().len();
    }
}

#[test]
fn what_a_peer_has_earned_and_how_long_it_was_silent_moves_with_it() {
    let mut peer = Peer::new(RATE);
    let (_, closed) = peer.trickles(bytes_per_tick(RATE) / 2, write_ticks());
    assert_eq!(closed, None);
    let moved = peer.uptake.leaves(peer.now.after(10));
    assert!(moved.credit_ms.unwrap() < Tick::nanos_in(write_ticks()) / 2_000_000, "{moved:?}");
    let mut arrived =
        Peer { uptake: Uptake::arrived(moved, Tick(7), write_ticks()), now: Tick(7), rate: RATE };
    let (ticks, closed) = arrived.trickles(1, 10 * write_ticks());
    assert_eq!(closed, Some(CloseReason::WriteTooSlow));
    assert!(ticks < write_ticks(), "{ticks}");
}

#[test]
fn a_peer_of_a_process_that_kept_no_account_has_all_its_grace() {
    let moved = MovedUptake { owed: QUEUE, silent_ms: 0, credit_ms: None };
    let mut peer = Peer { uptake: Uptake::arrived(moved, Tick(7), write_ticks()), now: Tick(7), rate: RATE };
    assert!(peer.takes(1, write_ticks() - 1).is_ok());
}
