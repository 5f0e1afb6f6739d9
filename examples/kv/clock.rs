//! Time, in milliseconds since the server started: what expires is told by it, and setting the system's clock changes nothing.

use std::cell::Cell;
use std::time::Instant;

pub(crate) type Milliseconds = u64;

/// Where time is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

/// One turn's time: read when somebody first asks, for most commands do not, and the same from then on.
#[derive(Debug)]
pub(crate) struct Moment {
    origin: Instant,
    read: Cell<Option<Milliseconds>>,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { origin: self.origin, read: Cell::new(None) }
    }
}

impl Moment {
    pub(crate) fn now(&self) -> Milliseconds {
        self.read.get().unwrap_or_else(|| {
            let now = Milliseconds::try_from(self.origin.elapsed().as_millis()).unwrap_or(Milliseconds::MAX);
            self.read.set(Some(now));
            now
        })
    }

    /// A time of the test's choice.
    #[cfg(test)]
    pub(crate) fn at(now: Milliseconds) -> Self {
        Self { origin: Instant::now(), read: Cell::new(Some(now)) }
    }
}
