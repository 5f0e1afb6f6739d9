//! What a connection keeps counts among what all connections of the server do ([`crate::buffers`]). Where there is no room for it, a
//! request is refused, and an answer that has begun is cut off.

use super::output::drop_in_user_code;
use super::service::CallBody;
use super::{CloseReason, Connection, Doing, Job, Next, Tail, Turn, Unfinished, head};
use crate::buffers::{Full, Room, Share};
use crate::http::StatusCode;
use crate::shared::Shared;

impl Unfinished {
    /// Takes room for what it keeps, or gives back what it needs no more. `Err`: there is not enough.
    pub(super) fn hold(&mut self, server: &Shared) -> Result<(), Full> {
        let share = if self.has_output() { Share::Answers } else { Share::Requests };
        self.room.resize(&server.app.buffers, self.kept_bytes(), share)
    }

    /// The same for what comes from another thread or process and cannot be refused.
    pub(super) fn held_anyway(mut self, server: &Shared) -> Self {
        self.room.resize_anyway(&server.app.buffers, self.kept_bytes());
        self.tail_room.resize_anyway(&server.app.buffers, self.tail.own_bytes());
        self
    }

    /// Whether the request that it is in the middle of is a HEAD.
    pub(super) fn is_of_head_request(&self) -> bool {
        match &self.doing {
            Doing::Head => self.parser.is_of_head_request(),
            Doing::Gather(gather) => gather.is_of_head_request(),
            Doing::Discard(discard) => discard.is_of_head_request(),
            Doing::Service(job) => job.is_of_head_request(),
            _ => false,
        }
    }

    /// Everything but its tail, and a body that is gathered: those have room of their own.
    fn kept_bytes(&self) -> usize {
        let beside = match &self.doing {
            Doing::Service(job) => job.kept_bytes(),
            Doing::Discard(discard) => discard.kept_bytes(),
            _ => 0,
        };
        let packed = self.packed.as_ref().map_or(0, |packed| packed.bytes.capacity());
        self.input.capacity() + self.output.capacity() + beside + packed
    }
}

impl Job {
    /// Whether it is for a HEAD.
    pub(super) fn is_of_head_request(&self) -> bool {
        matches!(self, Self::Call { request, .. } if head::is_of_head_request(request))
    }

    fn kept_bytes(&self) -> usize {
        let Self::Call { request, body } = self else { return 0 };
        let body = if let CallBody::Stream(early) = body { early.capacity() } else { 0 };
        request.capacity() + body
    }
}

impl Tail {
    /// Bytes that nobody else has: those of a file in memory that many are sent are the application's.
    pub(super) fn own_bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) if bytes.is_unique() => bytes.len(),
            _ => 0,
        }
    }

    /// Room for it while it waits; it was `bytes` when nothing of it was sent, and is in memory to its end.
    pub(super) fn room(&self, bytes: usize, server: &Shared) -> Result<Room, Full> {
        let bytes = if matches!(self, Self::Bytes(_)) { bytes } else { 0 };
        Room::of(&server.app.buffers, bytes, Share::Answers)
    }
}

impl Connection {
    /// There is no room for what came of a request: says so, and closes.
    #[cold]
    pub(super) fn refuse_input(&mut self, input: &Unfinished, turn: &mut Turn, server: &Shared) -> Next {
        let reason = "there is no room for the request at present";
        let head_request = input.is_of_head_request();
        let pause =
            turn.out.refuse(StatusCode::SERVICE_UNAVAILABLE, reason, head_request, &turn.tally.counters);
        self.settle(Some(pause), 0..0, turn, server)
    }

    /// There is no room for the rest of an answer.
    #[cold]
    pub(super) fn cut_off(&mut self, unfinished: Box<Unfinished>, turn: &mut Turn) -> Next {
        drop_in_user_code(unfinished, &mut turn.tally);
        self.abandon(CloseReason::Overload)
    }
}
