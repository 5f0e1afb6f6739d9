//! Peer: actix-web with one worker (or `--threads`) and no optional feature (no compression, no cookies, no HTTP/2).
//!
//! Keep-alive is ten minutes instead of five seconds, or the idle connections would be gone before they are counted. A signal
//! ends it at once: a worker that blocks would be waited for otherwise.
//!
//! `/sleep` and `/spin` block in the async handler itself; `/offload/…` in a thread of actix's pool, of its default size (512).

#![forbid(unsafe_code)]

use std::thread::sleep;
use std::time::Duration;

use actix_web::http::header::ContentType;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Scope, rt, web};
use anyhow::Result;
use corelay_bench::arguments::Arguments;
use corelay_bench::{open_files, response, spin};

/// Longer than any run.
const KEEP_ALIVE: Duration = Duration::from_secs(600);

fn main() -> Result<()> {
    open_files::raise_limit()?;
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let server = HttpServer::new(|| {
        App::new()
            .route(response::PATH, web::get().to(answer))
            .route("/spin/{us}", web::get().to(spin_as_asked))
            .route("/sleep/{ms}", web::get().to(async |ms: web::Path<u64>| slept(*ms)))
            .service(offloading())
    })
    .workers(arguments.threads)
    .disable_signals()
    .keep_alive(KEEP_ALIVE);
    rt::System::new().block_on(async { Ok(server.bind(&arguments.listen[..])?.run().await?) })
}

async fn answer() -> HttpResponse {
    HttpResponse::Ok().insert_header(ContentType::plaintext()).body(response::BODY)
}

async fn spin_as_asked(request: HttpRequest) -> HttpResponse {
    match spin::asked_for(request.path()) {
        Some(us) => HttpResponse::Ok().insert_header(ContentType::plaintext()).body(spin::spin(us)),
        None => HttpResponse::BadRequest().finish(),
    }
}

fn offloading() -> Scope {
    web::scope("/offload")
        .route("/sleep/{ms}", web::get().to(async |ms: web::Path<u64>| web::block(move || slept(*ms)).await))
        .route(
            "/spin/{us}",
            web::get().to(async |us: web::Path<u64>| web::block(move || spin::spin(*us)).await),
        )
}

fn slept(ms: u64) -> String {
    sleep(Duration::from_millis(ms));
    format!("slept {ms} ms\n")
}
