//! Middleware: plain functions around a handler, each free to answer itself, to change what goes in and what
//! comes out.
//!
//! Shows the three kinds: [`timed`] looks at the answer, [`authorised`] may answer in the handler's place and
//! leaves a value for it, and a closure adds a field. The order is the one they are read in, from the last
//! `layer` inwards.
//!
//! ```text
//! cargo run --release --example middleware
//! curl -i http://127.0.0.1:8080/
//! curl -i http://127.0.0.1:8080/me
//! curl -i http://127.0.0.1:8080/me -H 'authorization: Bearer sesame'
//! ```

use std::time::Instant;

use corelay::http::{Extension, IntoResponse, Next, Request, Response, StatusCode};
use corelay::{Router, Server};

/// Who asks: found by [`authorised`], used by handlers.
#[derive(Clone, Debug)]
struct User(&'static str);

/// Tells how long the rest took (`Server-Timing`, <https://www.w3.org/TR/server-timing/>).
fn timed(request: &mut Request<'_>, next: Next<'_>) -> Response {
    let start = Instant::now();
    let response = next.run(request);
    let milliseconds = start.elapsed().as_secs_f64() * 1e3;
    response.header("server-timing", format!("handler;dur={milliseconds:.3}"))
}

/// Lets a request pass that knows the word, and tells the handler whose it is. An application would look the
/// token up, and may wait for a database while it does.
fn authorised(request: &mut Request<'_>, next: Next<'_>) -> Response {
    match request.field("authorization") {
        Some(b"Bearer sesame") => {
            request.extensions_mut().insert(User("Ali Baba"));
            next.run(request)
        }
        _ => StatusCode::UNAUTHORIZED.into_response().header("www-authenticate", "Bearer"),
    }
}

fn me(Extension(User(name)): Extension<User>) -> String {
    format!("You are {name}.\n")
}

fn main() -> corelay::Result<()> {
    // A layer wraps the routes that are already there, and the answer to paths that are not: `/me` is guarded
    // and so is what does not exist, `/` is not, all are timed.
    let app = Router::new()
        .get("/me", me)
        .layer(authorised)
        .get("/", || "Open to all.\n")
        .layer(|request: &mut Request<'_>, next: Next<'_>| next.run(request).header("x-served-by", "corelay"))
        .layer(timed);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server = Server::bind(&address)?;
    println!("listening on http://{}", server.addresses()[0]);
    server.serve(app)
}
