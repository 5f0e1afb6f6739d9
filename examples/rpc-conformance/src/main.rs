//! The server and the client under test of the Connect protocol's conformance suite
//! (<https://github.com/connectrpc/conformance>).
//!
//! The suite's runner starts `rpc-conformance server [--engine cores|threads|pool]` or `rpc-conformance client`, speaks to it
//! by standard input and output, and plays the other side itself. `docs/rpc.md` says how it is run and what came out.
//!
//! `proto/` holds files of the suite's, unchanged, under the licence beside them (Apache-2.0).

use corelay::config::{Address, Config, Engine};
use corelay::{Router, Server};
use corelay_rpc::{Limits, Services};
use proto::connectrpc::conformance::v1::{ServerCompatRequest, ServerCompatResponse, conformance_service};

mod client;
mod framed;
mod service;
#[cfg(test)]
mod tests;

#[allow(dead_code, elided_lifetimes_in_paths, reason = "generated, for any crate")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/corelay_rpc.rs"));
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["server"] | ["server", "--engine", "cores"] => serve(Engine::Cores),
        ["server", "--engine", "threads"] => serve(Engine::Threads),
        ["server", "--engine", "pool"] => serve(Engine::Pool),
        ["client"] => client::run(),
        _ => {
            Err("usage: rpc-conformance server [--engine cores|threads|pool] | rpc-conformance client".into())
        }
    }
}

fn serve(engine: Engine) -> Result<(), Box<dyn std::error::Error>> {
    let wanted: ServerCompatRequest = framed::read()?.ok_or("the runner wants no server")?;
    if wanted.use_tls {
        return Err("there is no TLS here".into());
    }
    let server = listen(engine)?;
    let Address::Tcp(address) = &server.addresses()[0] else { return Err("no port".into()) };
    let (host, port) = (address.ip().to_string(), u32::from(address.port()));
    framed::write(&ServerCompatResponse { host, port, ..ServerCompatResponse::default() })?;
    Ok(server.serve(router(wanted.message_receive_limit))?)
}

fn listen(engine: Engine) -> corelay::Result<Server> {
    let mut config = Config::default();
    config.engine = engine;
    Server::new(config).listen(Address::Tcp(([127, 0, 0, 1], 0).into()))
}

/// The suite's service. Everything is compressed that may be: the suite shall see each coding at work.
fn router(message_bytes_max: u32) -> Router {
    let mut limits = Limits { compress_bytes_min: 0, ..Limits::default() };
    if message_bytes_max > 0 {
        limits.message_bytes_max = message_bytes_max as usize;
    }
    Services::new().limits(limits).add(conformance_service(service::Conformance)).router()
}
