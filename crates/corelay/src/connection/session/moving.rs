//! A protocol's connection that moves to another process: what its protocol packs goes along, and its two deadlines.

use super::super::{Connection, Doing, Turn};
use super::{Flow, Lent, Session};
use crate::clock::Tick;
use crate::http::panics::caught;
use crate::protocol::Step;

/// What a connection of another process has until its protocol has unpacked it.
pub(in super::super) struct Packed {
    pub(in super::super) bytes: Vec<u8>,
    /// The deadline that the protocol has set.
    pub(in super::super) own_due: Option<Tick>,
}

impl Connection {
    /// It is in no place now, and on its way to another process.
    pub(crate) fn leaves(&mut self) {
        if let Some(session) = &mut self.session {
            session.left = true;
        }
    }

    /// What its protocol keeps, for another process; nothing of HTTP. `None`: it stays, and is not to be asked again.
    pub(crate) fn pack(&mut self) -> Option<Vec<u8>> {
        let Some(session) = &mut self.session else { return Some(Vec::new()) };
        let packed = session.live.as_ref().and_then(|live| {
            caught(|| live.pack()).unwrap_or_else(|message| {
                tracing::error!(panic = message, "a protocol's `pack` panicked: its connection stays");
                None
            })
        });
        session.kept = packed.is_none();
        packed
    }

    /// Opens a connection that its protocol does not know yet: a new one, or one that another process had. `Err`: what comes of it
    /// at once.
    pub(super) fn open_session(
        &mut self,
        session: &mut Session,
        turn: &mut Turn,
        lent: &Lent<'_>,
    ) -> Result<(), Step> {
        let unfinished = self.unfinished.as_mut();
        let Some((packed, doing)) = unfinished
            .and_then(|unfinished| Some((unfinished.packed.take()?, std::mem::take(&mut unfinished.doing))))
        else {
            return session.open(None, lent, turn);
        };
        session.flow = match doing {
            Doing::Again => Flow::Full,
            Doing::Head => Flow::Part,
            _ => Flow::Reading,
        };
        (session.due, session.own_due) = (self.deadline, packed.own_due);
        session.open(Some(&packed.bytes), lent, turn)
    }
}

impl Session {
    /// What it is waiting for, if it can move: nobody has anything for it but its peer, and its protocol did not refuse.
    pub(in super::super) fn moves_as(&self) -> Option<Moves> {
        let is_alone = self.live.as_ref().is_some_and(|live| !live.is_reachable());
        if self.kept || !is_alone {
            return None;
        }
        match self.flow {
            Flow::Reading => Some(Moves::Idle),
            Flow::Part => Some(Moves::Part),
            Flow::Full => Some(Moves::Full),
            Flow::Paused | Flow::Ended => None,
        }
    }

    /// The deadline of its terms, and the one that its protocol has set.
    pub(in super::super) fn deadlines(&self) -> (Tick, Option<Tick>) {
        (self.due, self.own_due)
    }
}

/// What a connection that can move has of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Moves {
    Idle,
    /// Part of one, whose rest it waits for.
    Part,
    /// Whole ones, that wait for room for their answers.
    Full,
}
