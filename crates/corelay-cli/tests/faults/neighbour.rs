//! A well-behaved client of a server that others treat badly.

use crate::Counters;
use crate::support::{Client, Server};

/// It has one connection from before the trouble, and opens new ones on the way.
pub(crate) struct Neighbour<'a> {
    server: &'a Server,
    client: Client,
}

impl<'a> Neighbour<'a> {
    /// Moves in.
    pub(crate) fn of(server: &'a Server) -> Self {
        let mut neighbour = Self { server, client: server.connect() };
        neighbour.asks();
        neighbour
    }

    /// Asks on its connection, and is answered.
    pub(crate) fn asks(&mut self) {
        assert_eq!(self.client.get("/plaintext").text(), "Hello, World!");
    }

    /// Asks on its connection and on a new one, and is answered.
    pub(crate) fn asks_twice(&mut self) {
        self.asks();
        assert_eq!(self.server.connect().get("/plaintext").text(), "Hello, World!");
    }

    /// Asks the server for its counters.
    pub(crate) fn counters(&mut self) -> Counters {
        Counters::read(&self.client.get("/status").body)
    }

    /// Its server.
    pub(crate) fn server(&self) -> &'a Server {
        self.server
    }
}
