//! What a poller hands back to say *whose* readiness it reports.
//!
//! A token is 64 bits because that is what both kernels carry for us (`epoll_data`, `kevent.udata`), so
//! looking a connection up costs no hash table. Half of it is a generation: one `wait` may return events for
//! two connections, and serving the first may close the second and give its slot to a third. The event still
//! in the buffer then names a generation that no longer exists, and is dropped instead of being given to a
//! stranger.

/// Names a registered handle: a slot in the caller's table, and the generation of what lives there.
///
/// The kernel stores it and gives it back untouched; this crate never looks inside.
///
/// ```
/// use corelay_poll::Token;
///
/// let old = Token::new(7, 1);
/// let new = Token::new(7, 2);   // the slot was closed and given to another connection
/// assert_eq!(old.slot(), new.slot());
/// assert_ne!(old, new);         // an event that carries `old` is stale
/// assert_eq!(Token::from(u64::from(new)), new);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Token(u64);

impl Token {
    /// The token of `slot` in its `generation`.
    #[inline]
    pub const fn new(slot: u32, generation: u32) -> Self {
        Self((generation as u64) << 32 | slot as u64)
    }

    /// The slot: an index into the caller's table.
    #[inline]
    pub const fn slot(self) -> u32 {
        self.0 as u32
    }

    /// The generation: how often the slot had been given away when this token was made, wrapping.
    #[inline]
    pub const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// All 64 bits: generation in the upper half, slot in the lower.
    #[inline]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl From<u64> for Token {
    #[inline]
    fn from(bits: u64) -> Self {
        Self(bits)
    }
}

impl From<Token> for u64 {
    #[inline]
    fn from(token: Token) -> Self {
        token.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_survive_at_their_extremes() {
        for (slot, generation) in [(0, 0), (u32::MAX, 0), (0, u32::MAX), (u32::MAX, u32::MAX), (1, 2)] {
            let token = Token::from(Token::new(slot, generation).as_u64());
            assert_eq!((token.slot(), token.generation()), (slot, generation));
        }
    }
}
