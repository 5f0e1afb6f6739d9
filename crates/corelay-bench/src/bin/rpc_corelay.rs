//! corelay's own part in `bench rpc`: the same service as the peers', and `/json`, which a call is held against. One core.

#![forbid(unsafe_code)]

use anyhow::Result;
use corelay::http::Json;
use corelay::{Router, Server};
use corelay_bench::arguments::Arguments;
use corelay_bench::{draw, response};
use corelay_rpc::{Context, Error, Services};
use proto::corelay::bench::v1::{DrawRequest, DrawResponse, DrawService, draw_service};
use serde::Serialize;

#[allow(
    dead_code,
    unreachable_pub,
    elided_lifetimes_in_paths,
    missing_docs,
    reason = "generated, for any crate"
)]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/corelay_rpc.rs"));
}

struct Draws;

impl DrawService for Draws {
    fn draw(&self, _: &Context<'_>, request: DrawRequest) -> Result<DrawResponse, Error> {
        let numbers = draw::numbers(request.count, request.max, &request.seed);
        Ok(DrawResponse { numbers, count: request.count, ..DrawResponse::default() })
    }
}

/// What `/json` of `corelay serve` sends.
#[derive(Serialize)]
struct Message {
    message: &'static str,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let plain = Router::new().get("/json", || Json(Message { message: response::BODY }));
    let app = Services::new().add(draw_service(Draws)).mount(plain);
    Ok(Server::bind(&arguments.listen[0].to_string())?.serve(app)?)
}
