//! `POST /upload` counts a body of any size and any framing, and keeps none of it.

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(
    an_upload_of_known_length_is_counted,
    a_chunked_upload_is_counted,
    an_upload_is_never_held_whole
);

static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

fn an_upload_of_known_length_is_counted(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    for length in [0, 1, 1_000, 65_536, 3_000_000] {
        let response = client.request("POST", "/upload", &vec![b'x'; length]);
        assert_eq!((response.status, response.text().trim_end()), (200, length.to_string().as_str()));
    }
}

fn a_chunked_upload_is_counted(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut total = 0;
    for size in (1..2_000).step_by(7) {
        client.send(format!("{size:X};extension=\"{size}\"\r\n"));
        client.send(&PIECE[..size]);
        client.send("\r\n");
        total += size;
    }
    client.send("0\r\n\r\n");
    let response = client.response();
    assert_eq!((response.status, response.text().trim_end()), (200, total.to_string().as_str()));
    assert_eq!(client.get("/plaintext").status, 200);
}

fn an_upload_is_never_held_whole(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.request("POST", "/upload", &PIECE);
    let before = server.process().resident_bytes();
    let pieces = 3_200;
    let length = pieces * PIECE.len();
    client.send(format!("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n"));
    for _ in 0..pieces {
        client.send(PIECE);
    }
    let response = client.response();
    assert_eq!((response.status, response.text().trim_end()), (200, length.to_string().as_str()));
    let grown = server.process().resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more in memory after an upload of {length}");
}
