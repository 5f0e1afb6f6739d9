//! A server on a thread of this process.

use super::Client;
use corelay::config::{Address, Cores};
use corelay::status::Status;
use corelay::{Clock, Config, Router, Server, ServerHandle};
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

/// A server that serves. Dropping it drains it.
pub(crate) struct Serving {
    addresses: Vec<Address>,
    pub(crate) handle: ServerHandle,
    thread: Option<JoinHandle<corelay::Result<()>>>,
}

/// One core, so that all connections share it, and no signal handlers in the test's process.
pub(crate) fn one_core() -> Config {
    let mut config = Config::default();
    config.engine = crate::ENGINE;
    config.cores = Cores::Count(1);
    config.drain.on_signals = false;
    config
}

impl Serving {
    pub(crate) fn start(router: Router) -> Self {
        Self::with(one_core(), router)
    }

    pub(crate) fn with(config: Config, router: Router) -> Self {
        let address = "127.0.0.1:0".parse().unwrap();
        Self::of(Server::new(config).listen(address).unwrap(), router)
    }

    /// With a clock of the test's own.
    pub(crate) fn with_clock(config: Config, clock: impl Clock, router: Router) -> Self {
        let address = "127.0.0.1:0".parse().unwrap();
        Self::of(Server::new(config).listen(address).unwrap().clock(clock), router)
    }

    pub(crate) fn of(server: Server, router: Router) -> Self {
        let (addresses, handle) = (server.addresses().to_vec(), server.handle());
        let thread = Some(thread::spawn(|| server.serve(router)));
        Self { addresses, handle, thread }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match &self.addresses[0] {
            Address::Tcp(address) => *address,
            other => panic!("{other} is not TCP"),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address())
    }

    pub(crate) fn status(&self) -> Status {
        self.handle.status()
    }

    /// How many connections were closed for `reason`.
    pub(crate) fn closes(&self, reason: &str) -> u64 {
        self.status().cores.iter().filter_map(|core| core.closes.get(reason)).sum()
    }

    /// Drains it, and gives what `serve` returned.
    pub(crate) fn end(mut self) -> corelay::Result<()> {
        self.handle.drain();
        self.join()
    }

    /// Waits for `serve` to return.
    pub(crate) fn join(&mut self) -> corelay::Result<()> {
        self.thread.take().expect("joined once").join().expect("serving does not panic")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.handle.drain();
    }
}
