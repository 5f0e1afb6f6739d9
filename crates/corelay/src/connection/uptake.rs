//! How a peer takes output that waits for it: neither nothing for `write_timeout`, nor less than `min_write_rate`.
//!
//! What counts is what the peer has acknowledged, not what the kernel has room for: of a large answer the kernel holds megabytes,
//! and reports room only when a third of that is free, for which a slow and steady peer may need minutes.
//!
//! A peer has credit, in time: `write_timeout` of it when its output begins to wait. Waiting uses it up, and each acknowledged byte
//! earns what it may take at the least rate, up to `write_timeout` again and no more. So in any span of the wait the peer has
//! acknowledged at least as much as the rate wants in the span without `write_timeout`; a peer that is never slower than the rate, nor
//! silent for longer than `write_timeout`, is never closed, in however large pieces it acknowledges; and what it once took
//! fast gains it no more than a time of grace. An average since the beginning, as bodies have it, would: a peer that took
//! 10 MB at once could then take a byte a minute for two days.
//!
//! Where it has acknowledged all there was, what passed until its last acknowledgement is its time, and from then on it is the server's,
//! which had no more for it, or was late with that. With `TCP_NOTSENT_LOWAT` that is the usual case: there is little in the kernel, and
//! the peer makes room for it at once.

use super::{CloseReason, Unfinished};
use crate::clock::Tick;
use crate::shared::Shared;
use corelay_poll::socket;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Looks at a peer while it has no more credit than for the next tick, within each `write_timeout`: many such peers must not
/// keep a core busy with looking.
const LOOKS_PER_TIMEOUT: u32 = 4;

/// From when output began to wait, until all of it is with the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Uptake {
    /// What the peer had not acknowledged when it was last looked at, and what was sent since.
    owed: u64,
    /// Until when its waiting is in the account.
    looked: Tick,
    /// For so long it has acknowledged nothing.
    silent_ticks: u32,
    credit_nanos: u64,
}

/// What the kernel says of the peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// What it has not acknowledged of all that was sent; `None` where the kernel does not say.
    pub(super) left: Option<u64>,
    /// For how long it has had nothing to acknowledge: time that is not its own.
    pub(super) idle: Duration,
}

impl Unfinished {
    /// Looks at how its peer takes the output.
    pub(super) fn look(
        &mut self,
        socket: BorrowedFd<'_>,
        now: Tick,
        server: &Shared,
    ) -> Result<Tick, CloseReason> {
        self.uptake.look(socket, self.uptake.sight(socket, server), now, server)
    }
}

/// What so many acknowledged bytes are worth at `rate`. Without one they are worth any time.
fn earned_nanos(bytes: u64, rate: u64) -> u128 {
    let nanos = u128::from(bytes) * 1_000_000_000;
    nanos.checked_div(rate.into()).unwrap_or(u128::MAX)
}

/// The same on its way to another process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MovedUptake {
    pub(super) owed: u64,
    pub(super) silent_ms: u64,
    /// `None`: of a process that keeps no such account.
    pub(super) credit_ms: Option<u64>,
}

impl Uptake {
    /// Output begins to wait.
    #[cold]
    pub(super) fn begin(socket: BorrowedFd<'_>, now: Tick, write_ticks: u32) -> Self {
        let owed = socket::unacknowledged_bytes(socket).unwrap_or(0);
        Self { owed, looked: now, silent_ticks: 0, credit_nanos: Tick::nanos_in(write_ticks) }
    }

    /// So much more of it is with the kernel.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.owed = self.owed.saturating_add(bytes as u64);
    }

    /// What has passed since it was looked at is not the peer's doing. When to look again.
    pub(super) fn excuse(&mut self, now: Tick, server: &Shared) -> Tick {
        self.looked = now;
        self.due(server.ticks.write)
    }

    /// The wait begins anew, but for what is owed.
    pub(super) fn restart(&mut self, now: Tick, write_ticks: u32) {
        let credit_nanos = Tick::nanos_in(write_ticks);
        *self = Self { owed: self.owed, looked: now, silent_ticks: 0, credit_nanos };
    }

    /// Before more is sent, for what is sent may be acknowledged at once.
    #[cold]
    pub(super) fn sight(&self, socket: BorrowedFd<'_>, server: &Shared) -> Sight {
        let left = socket::unacknowledged_bytes(socket).ok();
        let rate = server.config.deadlines.min_write_rate;
        let idle = if left != Some(0) {
            Duration::ZERO
        } else if earned_nanos(self.owed, rate) >= Tick::nanos_in(server.ticks.write).into() {
            // What it has taken is worth all the time that there was: no need to ask.
            Duration::MAX
        } else {
            // Where the kernel does not say, it may be all of the time.
            socket::since_acknowledged(socket).unwrap_or(Duration::MAX)
        };
        Sight { left, idle }
    }

    /// Brings the account up to date, with what was [seen](Self::sight) before more was sent. When to look again, at the latest; or
    /// why the peer is given up, and then what the kernel holds for it goes when its socket is closed, instead of waiting there.
    #[cold]
    pub(super) fn look(
        &mut self,
        socket: BorrowedFd<'_>,
        sight: Sight,
        now: Tick,
        server: &Shared,
    ) -> Result<Tick, CloseReason> {
        let judged = self.judge(sight, now, server.ticks.write, server.config.deadlines.min_write_rate);
        if judged.is_err() {
            let _ = rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO));
        }
        judged
    }

    pub(super) fn judge(
        &mut self,
        Sight { left, idle }: Sight,
        now: Tick,
        write_ticks: u32,
        rate: u64,
    ) -> Result<Tick, CloseReason> {
        let passed = now.0.saturating_sub(self.looked.0);
        // Where the kernel does not say, what it took for the peer counts.
        let acknowledged = self.owed.saturating_sub(left.unwrap_or(0));
        (self.owed, self.looked) = (left.unwrap_or(0), now);
        let silent = self.silent_ticks.saturating_add(passed);
        self.silent_ticks = if acknowledged > 0 { 0 } else { silent };
        if self.silent_ticks >= write_ticks {
            return Err(CloseReason::WriteTimeout);
        }
        let most = Tick::nanos_in(write_ticks);
        let waited = u128::from(Tick::nanos_in(passed)).saturating_sub(idle.as_nanos());
        let credit = u128::from(self.credit_nanos).saturating_add(earned_nanos(acknowledged, rate));
        let Some(credit) = credit.checked_sub(waited) else {
            return Err(CloseReason::WriteTooSlow);
        };
        self.credit_nanos = u64::try_from(credit).map_or(most, |credit| credit.min(most));
        Ok(self.due(write_ticks))
    }

    /// When its credit is used up, or `write_timeout` over, if it acknowledges nothing more; but not at once.
    pub(super) fn due(&self, write_ticks: u32) -> Tick {
        let spent =
            Tick::spanning(Duration::from_nanos(self.credit_nanos)).max(write_ticks / LOOKS_PER_TIMEOUT);
        self.looked.after(spent.min(write_ticks.saturating_sub(self.silent_ticks)))
    }

    /// For another process. What it has waited since it was looked at goes along.
    pub(super) fn leaves(&self, now: Tick) -> MovedUptake {
        let passed = now.0.saturating_sub(self.looked.0);
        let ms = |nanos: u64| nanos / 1_000_000;
        MovedUptake {
            owed: self.owed,
            silent_ms: ms(Tick::nanos_in(self.silent_ticks.saturating_add(passed))),
            credit_ms: Some(ms(self.credit_nanos.saturating_sub(Tick::nanos_in(passed)))),
        }
    }

    /// Of another process. The way here is not in its account.
    pub(super) fn arrived(moved: MovedUptake, now: Tick, write_ticks: u32) -> Self {
        let MovedUptake { owed, silent_ms, credit_ms } = moved;
        let most = Tick::nanos_in(write_ticks);
        let credit_nanos = credit_ms.map_or(most, |ms| ms.saturating_mul(1_000_000).min(most));
        let silent = silent_ms.saturating_mul(1_000_000) / Tick::nanos_in(1);
        // At least a tick is left, to see whether it has acknowledged something on the way.
        let silent_ticks = u32::try_from(silent).unwrap_or(u32::MAX).min(write_ticks.saturating_sub(1));
        Self { owed, looked: now, silent_ticks, credit_nanos }
    }
}
