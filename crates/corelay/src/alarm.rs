//! Deadlines of connections that several threads serve: a wheel, and a timer handle that goes off for the first of them.
//!
//! Where one thread waits in a poller it passes the time until the first deadline as the wait's timeout. Where several
//! wait in one poller, or the thread that sets a deadline is not the one that waits, the deadline must be a handle. The timer
//! is set only when a deadline comes before all others, so a keep-alive request does not touch it.

use crate::clock::Tick;
use crate::shared::Shared;
use crate::slab::NOT_A_CONNECTION;
use crate::wheel::Wheel;
use corelay_poll::{Interest, Poller, Timer, Token, Trigger};
use std::io;

/// The token of an alarm in a poller.
pub(crate) const ALARM: Token = Token::new(u32::MAX, NOT_A_CONNECTION);

/// To be kept behind its users' lock.
pub(crate) struct Alarm {
    wheel: Wheel,
    timer: Timer,
    /// When the timer goes off, if it is set.
    set_for: Option<Tick>,
    trigger: Trigger,
}

impl Alarm {
    /// An alarm in `poller`, reported as [`ALARM`].
    pub(crate) fn new(poller: &Poller, trigger: Trigger) -> io::Result<Self> {
        let timer = Timer::new()?;
        poller.add(&timer, ALARM, Interest::READ, trigger)?;
        Ok(Self { wheel: Wheel::new(), timer, set_for: None, trigger })
    }

    /// Makes `slot` expire at `due` or before, unless it does already.
    pub(crate) fn watch(&mut self, slot: u32, due: Tick, server: &Shared) {
        if self.wheel.due(slot).is_none_or(|set| set > due) {
            self.wheel.schedule(slot, due);
            self.set(None, server);
        }
    }

    pub(crate) fn cancel(&mut self, slot: u32) {
        self.wheel.cancel(slot);
    }

    /// It was reported. To be followed by [`Alarm::expire`] until there is nothing more, and [`Alarm::set`].
    pub(crate) fn went_off(&mut self, poller: &Poller) {
        self.timer.acknowledge();
        self.set_for = None;
        if self.trigger == Trigger::OneShot
            && let Err(error) = poller.modify(&self.timer, ALARM, Interest::READ, Trigger::OneShot)
        {
            tracing::error!(%error, "the timer of deadlines could not be watched");
        }
    }

    /// One slot whose time has come by `now`: it may have come for that slot only as far as was known when it was set.
    pub(crate) fn expire(&mut self, now: Tick) -> Option<u32> {
        self.wheel.expire(now)
    }

    /// Has it go off for the first deadline, or at `other` if that is earlier.
    pub(crate) fn set(&mut self, other: Option<Tick>, server: &Shared) {
        let first = match (self.wheel.earliest(), other) {
            (Some(first), Some(other)) => first.min(other),
            (first, other) => match first.or(other) {
                Some(first) => first,
                None => return,
            },
        };
        if self.set_for.is_some_and(|set| set <= first) {
            return;
        }
        let delay = server.epoch.until(first, server.clock.now());
        match self.timer.set_after(delay) {
            Ok(()) => self.set_for = Some(first),
            Err(error) => tracing::error!(%error, "the timer of deadlines could not be set"),
        }
    }
}
