//! A gate before the threads of a listener: it lets in so many at a time, and the others wait in the order in which they came.
//!
//! A kernel is fair to threads. Of thousands that want a processor each gets its part, and the listener's and the admin listener's
//! is no larger: connections are not accepted, nobody is told anything, and every thread holds the buffers of a turn that it does
//! not come to. So only a few are awake at a time: enough to keep a processor busy, and no more.
//!
//! ```text
//!   asleep ──told──▶ a place is free? ──▶ inside: reads, calls, sends ──▶ asleep; its place goes to who waits longest
//!                     └─ no: waits ──────────▲
//!                                            └── the usher has run: nobody wants the processor
//! ```
//!
//! A handler that waits keeps its place and needs no processor. When all places are kept so, the processor is idle, and the one who
//! notices is the **usher**: a thread that yields to all others. When it has run undisturbed while somebody waits, there are twice as many places from
//! then on; when it is wanted for a while and is disturbed, and threads leave, they use the processor, and there are half as many. Where
//! the processor is another program's, nobody leaves, and there are more places after some tenths of a second (with Linux before 6.18 there
//! may be more than needed, and more threads are awake).
//!
//! All this costs a lock for each time a thread is woken, so it is there only where work that is late is refused: for then there is more
//! work than can be done, and each refusal needs a thread too.

use super::seat::Seat;
use crate::sync::modelled::{Mutex, lock};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Places there are at least: one runs, one is ready, and one is about to sleep. Each more takes from the listener's part of the
/// processor, where it may not come first.
const PLACES_MIN: usize = 3;
/// And at most: more threads than a process may have by default.
const PLACES_MAX: usize = 65_536;
/// How long the usher is wanted in vain before there are fewer places.
const IN_VAIN: Duration = Duration::from_millis(50);
/// So long the usher must have the processor to itself.
const UNDISTURBED: Duration = Duration::from_micros(50);
/// Who gives the processor away and gets it back sooner has met nobody who wants it.
const AT_ONCE: Duration = Duration::from_micros(20);
/// When nobody has left for so long, it is not those inside who keep the usher from the processor.
const STUCK: Duration = Duration::from_millis(100);

/// One for each listener.
pub(super) struct Gate {
    /// Without, everybody is let in.
    inside: Option<Mutex<Inside>>,
    usher: Usher,
}

struct Inside {
    /// How many may be inside.
    places: usize,
    /// Threads that are awake, also those whose handlers wait.
    threads: usize,
    /// Those that have been told something, asleep still.
    waiting: VecDeque<Arc<Seat>>,
    /// Since when the usher has been wanted, or there are fewer places because it was.
    wanted_since: Option<Instant>,
    /// How often a thread had left by then.
    left_before: usize,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self::with_places(PLACES_MIN)
    }

    pub(super) fn with_places(places: usize) -> Self {
        let inside =
            Inside { places, threads: 0, waiting: VecDeque::new(), wanted_since: None, left_before: 0 };
        Self { inside: Some(Mutex::new(inside)), usher: Usher::default() }
    }

    /// One that lets everybody in.
    pub(super) fn open() -> Self {
        Self { inside: None, usher: Usher::default() }
    }

    pub(super) fn is_open(&self) -> bool {
        self.inside.is_none()
    }

    /// Of threads that are asleep and have been told something, those that are let in at `now` remain; the others wait.
    pub(super) fn admit(&self, asleep: &mut Vec<Arc<Seat>>, now: impl Fn() -> Instant) {
        let Some(inside) = &self.inside else { return };
        let waits = {
            let mut inside = lock(inside);
            let room = inside.places.saturating_sub(inside.threads).min(asleep.len());
            inside.waiting.extend(asleep.drain(room..));
            inside.threads += room;
            let waits = !inside.waiting.is_empty();
            if waits {
                inside.waits_at(now(), self.usher.leaves.load(Ordering::Relaxed));
            }
            waits
        };
        if waits {
            self.usher.is_wanted();
        }
    }

    /// A thread comes in, whether there is a place or not: it must not wait.
    pub(super) fn come_in(&self) {
        if let Some(inside) = &self.inside {
            lock(inside).threads += 1;
        }
    }

    /// A thread goes to sleep, or will be long: who is to be let in, in its place.
    pub(super) fn leave(&self) -> Option<Arc<Seat>> {
        let mut inside = lock(self.inside.as_ref()?);
        self.usher.leaves.fetch_add(1, Ordering::Relaxed);
        let next = if inside.threads > inside.places { None } else { inside.waiting.pop_front() };
        inside.threads -= usize::from(next.is_none());
        next
    }

    /// If the usher has run: who is let in for that.
    pub(super) fn let_in_more(&self) -> Vec<Arc<Seat>> {
        let Some(inside) = &self.inside else { return Vec::new() };
        if !self.usher.has_run.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        let (more, waits) = {
            let mut inside = lock(inside);
            inside.wanted_since = None;
            if inside.waiting.is_empty() {
                return Vec::new();
            }
            inside.places = inside.places.saturating_mul(2).min(PLACES_MAX);
            let room = inside.places.saturating_sub(inside.threads).min(inside.waiting.len());
            inside.threads += room;
            let more: Vec<_> = inside.waiting.drain(..room).collect();
            (more, !inside.waiting.is_empty())
        };
        if waits {
            self.usher.is_wanted();
        }
        more
    }

    /// Everybody is let in from now on: those who have waited until now.
    pub(super) fn open_up(&self) -> Vec<Arc<Seat>> {
        let Some(inside) = &self.inside else { return Vec::new() };
        let mut inside = lock(inside);
        inside.places = usize::MAX;
        inside.threads += inside.waiting.len();
        std::mem::take(&mut inside.waiting).into()
    }

    pub(super) fn usher(&self) -> &Usher {
        &self.usher
    }
}

impl Inside {
    /// Somebody waits, so the usher is wanted. Where hardly anybody leaves, it is other programs that keep it away.
    fn waits_at(&mut self, now: Instant, leaves: usize) {
        let Some(since) = &mut self.wanted_since else {
            (self.wanted_since, self.left_before) = (Some(now), leaves);
            return;
        };
        if leaves.wrapping_sub(self.left_before) < PLACES_MIN {
            return;
        }
        // A listener that had no processor for long comes here late.
        while now.saturating_duration_since(*since) >= IN_VAIN && self.places > PLACES_MIN {
            *since += IN_VAIN;
            self.places = (self.places / 2).max(PLACES_MIN);
            self.left_before = leaves;
        }
    }
}

/// What tells that nobody else wants the processor: a thread that yields to all others has had it to itself.
#[derive(Default)]
pub(super) struct Usher {
    thread: OnceLock<Thread>,
    wanted: AtomicBool,
    has_run: AtomicBool,
    ended: AtomicBool,
    /// How often a thread has left. For the usher, which may lose the processor anywhere and so must hold no lock.
    leaves: AtomicUsize,
}

impl Usher {
    /// The usher's thread: calls `tell` each time that it was wanted and nobody else wants the processor.
    pub(super) fn run(&self, tell: impl Fn()) {
        let _ = self.thread.set(thread::current());
        while !self.ended.load(Ordering::Acquire) {
            if self.wanted.swap(false, Ordering::AcqRel) {
                self.wait_until_alone();
                self.has_run.store(true, Ordering::Release);
                tell();
            } else {
                thread::park();
            }
        }
    }

    /// That it runs says little. When each of a few others had a little more than its part, the scheduler has the usher make up for
    /// that (EEVDF, Linux 6.6), however low its priority. So it gives the processor away until it comes back at once: with that
    /// it renounces what it is owed (Linux 6.18), or uses it up. If it never does and nobody leaves, another program has the processor.
    fn wait_until_alone(&self) {
        let begun = Instant::now();
        let (mut alone_since, mut last) = (begun, (self.leaves.load(Ordering::Relaxed), begun));
        while !self.ended.load(Ordering::Acquire) {
            let given = Instant::now();
            thread::yield_now();
            let back = Instant::now();
            if back.duration_since(given) <= AT_ONCE {
                if back.duration_since(alone_since) >= UNDISTURBED {
                    return;
                }
                continue;
            }
            alone_since = back;
            let leaves = self.leaves.load(Ordering::Relaxed);
            if leaves != last.0 {
                last = (leaves, back);
            } else if back.duration_since(last.1) >= STUCK {
                return;
            }
        }
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.wake();
    }

    fn is_wanted(&self) {
        if !self.wanted.swap(true, Ordering::AcqRel) {
            self.wake();
        }
    }

    fn wake(&self) {
        self.thread.get().into_iter().for_each(Thread::unpark);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A gate, and seats that are asleep and told to look.
    fn gate_and_seats(count: usize) -> (Gate, Vec<Arc<Seat>>) {
        let gate = Arc::new(Gate::open());
        (Gate::new(), (0..count).map(|_| Arc::new(Seat::asleep(&gate))).collect())
    }

    fn is(found: Option<Arc<Seat>>, expected: &Arc<Seat>) -> bool {
        found.is_some_and(|found| Arc::ptr_eq(&found, expected))
    }

    /// Tells these at `now`; how many are let in.
    fn admitted(gate: &Gate, seats: &[Arc<Seat>], now: Instant) -> usize {
        let mut told = seats.to_vec();
        gate.admit(&mut told, || now);
        told.len()
    }

    fn usher_has_run(gate: &Gate) -> usize {
        gate.usher.has_run.store(true, Ordering::Release);
        gate.let_in_more().len()
    }

    #[test]
    fn places_go_to_who_has_waited_longest() {
        let (gate, seats) = gate_and_seats(PLACES_MIN + 2);
        let now = Instant::now();
        assert_eq!(admitted(&gate, &seats, now), PLACES_MIN);
        assert!(is(gate.leave(), &seats[PLACES_MIN]));
        assert!(is(gate.leave(), &seats[PLACES_MIN + 1]));
        assert!(gate.leave().is_none());
        assert_eq!(admitted(&gate, &seats[..2], now), 1, "one place is free");
    }

    #[test]
    fn who_came_in_without_a_place_leaves_it_to_nobody() {
        let (gate, seats) = gate_and_seats(PLACES_MIN + 1);
        gate.come_in();
        assert_eq!(admitted(&gate, &seats, Instant::now()), PLACES_MIN - 1);
        gate.come_in();
        assert!(gate.leave().is_none(), "one too many was inside");
        assert!(is(gate.leave(), &seats[PLACES_MIN - 1]));
    }

    #[test]
    fn there_are_more_places_each_time_the_usher_has_run_and_fewer_while_it_is_wanted_in_vain() {
        let (gate, seats) = gate_and_seats(100 * PLACES_MIN);
        let begun = Instant::now();
        admitted(&gate, &seats, begun);
        assert_eq!((usher_has_run(&gate), usher_has_run(&gate)), (PLACES_MIN, 2 * PLACES_MIN));
        assert_eq!(gate.let_in_more().len(), 0, "it has not run again");
        assert!(gate.leave().is_some(), "there are four times as many places as at first");
        let wait_in_vain = |gate: &Gate, since: Instant| {
            admitted(gate, &seats[..1], since);
            admitted(gate, &seats[..1], since + IN_VAIN);
        };
        wait_in_vain(&gate, begun);
        let left = (0..PLACES_MIN).filter_map(|_| gate.leave()).count();
        assert_eq!(left, PLACES_MIN, "others keep the usher away, for hardly anybody has left");
        wait_in_vain(&gate, begun + IN_VAIN);
        assert!(gate.leave().is_none(), "there are half as many");
        assert!(gate.open_up().len() > 90 * PLACES_MIN);
        assert_eq!(admitted(&gate, &seats, begun), seats.len(), "it is open");
    }

    /// The calling thread is the usher of that processor until it is ended.
    fn run_on(cpu: usize, usher: &Usher, tell: impl Fn()) {
        corelay_poll::affinity::pin_current_thread(cpu).expect("one of them");
        let _ = corelay_poll::thread::lower_priority(corelay_poll::thread::current());
        usher.run(tell);
    }

    /// Another program has the processor, and whoever is inside waits for something else.
    #[test]
    fn an_usher_that_is_never_alone_tells_if_nobody_leaves() {
        let usher = Arc::new(Usher::default());
        let cpu = corelay_poll::affinity::usable_cpus().expect("its processors")[0];
        let other = usher.clone();
        let ushers = thread::spawn(move || run_on(cpu, &other, || other.end()));
        corelay_poll::affinity::pin_current_thread(cpu).expect("one of them");
        usher.is_wanted();
        while !usher.has_run.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        ushers.join().expect("it ends");
    }

    /// How often the threads of the test below pass a place on, and how long each has it: 0.2 s of a processor.
    const PASSED_ON: usize = 4_000;
    const HELD: Duration = Duration::from_micros(50);

    /// There is always one who wants the processor, and each of them sleeps now and then.
    #[test]
    fn an_usher_is_silent_while_others_use_the_processor_by_turns() {
        let usher = Usher::default();
        let cpu = corelay_poll::affinity::usable_cpus().expect("its processors")[0];
        let left = || usher.leaves.load(Ordering::Relaxed);
        let use_it = |places: mpsc::Receiver<()>, next: mpsc::Sender<()>| {
            corelay_poll::affinity::pin_current_thread(cpu).expect("one of them");
            for () in places {
                let begun = Instant::now();
                while begun.elapsed() < HELD {
                    std::hint::spin_loop();
                }
                if usher.leaves.fetch_add(1, Ordering::Relaxed) >= PASSED_ON || next.send(()).is_err() {
                    return;
                }
            }
        };
        let told_early = AtomicBool::new(false);
        thread::scope(|scope| {
            let (mut nexts, places): (Vec<_>, Vec<_>) = (0..=PLACES_MIN).map(|_| mpsc::channel()).unzip();
            nexts[1..].iter().for_each(|next| next.send(()).expect("it is awaited"));
            nexts.rotate_left(1);
            let ring: Vec<_> =
                places.into_iter().zip(nexts).map(|ends| scope.spawn(|| use_it(ends.0, ends.1))).collect();
            while left() == 0 {
                thread::yield_now();
            }
            usher.is_wanted();
            scope.spawn(|| run_on(cpu, &usher, || told_early.store(left() < PASSED_ON, Ordering::Relaxed)));
            ring.into_iter().for_each(|thread| thread.join().expect("it ends"));
            usher.end();
        });
        assert!(!told_early.into_inner(), "others wanted the processor");
    }

    #[test]
    fn an_open_gate_lets_everybody_in() {
        let (_, seats) = gate_and_seats(10 * PLACES_MIN);
        let gate = Gate::open();
        gate.come_in();
        assert_eq!(admitted(&gate, &seats, Instant::now()), seats.len());
        assert!(gate.leave().is_none());
    }
}
