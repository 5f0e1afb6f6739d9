//! A protocol's turn on a service thread, where it may wait.

use super::super::wire::send_all;
use super::super::{CloseReason, Connection, Doing, Unfinished};
use super::{Flow, Lent, Session};
use crate::protocol::{Hosted, Input, Step};
use crate::shared::Shared;
use crate::tally::Tally;

impl Connection {
    /// Has the protocol take what it left of its input, and sends what it writes. `Err`: the connection is closed.
    pub(in super::super) fn receive_apart(
        mut self,
        server: &Shared,
        tally: &mut Tally,
    ) -> Result<Self, CloseReason> {
        let Some((hosted, mut session)) = server.hosted.as_ref().zip(self.session.take()) else {
            return Err(CloseReason::Internal);
        };
        let kept = self.unfinished.take().map(|unfinished| unfinished.input).unwrap_or_default();
        match self.answer_apart(&mut session, kept, (server, hosted), tally) {
            Ok(unfinished) => {
                let left = !unfinished.input.is_empty() || !matches!(unfinished.doing, Doing::Idle);
                self.unfinished = left.then(|| Box::new(unfinished.held_anyway(server)));
                self.session = Some(session);
                Ok(self)
            }
            Err(reason) => {
                session.end(reason, tally);
                Err(reason)
            }
        }
    }

    fn answer_apart(
        &self,
        session: &mut Session,
        mut input: Vec<u8>,
        (server, hosted): (&Shared, &Hosted),
        tally: &mut Tally,
    ) -> Result<Unfinished, CloseReason> {
        let (mut out, mut uptake) = (Vec::new(), None);
        loop {
            let now = server.epoch.moment(server.clock.now()).tick;
            let lent = Lent { hosted, server, now, address: self.peer, may_wait: true };
            let mut looked_at = Input::new(&input);
            let step =
                session.call(&lent, (&mut out, 0), tally, |live, desk| live.received(&mut looked_at, desk));
            let consumed = looked_at.consumed();
            input.drain(..consumed);
            if let Step::Abort(reason) = step {
                return Err(reason);
            }
            tally.counters.sent_bytes.add(out.len() as u64);
            send_all(&self.socket, &out, &mut uptake, server)?;
            let full = out.len() >= hosted.terms.max_unsent_bytes;
            out.clear();
            let goes_on = matches!(step, Step::Relay) || (matches!(step, Step::Continue) && full);
            if goes_on && consumed > 0 && !input.is_empty() {
                continue;
            }
            let doing = match session.follow(step, input.len(), false) {
                Err(Step::Close(reason)) => Doing::Close { reason, linger: true },
                Ok(()) => Doing::Idle,
                Err(_) => {
                    // It waits for more, and can wait for that at home.
                    session.flow = if input.is_empty() { Flow::Reading } else { Flow::Part };
                    Doing::Idle
                }
            };
            return Ok(Unfinished { input, doing, ..Unfinished::default() });
        }
    }
}
