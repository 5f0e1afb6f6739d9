//! The hot path: one connection that can be read, from bytes to bytes.

use super::body::{self, Arrived};
use super::settle::Pause;
use super::{Connection, Next, Turn};
use crate::http::{Endpoint, Params, Request, Response};
use crate::shared::Shared;
use corelay_http::Parsed;

impl Connection {
    /// One turn.
    #[inline(always)]
    pub(crate) fn serve(&mut self, turn: &mut Turn, server: &Shared) -> Next {
        if turn.restrained {
            return self.serve_restrained(turn, server);
        }
        self.serve_requests::<false>(turn, server)
    }

    /// The same where each request has to be let through.
    #[inline(never)]
    fn serve_restrained(&mut self, turn: &mut Turn, server: &Shared) -> Next {
        self.serve_requests::<true>(turn, server)
    }

    /// Reads once, answers every request that is whole, sends once. **This is the hot path.**
    ///
    /// One `recv`, one `send`, and for requests whose body is here and whose answer fits no allocation and no other
    /// system call. Whatever else there is leaves through a [`Pause`], is settled after the loop, and comes back in
    /// through [`Connection::receive`].
    #[inline(always)]
    fn serve_requests<const RESTRAINED: bool>(&mut self, turn: &mut Turn, server: &Shared) -> Next {
        let received = match self.receive(turn, server) {
            Ok(received) => received,
            Err(next) => return next,
        };
        // A head of the same bytes as the one before goes to the same endpoint, unless its path has parameters.
        let (mut at, mut answered, mut last) = (0, 0, None::<&Endpoint>);
        let pause = loop {
            let rest = &turn.input[at..received.filled];
            if rest.is_empty() || answered == server.config.limits.max_pipelined {
                break None;
            }
            let fresh = answered > 0 || received.head_due.is_none();
            let head_len = match turn.heads.read(fresh, rest, &server.http_limits) {
                Ok(Parsed::Complete { head_len }) => head_len,
                Ok(Parsed::Partial) => break Some(Pause::in_head(&received, answered)),
                Err(error) => break Some(turn.refuse_head(error)),
            };
            let (head, after_head) = (turn.heads.view(rest), &rest[head_len..]);
            let (mut params, mut response) = (Params::none(), Response::empty());
            let repeated = last.filter(|_| turn.heads.repeats());
            let known = if RESTRAINED { self.refusal(turn, server) } else { repeated };
            let endpoint = known.unwrap_or_else(|| server.app.route(&head, &mut params));
            last = params.is_empty().then_some(endpoint);
            (at, answered) = (at + head_len, answered + 1);
            let answer = if let Some(body) = body::whole(&head, endpoint, after_head, server) {
                at += body.len();
                let mut request = Request::new(head, (endpoint, &params), body, &server.app, &self.peer);
                turn.tally.call(endpoint, &mut request, &mut response);
                turn.out.answer(request, server.persistence(&head), response, &mut turn.tally)
            } else {
                let arrived =
                    Arrived { head, bytes: &rest[..head_len], endpoint, after_head, peer: &self.peer };
                let (consumed, answer) = body::begin(arrived, &mut turn.out, &mut turn.tally, server);
                at += consumed;
                answer
            };
            if let Err(pause) = answer {
                break Some(pause);
            }
        };
        self.settle(pause, at..received.filled, turn, server)
    }

    /// What answers a request in place of its endpoint, if it is not let through.
    fn refusal<'s>(&self, turn: &Turn, server: &'s Shared) -> Option<&'s Endpoint> {
        server.restraint.refusal(self.peer, turn.now.nanos, turn.late)
    }
}
