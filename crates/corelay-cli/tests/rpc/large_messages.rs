//! Messages at the limit of four mebibytes, past it, and past it only once they are decompressed.

use crate::proto::corelay::demo::v1::SumRequest;
use crate::support::{Engine, Server};
use crate::{JSON, STREAM_JSON, channel, client, frame, frames, post};
use corelay_rpc::{Code, Limits};
use std::io::Write as _;

crate::on_every_engine!(
    a_message_as_large_as_allowed_is_read,
    a_message_past_the_limit_is_resource_exhausted,
    a_stream_that_is_given_up_says_that_its_connection_closes,
    a_message_that_grows_past_the_limit_is_resource_exhausted,
    a_client_has_a_limit_of_its_own,
);

const LIMIT: usize = 4 << 20;

/// An empty message of this many bytes: JSON may be padded.
fn padded(bytes: usize) -> Vec<u8> {
    let mut message = b"{}".to_vec();
    message.resize(bytes, b' ');
    message
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let folder = crate::support::Scratch::new();
    let path = folder.path("message");
    std::fs::File::create(&path).unwrap().write_all(data).unwrap();
    let output = std::process::Command::new("gzip").arg("-c").arg(&path).output().unwrap();
    assert!(output.status.success(), "gzip, of every Debian");
    output.stdout
}

fn a_message_as_large_as_allowed_is_read(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    assert_eq!(post(&mut connection, "Draw", &[JSON], &padded(LIMIT)).status, 200);
    let (messages, _) = frames(&post(&mut connection, "Roll", &[STREAM_JSON], &frame(0, &padded(LIMIT))));
    assert_eq!(messages.len(), 1);
    let gzipped = gzip(&padded(LIMIT));
    assert_eq!(post(&mut connection, "Draw", &[JSON, "Content-Encoding: gzip"], &gzipped).status, 200);
}

fn a_message_past_the_limit_is_resource_exhausted(engine: Engine) {
    let server = Server::start(engine, &[]);
    let answer = post(&mut server.connect(), "Draw", &[JSON], &padded(LIMIT + 1));
    assert_eq!(answer.status, 429);
    assert!(answer.text().contains("\"resource_exhausted\""), "{}", answer.text());
    for method in ["Roll", "Sum", "Exchange"] {
        let whole = [frame(0, b"{\"number\":1, \"max\":1}"), frame(0, &padded(LIMIT + 1))].concat();
        let body = if method == "Roll" { &whole[whole.len() - LIMIT - 6..] } else { &whole };
        let (messages, end) = frames(&post(&mut server.connect(), method, &[STREAM_JSON], body));
        assert!(messages.is_empty() && end.contains("\"resource_exhausted\""), "{method}: {end}");
    }
    // Chunked, so that no length warns of it.
    let mut connection = server.connect();
    let path = crate::path("Draw");
    connection
        .send(format!("POST {path} HTTP/1.1\r\nHost: test\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n"));
    connection.send(format!("{:x}\r\n", LIMIT + 1));
    connection.send(padded(LIMIT + 1));
    connection.send("\r\n0\r\n\r\n");
    let answer = connection.response();
    assert_eq!((answer.status, answer.field("connection")), (429, Some("close")));
}

/// More of the stream may come than anybody reads: its client is to know before it sends another request.
fn a_stream_that_is_given_up_says_that_its_connection_closes(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    let path = crate::path("Sum");
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: t\r\n{STREAM_JSON}\r\nTransfer-Encoding: chunked\r\n\r\n");
    connection.send([head.as_bytes(), b"5\r\n\0\xff\xff\xff\xff\r\n"].concat());
    let answer = connection.response();
    assert!(frames(&answer).1.contains("\"resource_exhausted\""));
    assert_eq!(answer.field("connection"), Some("close"));
}

fn a_message_that_grows_past_the_limit_is_resource_exhausted(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    let bomb = gzip(&padded(LIMIT + 1));
    assert!(bomb.len() < 10_000);
    let answer = post(&mut connection, "Draw", &[JSON, "Content-Encoding: gzip"], &bomb);
    assert_eq!(answer.status, 429);
    let fields = [STREAM_JSON, "Connect-Content-Encoding: gzip"];
    let (_, end) = frames(&post(&mut connection, "Sum", &fields, &frame(1, &bomb)));
    assert!(end.contains("\"resource_exhausted\""), "{end}");
}

fn a_client_has_a_limit_of_its_own(engine: Engine) {
    let server = Server::start(engine, &[]);
    let limits = Limits { message_bytes_max: 100, ..Limits::default() };
    let narrow = client(channel(&server).limits(limits).accepts_compression(false));
    let request = crate::proto::corelay::demo::v1::DrawRequest { count: 1000, ..Default::default() };
    assert_eq!(narrow.draw(&request).unwrap_err().code(), Code::ResourceExhausted);
    let sums = (0..1000).map(|number| SumRequest { number, ..SumRequest::default() });
    assert_eq!(narrow.sum(sums).unwrap().message.count, 1000);
}
