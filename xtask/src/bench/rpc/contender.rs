//! What is compared: calls of three servers, and a plain answer of one of them; how each is started, and how h2load asks it.

use std::fs;
use std::net::SocketAddr;

use anyhow::Result;
use corelay_bench::draw;

use crate::bench::driver::DRIVER_CPU;
use crate::bench::servers::{SERVER_CPU, Server, words};
use crate::bench::tools::Tools;

/// How many ask at a time, each on a connection of its own.
pub(super) const CONNECTIONS: u64 = 64;

/// The body of `/json`: `{"message":"Hello, World!"}`.
const JSON_BYTES: u64 = 27;

/// What stands before a message of gRPC: a flag, and four bytes of length.
const GRPC_PREFIX: [u8; 5] = [0, 0, 0, 0, draw::REQUEST.len() as u8];

/// One of those compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    Corelay,
    /// `/json` of the same server.
    Json,
    Connectrpc,
    Tonic,
}

impl Contender {
    /// In the order of a round: those with a bound between them are neighbours of corelay, or nearly.
    pub(super) const ALL: [Self; 4] = [Self::Json, Self::Corelay, Self::Connectrpc, Self::Tonic];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Corelay => "corelay-rpc",
            Self::Json => "corelay, GET /json",
            Self::Connectrpc => "connectrpc",
            Self::Tonic => "tonic",
        }
    }

    /// The program of corelay-bench, whose feature has its name.
    fn program(self) -> &'static str {
        match self {
            Self::Corelay | Self::Json => "rpc-corelay",
            Self::Connectrpc => "rpc-connectrpc",
            Self::Tonic => "rpc-tonic",
        }
    }

    /// Builds its program; the version that is measured.
    pub(super) fn prepare(self, tools: &mut Tools) -> Result<String> {
        match self {
            Self::Corelay | Self::Json => {
                tools.add_peer(self.program(), "corelay-rpc")?;
                // The version of a crate of the workspace is the commit.
                Ok(tools.version(Server::Corelay).to_owned())
            }
            Self::Connectrpc | Self::Tonic => tools.add_peer(self.program(), self.name()),
        }
    }

    /// The command that starts its server on one CPU.
    pub(super) fn command(self, tools: &Tools, address: &str) -> Result<Vec<String>> {
        let program = tools.program(self.program())?;
        Ok(words(&["taskset", "-c", SERVER_CPU, &program, "--listen", address]))
    }

    /// The command of the load on it.
    pub(super) fn load(self, tools: &Tools, address: &str, seconds: u32) -> Result<Vec<String>> {
        let h2load = tools.program("h2load")?;
        let mut load = words(&["taskset", "-c", DRIVER_CPU, &h2load, "-t1", "-m1"]);
        load.extend([format!("-c{CONNECTIONS}"), format!("-D{seconds}")]);
        let path = match self {
            Self::Json => "/json",
            _ => draw::PATH,
        };
        let (content_type, message) = match self {
            Self::Json => {
                load.extend(["--h1".into(), format!("http://{address}{path}")]);
                return Ok(load);
            }
            Self::Corelay | Self::Connectrpc => ("application/proto", draw::REQUEST.to_vec()),
            Self::Tonic => ("application/grpc", [&GRPC_PREFIX[..], &draw::REQUEST].concat()),
        };
        let file = tools.scratch("rpc")?.join(content_type.replace('/', "-"));
        fs::write(&file, message)?;
        load.extend(["-d".into(), file.display().to_string()]);
        load.extend(["-H".into(), format!("content-type: {content_type}")]);
        load.push(if self == Self::Tonic { "-Hte: trailers" } else { "--h1" }.into());
        load.push(format!("http://{address}{path}"));
        Ok(load)
    }

    /// The bytes of a right answer's body: an error would have others, whatever its status.
    pub(super) fn answer_bytes(self) -> u64 {
        let message = draw::RESPONSE_BYTES as u64;
        match self {
            Self::Json => JSON_BYTES,
            Self::Corelay | Self::Connectrpc => message,
            Self::Tonic => message + GRPC_PREFIX.len() as u64,
        }
    }

    /// How many of its calls, or plain answers, a call of corelay's may cost the server at the most: the acceptance's ratio of calls for
    /// the same CPU time.
    pub(super) fn at_least(self) -> Option<f64> {
        match self {
            Self::Corelay => None,
            Self::Json => Some(0.8),
            Self::Connectrpc | Self::Tonic => Some(1.5),
        }
    }
}

/// An address as a command line has it.
pub(super) fn text(address: SocketAddr) -> String {
    address.to_string()
}
