//! Peer: axum on one current-thread tokio runtime, with handlers that block.
//!
//! `/sleep` and `/spin` block in the async handler itself, as a call of any blocking function there does; `/offload/…` does
//! the same on tokio's blocking pool, which is what its documentation asks for. The pool has its default size (512).
//! TCP_NODELAY is set.

#![forbid(unsafe_code)]

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use corelay_bench::arguments::Arguments;
use corelay_bench::{open_files, response, spin};
use tokio::net::TcpListener;
use tokio::task::{JoinError, spawn_blocking};

fn main() -> Result<()> {
    open_files::raise_limit()?;
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut serving = Vec::new();
        for address in arguments.listen {
            let listener = TcpListener::bind(address).await?;
            // A connection without TCP_NODELAY is still served.
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            serving.push(tokio::spawn(async { axum::serve(listener, routes()).await }));
        }
        for server in serving {
            server.await??;
        }
        Ok(())
    })
}

fn routes() -> Router {
    Router::new()
        .route(response::PATH, get(async || response::BODY))
        .route("/sleep/{ms}", get(async |Path(ms)| slept(ms)))
        .route("/spin/{us}", get(async |Path(us)| spin::spin(us)))
        .route("/offload/sleep/{ms}", get(async |Path(ms)| finished(spawn_blocking(move || slept(ms)).await)))
        .route(
            "/offload/spin/{us}",
            get(async |Path(us)| finished(spawn_blocking(move || spin::spin(us)).await)),
        )
}

fn slept(ms: u64) -> String {
    sleep(Duration::from_millis(ms));
    format!("slept {ms} ms\n")
}

fn finished(outcome: Result<String, JoinError>) -> Result<String, StatusCode> {
    outcome.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
