//! Peer: may_minihttp, coroutines over epoll with one worker.
//!
//! As its own benchmark configures it: may without cancellation, timeouts and work stealing, a small stack. The
//! allocator is the system's, as for every server here. It listens on one address and does not honour
//! `Connection: close`, so it takes part in the keep-alive and pipelined runs only.

#![forbid(unsafe_code)]

use anyhow::{Result, ensure};
use corelay_bench::arguments::Arguments;
use corelay_bench::{open_files, response};
use may_minihttp::{HttpServer, HttpService, Request, Response};

/// Words of a coroutine's stack, as may_minihttp's own benchmark sets it.
const STACK_WORDS: usize = 0x1000;

/// Coroutines whose stacks are kept for reuse.
const POOL: usize = 1000;

#[derive(Clone)]
struct Plaintext;

impl HttpService for Plaintext {
    fn call(&mut self, request: Request<'_, '_, '_>, answer: &mut Response<'_>) -> std::io::Result<()> {
        if request.path() == response::PATH {
            answer.header("Content-Type: text/plain").body(response::BODY);
        } else {
            answer.status_code(404, "Not Found");
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    open_files::raise_limit()?;
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    may::config().set_workers(1).set_pool_capacity(POOL).set_stack_size(STACK_WORDS);
    let server = HttpServer(Plaintext).start(arguments.listen[0])?;
    ensure!(server.join().is_ok(), "the accepting coroutine panicked");
    Ok(())
}
