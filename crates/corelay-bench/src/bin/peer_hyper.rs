//! Peer: hyper 1.x on one current-thread tokio runtime, which is how its per-core users run it, here with one core.
//!
//! Its fastest plain configuration: HTTP/1 only, `pipeline_flush` on, TCP_NODELAY, one task a connection, the body a
//! static slice. No timer, so no header timeout: hyper's own default without one.

#![forbid(unsafe_code)]

use std::convert::Infallible;

use anyhow::Result;
use bytes::Bytes;
use corelay_bench::arguments::Arguments;
use corelay_bench::{open_files, response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

fn main() -> Result<()> {
    open_files::raise_limit()?;
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut accepting = Vec::new();
        for address in arguments.listen {
            accepting.push(tokio::spawn(accept(TcpListener::bind(address).await?)));
        }
        for listener in accepting {
            listener.await??;
        }
        Ok(())
    })
}

async fn accept(listener: TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream));
    }
}

async fn serve(stream: TcpStream) {
    let connection =
        http1::Builder::new().pipeline_flush(true).serve_connection(TokioIo::new(stream), service_fn(answer));
    // A peer that goes away mid-request is its own affair: wrk does so at the end of every run.
    let _ended = connection.await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut answer = Response::new(Full::new(Bytes::from_static(response::BODY.as_bytes())));
    if request.uri().path() == response::PATH {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    } else {
        *answer.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(answer)
}
