//! The program of the front page: two routes, served on every core.
//!
//! `cargo run --release --example hello`, then `curl http://127.0.0.1:8080/hello/Ada`. Another address may be
//! given as the argument.

use corelay::{Router, Server, http::Path};

fn main() -> corelay::Result<()> {
    let app = Router::new()
        .get("/", || "Hello, World!")
        .get("/hello/{name}", |Path(name): Path<String>| format!("Hello, {name}!"));
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server = Server::bind(&address)?;
    println!("listening on http://{}", server.addresses()[0]);
    server.serve(app)
}
