//! An engine's connections, by slot. A slot that is used again has a new generation, so a token of the connection that
//! was there before finds nothing.

use corelay_poll::Token;

/// Tokens of this generation are not connections: a poller's waker, timer and doors have slots of their own in it.
pub(crate) const NOT_A_CONNECTION: u32 = u32::MAX;

/// What a slot holds.
enum Slot<T> {
    /// Free; the next free slot, or none.
    Free(Option<u32>),
    /// Here.
    Here(T),
    /// Taken out by a thread that serves it, or relayed to another thread; the slot is kept for its return.
    Away {
        /// Another thread had an event for it meanwhile.
        called: bool,
    },
}

struct Entry<T> {
    generation: u32,
    slot: Slot<T>,
}

/// Values by [`Token`]: taken out while they are served, put back after.
pub(crate) struct Slab<T> {
    entries: Vec<Entry<T>>,
    free: Option<u32>,
    occupied: usize,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), free: None, occupied: 0 }
    }

    /// Slots in use, those whose value is away included.
    pub(crate) fn len(&self) -> usize {
        self.occupied
    }

    /// Reserves a slot for a value that is still outside: [`put_back`](Self::put_back) brings it in.
    pub(crate) fn reserve(&mut self) -> Token {
        self.occupied += 1;
        if let Some(index) = self.free {
            let entry = &mut self.entries[index as usize];
            if let Slot::Free(next) = entry.slot {
                self.free = next;
            }
            entry.slot = Slot::Away { called: false };
            return Token::new(index, entry.generation);
        }
        let index = u32::try_from(self.entries.len()).expect("fewer than 2^32 connections");
        self.entries.push(Entry { generation: 0, slot: Slot::Away { called: false } });
        Token::new(index, 0)
    }

    /// Takes the value out, leaving its slot reserved. `None`: a stale token, or the value is away already.
    #[inline]
    pub(crate) fn take(&mut self, token: Token) -> Option<T> {
        let entry = self.entries.get_mut(token.slot() as usize)?;
        if entry.generation != token.generation() || !matches!(entry.slot, Slot::Here(_)) {
            return None;
        }
        match std::mem::replace(&mut entry.slot, Slot::Away { called: false }) {
            Slot::Here(value) => Some(value),
            Slot::Free(_) | Slot::Away { .. } => None,
        }
    }

    /// As [`take`](Self::take); that it was asked for is noted where the value is away.
    pub(crate) fn call(&mut self, token: Token) -> Option<T> {
        match self.entries.get_mut(token.slot() as usize) {
            Some(Entry { generation, slot: Slot::Away { called } }) if *generation == token.generation() => {
                *called = true;
                None
            }
            _ => self.take(token),
        }
    }

    /// Whether a value that is away was called for since it was taken.
    pub(crate) fn was_called(&self, token: Token) -> bool {
        let entry = self.entries.get(token.slot() as usize);
        entry.is_some_and(|entry| {
            entry.generation == token.generation() && matches!(entry.slot, Slot::Away { called: true })
        })
    }

    /// Puts a value into the slot that was reserved for it. A stale token gives the value back.
    #[inline]
    pub(crate) fn put_back(&mut self, token: Token, value: T) -> Result<(), T> {
        match self.entries.get_mut(token.slot() as usize) {
            Some(entry)
                if entry.generation == token.generation() && matches!(entry.slot, Slot::Away { .. }) =>
            {
                entry.slot = Slot::Here(value);
                Ok(())
            }
            _ => Err(value),
        }
    }

    /// Frees the slot of a value that is away and will not return. The slot's tokens are stale from now on.
    pub(crate) fn release(&mut self, token: Token) {
        let Some(entry) = self.entries.get_mut(token.slot() as usize) else { return };
        if entry.generation != token.generation() || !matches!(entry.slot, Slot::Away { .. }) {
            return;
        }
        // The top bit stays clear: generations with it are not connections'.
        entry.generation = (entry.generation + 1) & (u32::MAX >> 1);
        entry.slot = Slot::Free(self.free);
        self.free = Some(token.slot());
        self.occupied -= 1;
    }

    /// Changes every value that is here.
    pub(crate) fn for_each(&mut self, mut change: impl FnMut(&mut T)) {
        for entry in &mut self.entries {
            if let Slot::Here(value) = &mut entry.slot {
                change(value);
            }
        }
    }

    /// Looks at a value that is here.
    pub(crate) fn peek(&self, token: Token) -> Option<&T> {
        match self.entries.get(token.slot() as usize)? {
            Entry { generation, slot: Slot::Here(value) } if *generation == token.generation() => Some(value),
            _ => None,
        }
    }

    /// The token of a slot whose value is here; for timers, which know only slots.
    pub(crate) fn token_of(&self, slot: u32) -> Option<Token> {
        let entry = self.entries.get(slot as usize)?;
        matches!(entry.slot, Slot::Here(_)).then(|| Token::new(slot, entry.generation))
    }

    /// Up to `most` values that are here and wanted, among `slots` slots from `from` on, and where to look on.
    pub(crate) fn find(
        &self,
        from: usize,
        slots: usize,
        most: usize,
        wanted: impl Fn(&T) -> bool,
    ) -> (Vec<Token>, usize) {
        let (mut found, mut at) = (Vec::new(), from);
        for _ in 0..slots.min(self.entries.len()) {
            if found.len() == most {
                break;
            }
            at %= self.entries.len();
            if let Entry { generation, slot: Slot::Here(value) } = &self.entries[at]
                && wanted(value)
            {
                found.push(Token::new(at as u32, *generation));
            }
            at += 1;
        }
        (found, at)
    }

    /// Every value that is here.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        (0..self.entries.len()).filter_map(|index| self.token_of(index as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_a_reused_slot_finds_nothing() {
        let mut slab = Slab::new();
        let first = slab.reserve();
        slab.put_back(first, "first").expect("reserved");
        assert_eq!(slab.take(first), Some("first"));
        slab.release(first);
        let second = slab.reserve();
        assert_eq!(second.slot(), first.slot());
        slab.put_back(second, "second").expect("reserved");
        assert_eq!(slab.take(first), None);
        assert_eq!(slab.put_back(first, "late"), Err("late"));
        slab.release(first);
        assert_eq!(slab.take(second), Some("second"));
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn who_calls_for_a_value_that_is_away_is_remembered_until_it_is_back() {
        let mut slab = Slab::new();
        let token = slab.reserve();
        assert!(!slab.was_called(token));
        assert_eq!(slab.call(token), None);
        assert!(slab.was_called(token));
        slab.put_back(token, 1).expect("reserved");
        assert!(!slab.was_called(token));
        assert_eq!(slab.call(token), Some(1));
        assert!(!slab.was_called(token));
        slab.release(token);
        assert_eq!(slab.call(token), None);
        let next = slab.reserve();
        assert!(!slab.was_called(next), "a call for who was there before");
    }

    #[test]
    fn who_looks_on_from_where_it_stopped_finds_all_that_is_wanted_and_here() {
        let mut slab = Slab::new();
        let tokens: Vec<Token> = (0..10).map(|_| slab.reserve()).collect();
        (0..).zip(&tokens).for_each(|(value, token)| slab.put_back(*token, value).expect("reserved"));
        slab.take(tokens[4]);
        let (mut all, mut at) = (Vec::new(), 7);
        for _ in 0..4 {
            let (found, next) = slab.find(at, 3, 2, |value| value % 2 == 0);
            all.extend(found);
            at = next;
        }
        assert_eq!(all, [8, 0, 2, 6, 8].map(|index: usize| tokens[index]), "once around, and on");
        assert_eq!(Slab::<u32>::new().find(3, 5, 5, |_| true).0, []);
    }

    #[test]
    fn a_value_that_is_away_cannot_be_taken_twice() {
        let mut slab = Slab::new();
        let token = slab.reserve();
        assert_eq!(slab.take(token), None);
        slab.put_back(token, 1).expect("reserved");
        assert_eq!(slab.take(token), Some(1));
        assert_eq!(slab.take(token), None);
        slab.put_back(token, 2).expect("still reserved");
        assert_eq!(slab.tokens().collect::<Vec<_>>(), [token]);
    }
}
