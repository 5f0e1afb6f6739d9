//! Work that blocks runs on service threads: as many as there may be, and 503 past that, while all else is served on. On
//! `threads` it runs on the connection's own thread, and there is no such limit.

use crate::on_every_engine;
use crate::support::{Client, Engine, Server};

on_every_engine!(uploads_that_wait_hold_up_nobody, past_the_limit_of_threads_is_503);

const UPLOAD: &str =
    "POST /upload HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

/// An upload whose handler waits for its body for certain: it has asked for it.
fn waiting(server: &Server) -> Client {
    let mut client = server.connect();
    client.send(UPLOAD);
    assert_eq!(client.response().status, 100);
    client
}

fn finish(client: &mut Client) {
    client.send("hello");
    let response = client.response();
    assert_eq!((response.status, response.text().trim_end()), (200, "5"));
}

fn uploads_that_wait_hold_up_nobody(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut uploads: Vec<_> = (0..50).map(|_| waiting(&server)).collect();
    for _ in 0..20 {
        assert_eq!(server.connect().get("/plaintext").status, 200);
    }
    uploads.iter_mut().for_each(finish);
    // Their connections came home and are served by their cores again.
    for upload in &mut uploads {
        assert_eq!(upload.get("/plaintext").status, 200);
    }
}

fn past_the_limit_of_threads_is_503(engine: Engine) {
    let server = Server::start(engine, &["--max-service-threads", "2"]);
    let mut uploads = [waiting(&server), waiting(&server)];
    let mut refused = server.connect();
    refused.send(UPLOAD);
    let response = refused.response();
    if engine.name == "threads" {
        assert_eq!(response.status, 100, "it has a thread of its own");
        return uploads.iter_mut().chain([&mut refused]).for_each(finish);
    }
    assert_eq!(response.status, 503);
    assert!(response.field("retry-after").is_some(), "{:?}", response.fields);
    assert_eq!(server.connect().get("/plaintext").status, 200);
    uploads.iter_mut().for_each(finish);
    // A thread is free when it has come back from its answer, a moment after the client has read that.
    let mut status = 503;
    while status == 503 {
        let mut client = server.connect();
        client.send(UPLOAD);
        status = client.response().status;
    }
    assert_eq!(status, 100, "threads that became free are used again");
}
