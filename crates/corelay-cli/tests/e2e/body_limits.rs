//! A body past its limit is refused with 413, and a client that is still sending it gets to read that
//! (RFC 9112 9.6: a lingering close, lest the reset destroys the answer).

use crate::on_every_engine;
use crate::support::{Client, Engine, Server};

on_every_engine!(
    a_declared_length_past_the_limit_is_413,
    a_chunked_body_past_the_limit_is_413,
    a_chunk_that_announces_more_than_the_limit_is_413_at_once,
    a_body_at_the_limit_is_taken,
    a_body_gathered_in_memory_has_a_limit_of_its_own,
    a_client_still_uploading_reads_its_413,
    a_client_still_uploading_chunks_reads_its_413,
);

const LIMIT: [&str; 2] = ["--max-body-bytes", "1000"];
const UPLOAD: usize = 50_000_000;

fn a_declared_length_past_the_limit_is_413(engine: Engine) {
    let server = Server::start(engine, &LIMIT);
    for path in ["/upload", "/echo"] {
        let mut client = server.connect();
        let response = client.request("POST", path, &[b'x'; 1001]);
        assert_eq!((response.status, response.closes()), (413, true), "{path}");
        client.expect_end();
    }
}

fn a_chunked_body_past_the_limit_is_413(engine: Engine) {
    let server = Server::start(engine, &LIMIT);
    for path in ["/upload", "/echo"] {
        let mut client = server.connect();
        client.send(format!("POST {path} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"));
        client.send(format!("3E8\r\n{}\r\n1\r\nx\r\n", "x".repeat(1000)));
        assert_eq!(client.response().status, 413, "{path}");
        client.expect_end();
    }
}

/// Nothing of the chunk follows: who waited for it would answer with 408, and late.
fn a_chunk_that_announces_more_than_the_limit_is_413_at_once(engine: Engine) {
    let server = Server::start(engine, &LIMIT);
    for path in ["/upload", "/echo"] {
        for size in ["3E9", "7fffffffffffffff"] {
            let mut client = server.connect();
            client.send(format!("POST {path} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"));
            client.send(format!("{size}\r\n"));
            assert_eq!(client.response().status, 413, "{path} {size}");
            client.finish_sending();
            client.expect_end();
        }
    }
}

fn a_body_at_the_limit_is_taken(engine: Engine) {
    let server = Server::start(engine, &LIMIT);
    for path in ["/upload", "/echo"] {
        let mut client = server.connect();
        assert_eq!(client.request("POST", path, &[b'x'; 1000]).status, 200, "{path}");
        client.send(format!("POST {path} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"));
        client.send(format!("3E8\r\n{}\r\n0\r\n\r\n", "x".repeat(1000)));
        assert_eq!(client.response().status, 200, "{path}");
    }
}

/// `/echo` gathers its body, `/upload` streams it.
fn a_body_gathered_in_memory_has_a_limit_of_its_own(engine: Engine) {
    let server = Server::start(engine, &["--max-buffered-body-bytes", "1000"]);
    assert_eq!(server.connect().request("POST", "/echo", &[b'x'; 1000]).status, 200);
    assert_eq!(server.connect().request("POST", "/echo", &[b'x'; 1001]).status, 413);
    assert_eq!(server.connect().request("POST", "/upload", &[b'x'; 1001]).status, 200);
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n");
    assert_eq!(client.response().status, 413);
}

/// Sends all of a body that nobody wants, as a client does that looks at the answer only at the end.
fn send_all(client: &mut Client, piece: &[u8], pieces: usize) {
    for _ in 0..pieces {
        client.send(piece);
    }
}

fn a_client_still_uploading_reads_its_413(engine: Engine) {
    let server = Server::start(engine, &LIMIT);
    for path in ["/upload", "/echo", "/plaintext"] {
        let mut client = server.connect();
        client.send(format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {UPLOAD}\r\n\r\n"));
        send_all(&mut client, &[b'x'; 50_000], UPLOAD / 50_000);
        let status = client.response().status;
        assert!(status == 413 || (path == "/plaintext" && status == 405), "{path}: {status}");
        client.finish_sending();
        client.expect_end();
    }
}

fn a_client_still_uploading_chunks_reads_its_413(engine: Engine) {
    let server = Server::start(engine, &LIMIT);
    for path in ["/upload", "/echo"] {
        let mut client = server.connect();
        client.send(format!("POST {path} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"));
        let chunk = format!("C350\r\n{}\r\n", "x".repeat(50_000));
        send_all(&mut client, chunk.as_bytes(), UPLOAD / 50_000);
        assert_eq!(client.response().status, 413, "{path}");
        client.finish_sending();
        client.expect_end();
    }
}
