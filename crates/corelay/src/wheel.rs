//! A timer wheel over the slots of connections.
//!
//! Why a wheel and why lazy: a keep-alive request moves its connection's idle deadline, and that must cost no more
//! than a store. So the wheel holds at most one entry a slot, at or before the true deadline; when it fires, the
//! owner compares with the connection's own deadline and, if that has moved, schedules it again. Entries are
//! doubly linked through arrays indexed by slot: scheduling and cancelling are O(1), nothing is allocated per
//! timer, and a closed connection leaves nothing behind.
//!
//! The wheel has one level of [`BUCKETS`] ticks (137 s). A deadline further away is put in the last bucket and moves
//! on when that comes round. Deliberately absent: cascading levels, callbacks, time of its own.

use crate::clock::Tick;

/// Ticks in one turn of the wheel. A power of two.
const BUCKETS: u32 = 2048;
const NONE: u32 = u32::MAX;
const WORDS: usize = (BUCKETS / 64) as usize;

#[derive(Clone, Copy)]
struct Link {
    previous: u32,
    next: u32,
    /// When this entry fires; `None` is an entry that is not in the wheel.
    due: Option<Tick>,
}

/// At most one timer per slot.
pub(crate) struct Wheel {
    links: Vec<Link>,
    heads: Box<[u32; BUCKETS as usize]>,
    /// One bit per bucket that holds an entry.
    occupied: [u64; WORDS],
    /// Every entry due before this tick has fired.
    fired_to: Tick,
    /// No entry is due before this; `None`: the wheel is empty, or was when last looked at.
    earliest: Option<Tick>,
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self {
            links: Vec::new(),
            heads: Box::new([NONE; BUCKETS as usize]),
            occupied: [0; WORDS],
            fired_to: Tick(0),
            earliest: None,
        }
    }

    /// Makes `slot` fire at `due`, instead of when it would have.
    pub(crate) fn schedule(&mut self, slot: u32, due: Tick) {
        self.cancel(slot);
        let due = due.clamp(self.fired_to, self.fired_to.after(BUCKETS - 1));
        let index = slot as usize;
        if index >= self.links.len() {
            self.links.resize(index + 1, Link { previous: NONE, next: NONE, due: None });
        }
        let bucket = (due.0 % BUCKETS) as usize;
        let next = self.heads[bucket];
        if next != NONE {
            self.links[next as usize].previous = slot;
        }
        self.links[index] = Link { previous: NONE, next, due: Some(due) };
        self.heads[bucket] = slot;
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
        self.earliest = Some(self.earliest.map_or(due, |earliest| earliest.min(due)));
    }

    /// Takes `slot` out, if it is in.
    pub(crate) fn cancel(&mut self, slot: u32) {
        let Some(link) = self.links.get_mut(slot as usize) else { return };
        let Some(due) = link.due.take() else { return };
        let (previous, next) = (link.previous, link.next);
        if next != NONE {
            self.links[next as usize].previous = previous;
        }
        if previous != NONE {
            self.links[previous as usize].next = next;
            return;
        }
        let bucket = (due.0 % BUCKETS) as usize;
        self.heads[bucket] = next;
        if next == NONE {
            self.occupied[bucket / 64] &= !(1 << (bucket % 64));
        }
    }

    /// When `slot` fires, if it is scheduled.
    #[inline]
    pub(crate) fn due(&self, slot: u32) -> Option<Tick> {
        self.links.get(slot as usize).and_then(|link| link.due)
    }

    /// A tick before which nothing fires; `None` when there is nothing to wait for.
    #[inline]
    pub(crate) fn earliest(&self) -> Option<Tick> {
        self.earliest
    }

    /// Takes out one slot whose time has come by `now`. Call until it returns `None`.
    pub(crate) fn expire(&mut self, now: Tick) -> Option<u32> {
        while let Some(due) = self.earliest {
            if due > now {
                return None;
            }
            // `earliest` may lie before the first entry, after a cancellation: look at the bucket itself.
            let slot = self.heads[(due.0 % BUCKETS) as usize];
            if slot != NONE && self.due(slot) == Some(due) {
                self.cancel(slot);
                self.fired_to = due;
                return Some(slot);
            }
            self.fired_to = Tick(due.0 + 1);
            self.earliest = self.first_from(self.fired_to);
        }
        self.fired_to = self.fired_to.max(now);
        None
    }

    /// The first occupied bucket at or after `from`, as the tick it stands for.
    fn first_from(&self, from: Tick) -> Option<Tick> {
        let start = from.0 % BUCKETS;
        let first_word = (start / 64) as usize;
        for step in 0..=WORDS {
            let word_index = (first_word + step) % WORDS;
            let mut word = self.occupied[word_index];
            if step == 0 {
                word &= u64::MAX << (start % 64);
            } else if step == WORDS {
                word &= !(u64::MAX << (start % 64));
            }
            if word != 0 {
                let bucket = word_index as u32 * 64 + word.trailing_zeros();
                let distance = (bucket + BUCKETS - start) % BUCKETS;
                return Some(from.after(distance));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Step {
        Schedule(u32, u32),
        Cancel(u32),
        Advance(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..20u32, 0..3 * BUCKETS).prop_map(|(slot, ahead)| Step::Schedule(slot, ahead)),
            (0..20u32).prop_map(Step::Cancel),
            prop_oneof![0..5u32, 0..2 * BUCKETS].prop_map(Step::Advance),
        ]
    }

    proptest! {
        /// Against a sorted map: what fires, fires at its tick or, past one turn, at the turn's end; nothing else does.
        #[test]
        fn fires_what_a_sorted_map_would(steps in proptest::collection::vec(step(), 1..80)) {
            let mut wheel = Wheel::new();
            let mut model: BTreeMap<u32, u32> = BTreeMap::new();
            let mut now = 0u32;
            for step in steps {
                match step {
                    Step::Schedule(slot, ahead) => {
                        wheel.schedule(slot, Tick(now + ahead));
                        model.insert(slot, now + ahead);
                    }
                    Step::Cancel(slot) => {
                        wheel.cancel(slot);
                        model.remove(&slot);
                    }
                    Step::Advance(by) => {
                        now += by;
                        while let Some(slot) = wheel.expire(Tick(now)) {
                            let due = model[&slot];
                            if due > now {
                                wheel.schedule(slot, Tick(due));      // beyond one turn: as the owner does
                            } else {
                                model.remove(&slot);
                            }
                        }
                        prop_assert!(model.values().all(|due| *due > now), "{model:?} at {now}");
                    }
                }
                if let Some(first) = model.values().min() {
                    let earliest = wheel.earliest().expect("entries are waited for");
                    prop_assert!(earliest.0 <= *first);
                }
                for (slot, due) in &model {
                    prop_assert!(wheel.due(*slot).is_some_and(|at| at.0 <= *due));
                }
            }
        }
    }

    #[test]
    fn an_empty_wheel_waits_for_nothing() {
        let mut wheel = Wheel::new();
        wheel.schedule(3, Tick(10));
        wheel.cancel(3);
        assert_eq!(wheel.expire(Tick(50)), None);
        assert_eq!(wheel.earliest(), None);
    }
}
