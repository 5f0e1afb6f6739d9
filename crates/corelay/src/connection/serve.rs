//! The hot path: one connection that can be read, from bytes to bytes.

use super::body::{self, Arrived};
use super::settle::Pause;
use super::{Connection, Next, Turn};
use crate::http::Request;
use crate::shared::Shared;
use corelay_http::Parsed;

impl Connection {
    /// Reads once, answers every request that is whole, sends once. **This is the hot path.**
    ///
    /// One `recv`, one `send`, and for requests whose body is here and whose answer fits no allocation and no other
    /// system call. Whatever else there is leaves through a [`Pause`], is settled after the loop, and comes back in
    /// through [`Connection::receive`].
    pub(crate) fn serve(&mut self, turn: &mut Turn, server: &Shared) -> Next {
        let received = match self.receive(turn, server) {
            Ok(received) => received,
            Err(next) => return next,
        };
        let (mut at, mut answered) = (0, 0);
        let pause = loop {
            let rest = &turn.input[at..received.filled];
            if rest.is_empty() || answered == server.config.limits.max_pipelined {
                break Pause::between_requests();
            }
            let head_len = match turn.parser.parse(rest, &server.http_limits) {
                Ok(Parsed::Complete { head_len }) => head_len,
                Ok(Parsed::Partial) => break Pause::in_head(received.head_due.filter(|_| answered == 0)),
                Err(error) => break turn.out.refuse(error.status(), error.reason(), &turn.tally.counters),
            };
            let head = turn.parser.view(rest);
            let route = server.app.route(&head);
            let arrived = Arrived { head, route, after_head: &rest[head_len..], peer: self.peer };
            let (body_len, answer) = match arrived.whole_body(server) {
                Some((body, body_len)) => {
                    turn.tally.enter();
                    let endpoint = arrived.route.endpoint;
                    let mut request = Request::new(head, arrived.route.params, body, &server.app, self.peer);
                    let response = endpoint.call(&mut request);
                    turn.tally.leave();
                    (
                        body_len,
                        turn.out.answer(&request, server.persistence(&head), response, &mut turn.tally),
                    )
                }
                None => {
                    body::begin(arrived, &rest[..head_len], &mut turn.out, &mut turn.tally, turn.now, server)
                }
            };
            (at, answered) = (at + head_len + body_len, answered + 1);
            turn.parser.clear();
            if let Err(pause) = answer {
                break pause;
            }
        };
        self.settle(pause, at..received.filled, turn, server)
    }
}
