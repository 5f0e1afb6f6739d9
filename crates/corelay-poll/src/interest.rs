//! What a caller asks of a handle: which directions, and how often to be told.

use std::ops::BitOr;

/// The directions of a handle that its owner wants to hear about.
///
/// Errors and hang-ups are reported whatever the interest, as the kernels have it (`EPOLLERR` and `EPOLLHUP`
/// in epoll_ctl(2)); [`Interest::NONE`] on kqueue is silent altogether. To silence a handle on both, `delete`
/// it.
///
/// ```
/// use corelay_poll::Interest;
///
/// assert_eq!(Interest::READ | Interest::WRITE, Interest::BOTH);
/// assert!(Interest::BOTH.contains(Interest::WRITE));
/// assert!(!Interest::NONE.contains(Interest::READ));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Interest(u8);

impl Interest {
    /// Neither direction: the handle keeps its place in the poller but is not served.
    pub const NONE: Self = Self(0);
    /// Bytes to read, a connection to accept, a timer that expired, the peer's end of stream.
    pub const READ: Self = Self(1);
    /// Room to write.
    pub const WRITE: Self = Self(2);
    /// Both directions.
    pub const BOTH: Self = Self(3);

    /// Whether every direction of `other` is wanted. Everything contains [`Interest::NONE`].
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Interest {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How often a poller reports a handle that stays ready.
///
/// The default is level: it is the only one that forgives. A thread that leaves bytes unread, or a core that
/// is taken over in the middle of a batch, is told again by the next `wait`; under the other two the
/// readiness is gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Trigger {
    /// Every `wait` reports the handle while it is ready.
    #[default]
    Level,
    /// One report for each change from the kernel's side (new bytes, new room). The caller must read or write
    /// until `WouldBlock`, or it is never told of what it left.
    Edge,
    /// One report, then silence until `modify` arms the handle again; readiness that is there when it is
    /// armed is reported at once. For a handle that several threads share: only one of them is told. With
    /// [`Interest::BOTH`], epoll silences the handle and kqueue the direction it reported.
    OneShot,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interests_combine_as_sets() {
        let all = [Interest::NONE, Interest::READ, Interest::WRITE, Interest::BOTH];
        for a in all {
            assert!(Interest::BOTH.contains(a));
            assert!(a.contains(Interest::NONE));
            assert_eq!(a | a, a);
            for b in all {
                assert!((a | b).contains(a) && (a | b).contains(b));
            }
        }
        assert!(!Interest::READ.contains(Interest::BOTH));
    }

    #[test]
    fn level_is_the_default() {
        assert_eq!(Trigger::default(), Trigger::Level);
    }
}
