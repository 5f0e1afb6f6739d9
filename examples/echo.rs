//! Echo: the smallest protocol there is, on any engine.
//!
//! ```text
//! cargo run --release --example echo -- 127.0.0.1:7007 cores
//! nc 127.0.0.1 7007
//! ```
//!
//! What comes with one `recv` goes back with one `send`; a peer that does not read what it gets is not read from.

use std::convert::Infallible;

use corelay::config::Engine;
use corelay::protocol::{Input, Peer, Protocol, Step};
use corelay::{CloseReason, Config, Server};

struct Echo;

impl Protocol for Echo {
    type State = ();
    type Mail = Infallible;

    fn opened(&self, _: &mut Peer<'_, Self>) -> Result<(), CloseReason> {
        Ok(())
    }

    fn received(&self, _: &mut (), input: &mut Input<'_>, peer: &mut Peer<'_, Self>) -> Step {
        peer.send(input.take(input.len()));
        peer.count_messages(1);
        Step::Continue
    }

    /// There is nothing to keep, so every connection moves to the new process when this one is sent SIGUSR2.
    fn packed_form(&self) -> Option<&'static str> {
        Some("echo/1")
    }

    fn pack(&self, (): &()) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn unpack(&self, _: &[u8], _: &mut Peer<'_, Self>) -> Result<(), CloseReason> {
        Ok(())
    }
}

fn main() -> corelay::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:7007".to_owned());
    let mut config = Config::default();
    if let Some(name) = arguments.next() {
        let engines = [Engine::Cores, Engine::Threads, Engine::Pool];
        let named = engines.into_iter().find(|engine| engine.name() == name);
        config.engine = named.unwrap_or_else(|| panic!("{name} is no engine"));
    }
    let server = Server::new(config).listen(address.parse()?)?;
    println!("listening on {}", server.addresses()[0]);
    server.serve_protocol(Echo)
}
