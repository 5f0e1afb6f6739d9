//! A core that is bound to a processor it does not have for itself is let off it for a while.
//!
//! A bound thread is the fastest there is while its processor is its own. Beside another busy process it is the slowest: it
//! waits for its turn while another processor may be free, and what it would have served waits with it. So with `--pin auto` a
//! core that waited for its processor for [`WAITED`] of [`WINDOWS`] windows in a row roams: the scheduler may put it on any
//! processor of the server's. After a term it is bound again, to see; if it waits as before, the next term comes at once and is
//! twice as long.
//!
//! ```text
//!            waited, window after window                  doubles if that was soon after the last term
//!   bound ───────────────────────────────▶ roams, for a term
//!     ▲                                       │
//!     └───────────────────────────────────────┘ the term is over
//! ```
//!
//! Measured in `ARCHITECTURE.md`. Deliberately absent: choosing a processor; the scheduler knows more about the others.

use super::gauges::Gauges;
use super::{Core, Message};
use crate::config::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// In thousandths of a window.
const WAITED: u32 = 100;
/// Half a second.
const WINDOWS: u32 = 5;
/// For so many windows after a term, one in which it waits is enough: a second.
const PROBATION: u32 = 10;
/// The first term, in windows: half a minute.
const TERM_MIN: u32 = 300;
/// The longest: half an hour.
const TERM_MAX: u32 = 64 * TERM_MIN;

/// Decides for the cores of one server.
pub(super) struct Roaming {
    tethers: Vec<Tether>,
}

impl Roaming {
    /// `None` where cores are not bound, or have only one processor to go to.
    pub(super) fn of(cores: &[Arc<Core>], pin: Pin) -> Option<Self> {
        let may = pin == Pin::Auto && cores.len() > 1 && cores.iter().all(|core| core.cpu.is_some());
        may.then(|| Self { tethers: cores.iter().map(|_| Tether::default()).collect() })
    }

    /// After a window that is known.
    pub(super) fn look(&mut self, gauges: &Gauges) {
        for (tether, gauge) in self.tethers.iter_mut().zip(&gauges.gauges) {
            let roams = tether.after(gauge.waited);
            if gauge.core.roams.swap(roams, Ordering::Relaxed) != roams {
                tracing::debug!(core = gauge.core.number, roams, "others use the processor of a core");
                gauge.core.send(Message::Bind);
            }
        }
    }
}

/// What one core is bound by.
struct Tether {
    state: State,
    /// Of the next term, in windows.
    term: u32,
}

#[derive(Clone, Copy)]
enum State {
    /// Since so many windows; and in so many of them, up to the last, it waited.
    Bound { since: u32, waited: u32 },
    /// For so many windows more.
    Roams { left: u32 },
}

impl Default for Tether {
    fn default() -> Self {
        Self { state: State::Bound { since: TERM_MAX, waited: 0 }, term: TERM_MIN }
    }
}

impl Tether {
    /// Whether the core roams after a window in which it waited for so many thousandths.
    fn after(&mut self, thousandths: u32) -> bool {
        self.state = match self.state {
            State::Roams { left: 0 } => State::Bound { since: 0, waited: 0 },
            State::Roams { left } => State::Roams { left: left - 1 },
            State::Bound { since, waited } => {
                let waited = if thousandths >= WAITED { waited + 1 } else { 0 };
                if waited < if since < PROBATION { 1 } else { WINDOWS } {
                    State::Bound { since: since.saturating_add(1), waited }
                } else {
                    let soon = since < self.term;
                    self.term = if soon { (2 * self.term).min(TERM_MAX) } else { TERM_MIN };
                    State::Roams { left: self.term - 1 }
                }
            }
        };
        matches!(self.state, State::Roams { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For how many windows it roams from now on, if it always waits for so much.
    fn term(tether: &mut Tether, thousandths: u32) -> u32 {
        while !tether.after(thousandths) {}
        let mut windows = 1;
        while tether.after(thousandths) {
            windows += 1;
        }
        windows
    }

    #[test]
    fn who_has_its_processor_stays_on_it() {
        let mut tether = Tether::default();
        assert!((0..10_000).all(|_| !tether.after(WAITED - 1)));
        let now_and_then = |window| if window % WINDOWS == 0 { 0 } else { 1000 };
        assert!((0..10_000).all(|window| !tether.after(now_and_then(window))));
    }

    #[test]
    fn who_waits_for_half_a_second_roams_for_half_a_minute() {
        let mut tether = Tether::default();
        let bound = (0..).take_while(|_| !tether.after(WAITED)).count();
        assert_eq!(bound + 1, WINDOWS as usize);
        let roaming = (0..).take_while(|_| tether.after(WAITED)).count();
        assert_eq!(roaming + 1, TERM_MIN as usize);
    }

    #[test]
    fn each_term_that_changed_nothing_is_followed_by_one_twice_as_long() {
        let mut tether = Tether::default();
        let terms: Vec<u32> = (0..9).map(|_| term(&mut tether, 500)).collect();
        assert_eq!(terms, [300, 600, 1200, 2400, 4800, 9600, 19_200, 19_200, 19_200]);
    }

    #[test]
    fn who_waits_when_it_is_back_has_not_to_wait_long() {
        let mut tether = Tether::default();
        term(&mut tether, 500);
        assert!(tether.after(500));
    }

    #[test]
    fn a_time_of_quiet_makes_terms_short_again() {
        let mut tether = Tether::default();
        (0..4).for_each(|_| assert!(term(&mut tether, 500) >= TERM_MIN));
        assert!((0..2 * TERM_MAX).all(|_| !tether.after(0)));
        assert_eq!(term(&mut tether, 500), TERM_MIN);
    }
}
