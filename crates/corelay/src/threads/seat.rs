//! What a listener and one of its threads share: what the thread is to look at, and until when it may sleep.
//!
//! ```text
//!   thread                                    listener, or whoever has something to tell
//!   ------                                    -----------------------------------------
//!   calls := none, and what was there         calls |= what to look at
//!   nothing? -- calls := asleep,              asleep, and none was there before?
//!   leaves the gate, parks while asleep       -- takes it through the gate, then: not asleep, unparks the thread
//!
//!   deadline := when it comes                 watched := never: the timer has fired
//!   watched later than that? -- tells         deadline not come yet? -- watches on
//!
//!   leaves its connection here:               calls |= what to look at
//!   calls := vacant, if there are none        vacant? -- not vacant: sees to it that somebody serves it, or takes it out
//!   some? -- stays
//! ```
//!
//! loom checks these below: no call is lost on a thread that sleeps or has left its connection, no deadline that moves while the
//! timer fires, and a connection without a thread is claimed once.

use super::gate::Gate;
use crate::clock::Tick;
use crate::connection::Connection;
use crate::protocol::Hail;
use crate::sync::lock;
use crate::sync::modelled::{self, AtomicBool, AtomicU32, AtomicU64, Ordering, Thread, current, park};
use corelay_poll::Token;
use std::sync::{Arc, Mutex};

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
    /// The thread sleeps, and whoever tells it something first has to see to it that it is let in. Never told to anybody.
    const ASLEEP: Self = Self(1 << 31);
    /// There is a connection and no thread, and nobody has begun to give it one or to take it away. Never told to anybody.
    const VACANT: Self = Self(1 << 30);

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
    /// Where it is told things, if that is not its thread's own seat.
    pub(super) seat: Option<Arc<Seat>>,
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

/// One a connection, from its first thread to its close, and one a thread that has none.
pub(super) struct Seat {
    calls: AtomicU32,
    /// When its connection's deadline comes.
    deadline: AtomicU32,
    /// When the listener's timer will look at that, at the latest.
    watched: AtomicU32,
    /// When its socket was ready, or its connection came, until the thread has taken note: a hint, and kept only where work may be
    /// late.
    ready_nanos: AtomicU64,
    /// Its connection waits for the rest of a message, or for its first: that is to be gathered before a thread serves it.
    is_gathered: AtomicBool,
    thread: modelled::Mutex<Option<Thread>>,
    gate: Arc<Gate>,
    mail: Mutex<Option<Mail>>,
}

impl Seat {
    /// A seat for a thread that is about to start, with its first connection.
    pub(super) fn new(mail: Mail, gate: &Arc<Gate>) -> Self {
        Self { mail: Mutex::new(Some(mail)), ..Self::with(Calls::LOOK, gate) }
    }

    /// A seat for a connection that gets a thread when there is something to tell it.
    pub(super) fn without_thread(mail: Mail, is_gathered: bool, gate: &Arc<Gate>) -> Self {
        let is_gathered = AtomicBool::new(is_gathered);
        Self { mail: Mutex::new(Some(mail)), is_gathered, ..Self::with(Calls::VACANT, gate) }
    }

    /// A seat for a thread that has left its connection in the one it had.
    pub(super) fn empty(gate: &Arc<Gate>) -> Self {
        Self::with(Calls::NONE, gate)
    }

    /// One that sleeps and has been told to look.
    #[cfg(all(test, not(loom)))]
    pub(super) fn asleep(gate: &Arc<Gate>) -> Self {
        Self::with(Calls::LOOK.and(Calls::ASLEEP), gate)
    }

    fn with(calls: Calls, gate: &Arc<Gate>) -> Self {
        Self {
            gate: gate.clone(),
            calls: AtomicU32::new(calls.0),
            deadline: AtomicU32::new(u32::MAX),
            watched: AtomicU32::new(u32::MAX),
            ready_nanos: AtomicU64::new(NOT_READY),
            is_gathered: AtomicBool::new(false),
            thread: modelled::Mutex::new(None),
            mail: Mutex::new(None),
        }
    }

    /// Before its thread starts, which has been told something: it waits until it is let in.
    pub(super) fn starts_asleep(&self) {
        if !self.gate.is_open() {
            self.calls.fetch_or(Calls::ASLEEP.0, Ordering::AcqRel);
        }
    }

    /// By its thread, before all else.
    pub(super) fn sit_down(&self) {
        *modelled::lock(&self.thread) = Some(current());
        // Written, if only what was there: who lets it in before sees a thread to wake, or this sees that it was let in.
        while self.calls.fetch_or(0, Ordering::AcqRel) & Calls::ASLEEP.0 != 0 {
            park();
        }
    }

    /// By its thread, or by who has claimed it: the connection waits here without a thread. Given back if it has been told something
    /// meanwhile.
    pub(super) fn stand_up(&self, mail: Mail, is_gathered: bool) -> Option<Mail> {
        self.is_gathered.store(is_gathered, Ordering::Relaxed);
        *lock(&self.mail) = Some(mail);
        if self.vacate() { None } else { self.mail() }
    }

    /// Whether nothing is told to who leaves.
    fn vacate(&self) -> bool {
        self.calls.compare_exchange(0, Calls::VACANT.0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// By its thread, when it ends, or does what may take long.
    pub(super) fn leave_gate(&self) {
        if let Some(next) = self.gate.leave() {
            next.wake();
        }
    }

    /// By its thread, which goes on.
    pub(super) fn come_in(&self) {
        self.gate.come_in();
    }

    /// Tells the thread what to look at. `true`: it sleeps, nobody else has seen to it, and the caller must: by [`Gate::admit`] and
    /// [`Seat::wake`].
    #[must_use]
    pub(super) fn tell(&self, calls: Calls) -> bool {
        self.calls.fetch_or(calls.0, Ordering::AcqRel) == Calls::ASLEEP.0
    }

    /// It is inside.
    pub(super) fn wake(&self) {
        self.calls.fetch_and(!Calls::ASLEEP.0, Ordering::AcqRel);
        let thread = modelled::lock(&self.thread).clone();
        if let Some(thread) = thread {
            thread.unpark();
        }
    }

    /// Tells the thread what to look at, past the gate.
    pub(super) fn poke(&self, calls: Calls) {
        if self.tell(calls) {
            self.gate.come_in();
            self.wake();
        }
    }

    /// `true`, once, for a connection without a thread: it is the caller's to have it served, or to take it out. Who has
    /// something to tell tells it first.
    #[inline]
    pub(super) fn claim(&self) -> bool {
        let vacant = Calls::VACANT.0;
        self.calls.load(Ordering::Relaxed) & vacant != 0
            && self.calls.fetch_and(!vacant, Ordering::AcqRel) & vacant != 0
    }

    /// Whether what its connection waits for is to be gathered.
    pub(super) fn is_gathered(&self) -> bool {
        self.is_gathered.load(Ordering::Relaxed)
    }

    /// By the listener, before it pokes. Of several such moments before the thread comes the first one counts.
    pub(super) fn is_ready_at(&self, now_nanos: u64) {
        let _ = self.ready_nanos.compare_exchange(NOT_READY, now_nanos, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// By its thread, once: since when it is ready, if it was told for that.
    pub(super) fn ready_since(&self) -> Option<u64> {
        Some(self.ready_nanos.swap(NOT_READY, Ordering::Relaxed)).filter(|nanos| *nanos != NOT_READY)
    }

    /// By its thread: what there is to look at; waits until there is something, and until it is let in.
    pub(super) fn wait(&self) -> Calls {
        loop {
            let calls = self.calls();
            if calls != Calls::NONE {
                return calls;
            }
            let asleep = Calls::ASLEEP.0;
            if self.calls.compare_exchange(0, asleep, Ordering::AcqRel, Ordering::Acquire).is_err() {
                continue;
            }
            self.leave_gate();
            while self.calls.load(Ordering::Acquire) & asleep != 0 {
                park();
            }
        }
    }

    /// By its thread: what there is to look at by now.
    pub(super) fn calls(&self) -> Calls {
        Calls(self.calls.swap(0, Ordering::AcqRel))
    }

    /// As [`Seat::tell`].
    #[must_use]
    pub(super) fn hand_over(&self, mail: Mail) -> bool {
        *lock(&self.mail) = Some(mail);
        self.tell(Calls::LOOK)
    }

    /// By who has claimed it, for who will serve it.
    pub(super) fn put(&self, mail: Mail) {
        *lock(&self.mail) = Some(mail);
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

    /// A thread that hears `calls`, and then ends.
    fn hears(seat: &Arc<Seat>, calls: Calls) -> loom::thread::JoinHandle<()> {
        let seat = seat.clone();
        loom::thread::spawn(move || {
            seat.sit_down();
            seat.come_in();
            let mut heard = Calls::NONE;
            while !heard.contains(calls) {
                heard = heard.and(seat.wait());
            }
            seat.leave_gate();
        })
    }

    /// A deadlock would be a lost call: loom reports it.
    #[test]
    fn no_call_is_lost_on_a_thread_that_sleeps() {
        loom::model(|| {
            let seat = Arc::new(Seat::with(Calls::NONE, &Arc::new(Gate::open())));
            let thread = hears(&seat, Calls::LOOK.and(Calls::EXPIRED));
            seat.poke(Calls::LOOK);
            seat.poke(Calls::EXPIRED);
            thread.join().unwrap();
        });
    }

    /// Through a gate with one place, which both may want at once: who waits is let in by who leaves.
    #[test]
    fn no_call_is_lost_at_the_gate() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let gate = Arc::new(Gate::with_places(1));
            let seats = [(); 2].map(|()| Arc::new(Seat::with(Calls::NONE, &gate)));
            let threads = seats.each_ref().map(|seat| hears(seat, Calls::LOOK));
            let mut asleep = Vec::new();
            for seat in seats {
                if seat.tell(Calls::LOOK) {
                    asleep.push(seat);
                }
                gate.admit(&mut asleep, std::time::Instant::now);
                asleep.drain(..).for_each(|seat| seat.wake());
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }

    /// The listener has something to tell while the thread leaves its connection: the thread hears it, or the listener sees that it
    /// has to find another.
    #[test]
    fn no_call_is_lost_on_a_thread_that_leaves_its_connection() {
        loom::model(|| {
            let seat = Arc::new(Seat::with(Calls::NONE, &Arc::new(Gate::open())));
            let told = seat.clone();
            let listener = loom::thread::spawn(move || {
                assert!(!told.tell(Calls::LOOK), "nobody sleeps");
                told.claim()
            });
            let left = seat.vacate();
            let claimed = listener.join().unwrap();
            assert_eq!(claimed, left, "told to nobody, or taken from its thread");
            assert_eq!(seat.calls(), Calls::LOOK);
        });
    }

    /// The listener has something to tell, and an upgrade wants the connection.
    #[test]
    fn a_connection_without_a_thread_is_claimed_once_and_its_thread_hears_all() {
        loom::model(|| {
            let seat = Arc::new(Seat::with(Calls::VACANT, &Arc::new(Gate::open())));
            let told = seat.clone();
            let listener = loom::thread::spawn(move || {
                told.poke(Calls::LOOK);
                // The thread that is started, before it sleeps for the first time.
                let started = told.claim();
                if started {
                    told.sit_down();
                    assert!(told.wait().contains(Calls::LOOK));
                }
                started
            });
            let taken = seat.claim();
            assert!(listener.join().unwrap() != taken, "claimed twice, or by nobody");
        });
    }

    const OLD: Tick = Tick(3);
    const NEW: Tick = Tick(5);

    /// The timer was set for the old deadline and fires while the thread moves it.
    fn a_deadline_moves(publish: fn(&Seat) -> bool) {
        loom::model(move || {
            let seat = Arc::new(Seat::with(Calls::NONE, &Arc::new(Gate::open())));
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
