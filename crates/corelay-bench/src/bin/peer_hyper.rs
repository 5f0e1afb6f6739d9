//! Peer: hyper 1.x on one current-thread tokio runtime, which is how its per-core users run it, here with one core. With
//! `--threads N` there are N of them, each on a thread pinned to a CPU, with a listener of its own (SO_REUSEPORT).
//!
//! Its fastest plain configuration: HTTP/1 only, `pipeline_flush` on, TCP_NODELAY, one task a connection, the body a
//! static slice. No timer, so no header timeout: hyper's own default without one.

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use corelay_bench::arguments::Arguments;
use corelay_bench::{open_files, response, spin};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// As tokio's own `TcpListener::bind` has it.
const BACKLOG: u32 = 1024;

fn main() -> Result<()> {
    open_files::raise_limit()?;
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    if arguments.threads == 1 {
        return run(&arguments);
    }
    let cpus = sched_getaffinity(None)?;
    let mut usable = (0..CpuSet::MAX_CPU).filter(|&cpu| cpus.is_set(cpu)).cycle();
    std::thread::scope(|scope| {
        let runtimes: Vec<_> = usable
            .by_ref()
            .take(arguments.threads)
            .map(|cpu| {
                let arguments = &arguments;
                scope.spawn(move || {
                    let mut one = CpuSet::new();
                    one.set(cpu);
                    sched_setaffinity(None, &one)?;
                    run(arguments)
                })
            })
            .collect();
        runtimes.into_iter().try_for_each(|runtime| runtime.join().map_err(|_| anyhow!("it panicked"))?)
    })
}

/// One runtime, on the calling thread, with listeners of its own.
fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut accepting = Vec::new();
        for &address in &arguments.listen {
            accepting.push(tokio::spawn(accept(listen(address, arguments.threads > 1)?)));
        }
        for listener in accepting {
            listener.await??;
        }
        Ok(())
    })
}

/// A listener; beside others on the same address, if it is shared.
fn listen(address: SocketAddr, is_shared: bool) -> Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    if is_shared {
        socket.set_reuseport(true)?;
    }
    socket.bind(address)?;
    Ok(socket.listen(BACKLOG)?)
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
    let path = request.uri().path();
    let (status, body) = if path == response::PATH {
        (StatusCode::OK, Bytes::from_static(response::BODY.as_bytes()))
    } else if let Some(us) = spin::asked_for(path) {
        (StatusCode::OK, Bytes::from(spin::spin(us)))
    } else {
        (StatusCode::NOT_FOUND, Bytes::from_static(response::BODY.as_bytes()))
    };
    let mut answer = Response::new(Full::new(body));
    if status == StatusCode::OK {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    }
    *answer.status_mut() = status;
    Ok(answer)
}
