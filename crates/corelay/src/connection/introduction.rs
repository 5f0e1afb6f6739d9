//! How a proxy's connection begins: with a PROXY protocol header, which says whose connection it is.
//!
//! Until it is whole the connection has no peer and counts for none. Behind it everything is as on any other connection, HTTP's or a
//! protocol's: what came with it is the first request, or the first of the protocol's input.

use super::input::{Read, read};
use super::{CloseReason, Connection, Doing, Next, Turn, Unfinished};
use crate::door::refuse;
use crate::proxy::{Parsed, Source, parse};
use crate::shared::Shared;
use std::fmt::Display;
use std::net::SocketAddr;

impl Unfinished {
    /// Of a new connection that the proxy at `from` has made.
    #[cold]
    pub(super) fn introduction(from: Option<SocketAddr>) -> Box<Self> {
        Box::new(Self { doing: Doing::Introduction { from }, ..Self::default() })
    }

    /// If it waits for the header: from where the proxy connects.
    pub(super) fn introduces(&self) -> Option<Option<SocketAddr>> {
        if let Doing::Introduction { from } = self.doing { Some(from) } else { None }
    }
}

impl Connection {
    /// Whether its client is not known yet.
    pub(super) fn is_being_introduced(&self) -> bool {
        self.unfinished.as_ref().is_some_and(|unfinished| unfinished.introduces().is_some())
    }

    /// Reads the next part of the header, behind the parts that are here. `Ok`: it is whole, the peer is known, and so many
    /// bytes behind it are at the start of the turn's input.
    #[cold]
    #[inline(never)]
    pub(super) fn introduce(
        &mut self,
        mut unfinished: Box<Unfinished>,
        from: Option<SocketAddr>,
        turn: &mut Turn,
        server: &Shared,
    ) -> Result<usize, Next> {
        let kept = unfinished.input.len();
        turn.input[..kept].copy_from_slice(&unfinished.input);
        let filled = match read(&self.socket, &mut turn.input[kept..], &turn.tally.counters) {
            Read::Bytes(count) => kept + count,
            Read::Empty if kept == 0 && server.is_draining() => return Err(Next::Close(CloseReason::Drain)),
            Read::Empty => kept,
            // A balancer that only looks whether somebody listens.
            Read::End if kept == 0 => return Err(Next::Close(CloseReason::PeerClosed)),
            Read::End => return Err(Next::Close(CloseReason::PeerClosedEarly)),
            Read::Reset => return Err(Next::Close(CloseReason::Reset)),
        };
        match parse(&turn.input[..filled], server.config.limits.max_proxy_header_bytes) {
            Ok(Parsed::Complete { header_len, source }) => {
                let peer = match source {
                    Source::Client(client) => Some(client),
                    Source::Unix => None,
                    Source::Proxy => from,
                };
                self.name(peer, server)?;
                turn.input.copy_within(header_len..filled, 0);
                Ok(filled - header_len)
            }
            Ok(Parsed::Partial) => {
                unfinished.input.extend_from_slice(&turn.input[kept..filled]);
                unfinished.doing = Doing::Introduction { from };
                if unfinished.hold(server).is_err() {
                    return Err(Next::Close(CloseReason::Overload));
                }
                self.unfinished = Some(unfinished);
                Err(Next::Read)
            }
            Err(error) => {
                say(from, &error, turn, server);
                Err(Next::Close(CloseReason::ProxyHeader))
            }
        }
    }

    /// It is `peer`'s, unless that one has too many, who is told so as at the door.
    fn name(&mut self, peer: Option<SocketAddr>, server: &Shared) -> Result<(), Next> {
        if let Err(refused) = server.occupancy.name(peer) {
            server.door.count(refused);
            refuse(&self.socket, server);
            return Err(Next::Close(CloseReason::Overload));
        }
        self.peer = peer;
        Ok(())
    }
}

/// Tells the log, once a minute, that the proxy at `from` begins a connection without a proper header.
#[cold]
pub(super) fn say(from: Option<SocketAddr>, why: &dyn Display, turn: &Turn, server: &Shared) {
    if server.door.headers_said.may_say(turn.now.tick) {
        let from = from.map(tracing::field::display);
        tracing::warn!(from, why = %why, "closed: a connection of a proxy must begin with a PROXY protocol header");
    }
}
