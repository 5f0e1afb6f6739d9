//! Pieces of a message that is not whole: read and kept, by whichever thread. No handler is called and nothing is answered here; what
//! the pieces come to is for [`Connection::look`].

use super::input::{Read, read};
use super::{CloseReason, Connection, Doing, Turn, Unfinished};
use crate::clock::Tick;
use crate::shared::Shared;
use corelay_http::{Parsed, RequestHead};

/// What a look at a connection in the middle of a message has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gathered {
    /// Part of a message still, and its deadline has come no nearer than it was.
    Part,
    /// There is something to do: it is to be looked at.
    Ready,
}

impl Connection {
    /// In the middle of a message, all that is answered being sent: when it was begun, or is due; the same as long as it is the same
    /// message.
    pub(crate) fn part_since(&self) -> Option<Tick> {
        let unfinished = self.unfinished.as_ref().filter(|unfinished| !unfinished.has_output())?;
        match &unfinished.doing {
            Doing::Head => Some(self.deadline),
            Doing::Gather(gather) => Some(gather.began()),
            Doing::Discard(discard) => Some(discard.began()),
            _ => None,
        }
    }

    /// Reads once, if it is in the middle of a message or before its first.
    pub(crate) fn gather(&mut self, turn: &mut Turn, server: &Shared) -> Gathered {
        let fresh = self.unfinished.is_none();
        if !fresh && self.part_since().is_none() {
            return Gathered::Ready;
        }
        let mut unfinished = self.unfinished.take().unwrap_or_default();
        if fresh {
            unfinished.doing = Doing::Head;
        }
        let gathered = self.gather_more(&mut unfinished, fresh, turn, server);
        if gathered == Gathered::Ready {
            // What came in time is not late for who looks at it next.
            self.deadline = turn.now.tick.after(server.ticks.idle);
        } else if fresh {
            if unfinished.input.is_empty() {
                return gathered;
            }
            self.deadline = turn.now.tick.after(server.ticks.head);
        }
        self.unfinished = Some(unfinished);
        gathered
    }

    fn gather_more(
        &mut self,
        unfinished: &mut Unfinished,
        fresh: bool,
        turn: &mut Turn,
        server: &Shared,
    ) -> Gathered {
        let kept = unfinished.input.len();
        let filled = match read(&self.socket, &mut turn.input[kept..], &turn.tally.counters) {
            Read::Bytes(filled) => filled,
            Read::Empty => return Gathered::Part,
            Read::End if fresh => return unfinished.ends(CloseReason::PeerClosed),
            Read::End => return unfinished.ends(CloseReason::PeerClosedEarly),
            Read::Reset => return unfinished.ends(CloseReason::Reset),
        };
        let more = &turn.input[kept..][..filled];
        let consumed = match &mut unfinished.doing {
            Doing::Gather(gather) => gather.take_piece(more, turn.now, server),
            Doing::Discard(discard) => discard.take_piece(more, turn.now, server).map(|(consumed, doing)| {
                if let Some(doing) = doing {
                    unfinished.doing = doing;
                }
                consumed
            }),
            _ => return unfinished.take_piece_of_head(more, server),
        };
        let Some(consumed) = consumed else {
            self.deadline = turn.now.tick.after(server.ticks.body);
            return Gathered::Part;
        };
        unfinished.input.extend_from_slice(&more[consumed..]);
        Gathered::Ready
    }
}

impl Unfinished {
    fn ends(&mut self, reason: CloseReason) -> Gathered {
        (self.input, self.doing) = (Vec::new(), Doing::Close { reason, linger: false });
        Gathered::Ready
    }

    /// Behind the pieces that are here. A head that is whole or wrong is read from its start by who looks.
    fn take_piece_of_head(&mut self, more: &[u8], server: &Shared) -> Gathered {
        self.input.extend_from_slice(more);
        let parsed = self.parser.parse(&self.input, &server.http_limits);
        if matches!(parsed, Ok(Parsed::Partial)) && self.hold(server).is_ok() {
            return Gathered::Part;
        }
        (self.parser, self.doing) = (RequestHead::new(), Doing::Again);
        Gathered::Ready
    }
}
