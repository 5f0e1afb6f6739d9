//! What a listener and one of its threads share: what the thread is to look at, and until when it may sleep.
//!
//! ```text
//!   thread                                    listener, or whoever has something to tell
//!   ------                                    -----------------------------------------
//!   calls := none, and what was there         calls |= what to look at
//!   nothing? -- parks                         none was there before? -- unparks the thread
//!
//!   deadline := when it comes                 watched := never: the timer has fired
//!   watched later than that? -- tells         deadline not come yet? -- watches on
//! ```
//!
//! loom checks both below: no call is lost on a thread that sleeps, and no deadline that moves while the timer fires.

use crate::clock::Tick;
use crate::connection::Connection;
use crate::protocol::Hail;
use crate::sync::lock;
use crate::sync::modelled::{AtomicU32, AtomicU64, Ordering, Thread, current, park};
use corelay_poll::Token;
use std::sync::{Mutex, OnceLock};

/// What a thread is told to look at: a set of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Calls(u32);

impl Calls {
    pub(super) const NONE: Self = Self(0);
    /// Its socket, or its mail.
    pub(super) const LOOK: Self = Self(1);
    /// The peer has shut its side or is gone: what there is to read ends.
    pub(super) const ENDED: Self = Self(2);
    /// Its deadline, which may have come.
    pub(super) const EXPIRED: Self = Self(4);
    /// All ends now.
    pub(super) const STOP: Self = Self(8);
    /// Its connection is to move to another process as soon as it can.
    pub(super) const LEAVE: Self = Self(16);

    pub(super) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A connection on its way to its thread.
pub(super) struct Mail {
    pub(super) token: Token,
    pub(super) connection: Connection,
}

impl Hail for Seat {
    /// Whichever connection its thread has by now: one that was told for nothing finds nothing.
    fn hail(&self, _: Token) {
        self.poke(Calls::LOOK);
    }

    fn core(&self) -> usize {
        0
    }
}

/// No moment: the thread has not been told, or has taken note.
const NOT_READY: u64 = u64::MAX;

/// One a thread, whichever connection it has.
pub(super) struct Seat {
    calls: AtomicU32,
    /// When its connection's deadline comes.
    deadline: AtomicU32,
    /// When the listener's timer will look at that, at the latest.
    watched: AtomicU32,
    /// When its socket was ready, or its connection came, until the thread has taken note: a hint, and kept only where work may be
    /// late.
    ready_nanos: AtomicU64,
    thread: OnceLock<Thread>,
    mail: Mutex<Option<Mail>>,
}

impl Seat {
    /// A seat for a thread that is about to start, with its first connection.
    pub(super) fn new(mail: Mail) -> Self {
        Self { mail: Mutex::new(Some(mail)), ..Self::with(Calls::LOOK) }
    }

    fn with(calls: Calls) -> Self {
        Self {
            calls: AtomicU32::new(calls.0),
            deadline: AtomicU32::new(u32::MAX),
            watched: AtomicU32::new(u32::MAX),
            ready_nanos: AtomicU64::new(NOT_READY),
            thread: OnceLock::new(),
            mail: Mutex::new(None),
        }
    }

    /// By its thread, before all else.
    pub(super) fn sit_down(&self) {
        let _ = self.thread.set(current());
    }

    /// Tells the thread what to look at. A system call only if it sleeps.
    pub(super) fn poke(&self, calls: Calls) {
        // If something was there already its thread is awake, or another poke wakes it.
        if self.calls.fetch_or(calls.0, Ordering::AcqRel) == 0
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// By the listener, before it pokes. Of several such moments before the thread comes the first one counts.
    pub(super) fn is_ready_at(&self, now_nanos: u64) {
        let _ = self.ready_nanos.compare_exchange(NOT_READY, now_nanos, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// By its thread, once: since when it is ready, if it was told for that.
    pub(super) fn ready_since(&self) -> Option<u64> {
        Some(self.ready_nanos.swap(NOT_READY, Ordering::Relaxed)).filter(|nanos| *nanos != NOT_READY)
    }

    /// By its thread: what there is to look at; waits until there is something.
    pub(super) fn wait(&self) -> Calls {
        loop {
            let calls = self.calls();
            if calls != Calls::NONE {
                return calls;
            }
            park();
        }
    }

    /// By its thread: what there is to look at by now.
    pub(super) fn calls(&self) -> Calls {
        Calls(self.calls.swap(0, Ordering::AcqRel))
    }

    pub(super) fn hand_over(&self, mail: Mail) {
        *lock(&self.mail) = Some(mail);
        self.poke(Calls::LOOK);
    }

    pub(super) fn mail(&self) -> Option<Mail> {
        lock(&self.mail).take()
    }

    /// By its thread: its connection has until `deadline`. `true`: the listener's timer must be told, for it would look later.
    ///
    /// Each side writes first and reads the other's second, all sequentially consistent: the listener sees this deadline, or
    /// this thread sees that the timer has fired.
    pub(super) fn publish(&self, deadline: Tick) -> bool {
        self.deadline.store(deadline.0, Ordering::SeqCst);
        self.watched.load(Ordering::SeqCst) > deadline.0
    }

    /// Under the listener's lock: its timer fires at `due`.
    pub(super) fn is_watched(&self, due: Tick) {
        self.watched.store(due.0, Ordering::SeqCst);
    }

    /// By the listener, under its lock: the timer has fired. When the deadline comes, as far as is known.
    pub(super) fn fired(&self) -> Tick {
        self.watched.store(u32::MAX, Ordering::SeqCst);
        Tick(self.deadline.load(Ordering::SeqCst))
    }

    /// Under the listener's lock: its connection is gone.
    pub(super) fn leave(&self) {
        self.watched.store(u32::MAX, Ordering::SeqCst);
        self.deadline.store(u32::MAX, Ordering::SeqCst);
    }
}

#[cfg(all(test, loom))]
mod model {
    #![allow(clippy::unwrap_used, reason = "in a model, a panic is a failure")]

    use super::*;
    use std::sync::Arc;

    /// A deadlock would be a lost call: loom reports it.
    #[test]
    fn no_call_is_lost_on_a_thread_that_sleeps() {
        loom::model(|| {
            let seat = Arc::new(Seat::with(Calls::NONE));
            let its_own = seat.clone();
            let thread = loom::thread::spawn(move || {
                its_own.sit_down();
                let mut calls = Calls::NONE;
                while !calls.contains(Calls::LOOK.and(Calls::EXPIRED)) {
                    calls = calls.and(its_own.wait());
                }
            });
            seat.poke(Calls::LOOK);
            seat.poke(Calls::EXPIRED);
            thread.join().unwrap();
        });
    }

    const OLD: Tick = Tick(3);
    const NEW: Tick = Tick(5);

    /// The timer was set for the old deadline and fires while the thread moves it.
    fn a_deadline_moves(publish: fn(&Seat) -> bool) {
        loom::model(move || {
            let seat = Arc::new(Seat::with(Calls::NONE));
            seat.publish(OLD);
            seat.is_watched(OLD);
            let its_own = seat.clone();
            let thread = loom::thread::spawn(move || publish(&its_own));
            let seen = seat.fired();
            let told = thread.join().unwrap();
            assert!(told || seen == NEW, "nobody watches the new deadline");
        });
    }

    #[test]
    fn a_deadline_that_moves_while_the_timer_fires_is_watched() {
        a_deadline_moves(|seat| seat.publish(NEW));
    }

    /// The test of the test: who looks before it writes loses the deadline.
    #[test]
    #[should_panic(expected = "nobody watches the new deadline")]
    fn looking_before_writing_is_noticed() {
        a_deadline_moves(|seat| {
            let told = seat.watched.load(Ordering::SeqCst) > NEW.0;
            seat.deadline.store(NEW.0, Ordering::SeqCst);
            told
        });
    }
}
