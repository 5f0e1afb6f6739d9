//! Peer of `bench rpc`: the `connectrpc` crate, which is Connect on tower and hyper, on one current-thread tokio runtime. Its own server,
//! which sets TCP_NODELAY, without compression; the request is read as the view that its generator makes for handlers.

#![forbid(unsafe_code)]

use std::sync::Arc;

use anyhow::{Result, anyhow};
use connectrpc::{RequestContext, Response, Router, Server, ServiceRequest, ServiceResult};
use corelay_bench::arguments::Arguments;
use corelay_bench::draw;
use proto::corelay::bench::v1::{DrawRequest, DrawResponse, DrawService};

#[allow(
    dead_code,
    unexpected_cfgs,
    unreachable_pub,
    missing_docs,
    clippy::all,
    reason = "generated, for any crate"
)]
mod proto {
    connectrpc::include_generated!();
}

struct Draws;

impl DrawService for Draws {
    #[allow(refining_impl_trait, reason = "what its documentation has handlers return")]
    async fn draw(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, DrawRequest>,
    ) -> ServiceResult<DrawResponse> {
        let numbers = draw::numbers(request.count, request.max, request.seed);
        Response::ok(DrawResponse { numbers, count: request.count, ..DrawResponse::default() })
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let router = Router::new().add_service(Arc::new(Draws));
    let served = runtime.block_on(Server::new(router).serve(arguments.listen[0]));
    served.map_err(|error| anyhow!("{error}"))
}
