//! Peer of `bench rpc`: tonic, which is gRPC over HTTP/2, on one current-thread tokio runtime, with TCP_NODELAY and nothing else set.

#![forbid(unsafe_code)]

use anyhow::Result;
use corelay_bench::arguments::Arguments;
use corelay_bench::draw;
use proto::draw_service_server::{DrawService, DrawServiceServer};
use proto::{DrawRequest, DrawResponse};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

#[allow(dead_code, unreachable_pub, missing_docs, clippy::all, reason = "generated, for any crate")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/corelay.bench.v1.rs"));
}

struct Draws;

#[tonic::async_trait]
impl DrawService for Draws {
    async fn draw(&self, request: Request<DrawRequest>) -> Result<Response<DrawResponse>, Status> {
        let DrawRequest { count, max, seed } = request.into_inner();
        Ok(Response::new(DrawResponse { numbers: draw::numbers(count, max, &seed), count }))
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = Server::builder().tcp_nodelay(true).add_service(DrawServiceServer::new(Draws));
    Ok(runtime.block_on(server.serve(arguments.listen[0]))?)
}
