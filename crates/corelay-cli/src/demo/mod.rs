//! The demo: small routes to look at, to measure and to attack. Each is a plain function, and each module a
//! family.
//!
//! It is written as an application would be, on the library's public interface, and holds no trick that a
//! user's program could not use. The names of the routes are fixed: tests, benchmarks and other servers'
//! answers to the same requests depend on them.

mod bodies;
mod faults;
mod page;
mod plain;
mod random;
mod reflect;
mod rpc;
pub(crate) mod status;
mod waiting;

use corelay::Router;

/// Paths, with curl's options for each, that the server prints when it starts.
pub(crate) const TRY: &[(&str, &str)] = &[
    ("/plaintext", ""),
    ("/json", ""),
    ("/echo", " -d 'said and heard'"),
    ("/headers", ""),
    ("/random?n=5&max=6", ""),
    ("/sleep/1000", ""),
    ("/upload", " -T some.file -X POST"),
    ("/bytes/1000000", " -o /dev/null"),
    ("/status", ""),
    ("/rpc", ""),
    ("/corelay.demo.v1.RandomService/Draw", " --json '{\"count\":5,\"max\":6}'"),
];

/// All routes of the demo, and with `faults` those that misbehave.
pub(crate) fn router(faults: bool) -> Router {
    let router = rpc::services().mount(plain_routes());
    if faults { faults::add_to(router) } else { router }
}

fn plain_routes() -> Router {
    Router::new()
        .get("/", page::page)
        .get("/plaintext", plain::plaintext)
        .get("/json", plain::json)
        .any("/echo", reflect::echo)
        .get("/headers", reflect::headers)
        .get("/random", random::random)
        .get("/sleep/{ms}", waiting::sleep)
        .get("/spin/{us}", waiting::spin)
        .post("/upload", bodies::upload)
        .get("/bytes/{n}", bodies::bytes)
        .get("/status", status::status)
}

#[cfg(test)]
mod tests;
