//! What new connections have been like of late, and with that what is worth trying for the next one.
//!
//! Each try is a system call that pays if it finds something. A first request that came with its connection saves
//! registering the connection, if it also closes it; on a core that keeps up, peers have mostly connected and not yet sent
//! when their connection is accepted, and connections come one at a time.

/// What the last ones were like.
#[derive(Default)]
pub(super) struct Arrivals {
    /// How often, of late, the first request was there when the connection was accepted.
    spoke: u8,
    /// Connections, to try one now and then.
    connections: u8,
    /// Whether more than one connection waited when it was last tried.
    crowd: bool,
    /// Turns of doors, to try one now and then.
    turns: u8,
}

/// A request that is there saves about three system calls, one that is not costs one.
const SAVED: u8 = 3;
/// Enough to forget within a few dozen connections.
const SPOKE_MAX: u8 = 24;
/// One connection of so many is looked at whatever the others were like, one turn of a door goes on.
const TRIED_EVERY: u8 = 16;

impl Arrivals {
    /// Whether to look for a request of the connection that was just accepted.
    #[inline]
    pub(super) fn look(&mut self) -> bool {
        self.connections = self.connections.wrapping_add(1);
        self.spoke > 0 || self.connections.is_multiple_of(TRIED_EVERY)
    }

    /// What looking found.
    #[inline]
    pub(super) fn looked(&mut self, found: bool) {
        self.spoke = if found { (self.spoke + SAVED).min(SPOKE_MAX) } else { self.spoke.saturating_sub(1) };
    }

    /// How many connections to accept in this turn of a door, if `most` may be.
    #[inline]
    pub(super) fn accepts(&mut self, most: usize) -> usize {
        self.turns = self.turns.wrapping_add(1);
        if self.crowd || self.turns.is_multiple_of(TRIED_EVERY) { most } else { 1 }
    }

    /// How many there were, of so many that were asked for.
    #[inline]
    pub(super) fn accepted(&mut self, count: usize, of: usize) {
        if of > 1 {
            self.crowd = count > 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_nothing_looks_seldom_and_who_finds_looks_always() {
        let mut arrivals = Arrivals::default();
        let looks = |arrivals: &mut Arrivals, found| {
            (0..160)
                .filter(|_| {
                    let look = arrivals.look();
                    if look {
                        arrivals.looked(found);
                    }
                    look
                })
                .count()
        };
        assert_eq!(looks(&mut arrivals, false), 10);
        assert!(looks(&mut arrivals, true) > 140);
        assert_eq!(looks(&mut arrivals, true), 160);
        assert!(looks(&mut arrivals, false) < 40);
    }

    #[test]
    fn one_in_four_is_enough_to_go_on_looking() {
        let mut arrivals = Arrivals::default();
        arrivals.looked(true);
        let mut looked = 0;
        for connection in 0..100 {
            if arrivals.look() {
                looked += 1;
                arrivals.looked(connection % 4 == 0);
            }
        }
        assert_eq!(looked, 100);
    }

    #[test]
    fn a_crowd_is_let_in_at_once_and_the_rest_one_by_one() {
        let mut arrivals = Arrivals::default();
        let turns: Vec<usize> = (0..16).map(|_| arrivals.accepts(64)).collect();
        assert_eq!((turns[0], turns[14], turns[15]), (1, 1, 64));
        arrivals.accepted(1, 1);
        arrivals.accepted(2, 64);
        assert_eq!(arrivals.accepts(64), 64);
        arrivals.accepted(1, 64);
        assert_eq!(arrivals.accepts(64), 1);
    }
}
