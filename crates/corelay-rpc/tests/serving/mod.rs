//! A service on every engine, in this process.

use std::net::SocketAddr;
use std::thread;

use corelay::Server;
use corelay::config::{Address, Config, Engine};
use corelay_rpc::{Service, Services};

/// Serves on one engine after the other while `check` calls.
pub(crate) fn on_every_engine(service: fn() -> Service, check: impl Fn(SocketAddr)) {
    for engine in [Engine::Cores, Engine::Threads, Engine::Pool] {
        let mut config = Config::default();
        config.engine = engine;
        let server = Server::new(config).listen(Address::Tcp(([127, 0, 0, 1], 0).into())).unwrap();
        let Address::Tcp(address) = server.addresses()[0] else { panic!("no port") };
        let handle = server.handle();
        thread::scope(|scope| {
            let served = scope.spawn(|| server.serve(Services::new().add(service()).router()));
            check(address);
            handle.drain();
            served.join().unwrap().unwrap();
        });
    }
}
