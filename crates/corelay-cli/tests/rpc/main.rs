//! RPCs end to end, on every engine: the generated client, raw bytes, and the clients that people use.
//!
//! What a peer can get wrong is sent as bytes (`refusals`, `malformed_streams`); every kind of method is called by the
//! client of `corelay-rpc` (`calls`) and by curl, buf and connect-node (`real_clients`), which know nothing of this project.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

#[allow(
    dead_code,
    unused_imports,
    reason = "shared by several test targets, and each uses its own part of it"
)]
#[path = "../support/mod.rs"]
mod support;

mod calls;
mod deadlines;
mod external;
mod given_up;
mod hostile_messages;
mod large_messages;
mod malformed_streams;
mod real_clients;
mod refusals;
mod split_input;

use support::{Client, Response, Server};

#[allow(dead_code, unreachable_pub, elided_lifetimes_in_paths, reason = "generated, for any crate")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/corelay_rpc.rs"));
}

use proto::corelay::demo::v1::RandomServiceClient;

/// The path of a method of the demo.
fn path(method: &str) -> String {
    format!("/corelay.demo.v1.RandomService/{method}")
}

/// Calls from here to there, in the usual way.
fn channel(server: &Server) -> corelay_rpc::Channel {
    corelay_rpc::Channel::new(&format!("http://{}", server.address())).unwrap()
}

fn client(channel: corelay_rpc::Channel) -> RandomServiceClient {
    RandomServiceClient::new(channel)
}

/// A POST with these fields.
fn message(method: &str, fields: &[&str], body: &[u8]) -> Vec<u8> {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let path = path(method);
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: test\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn post(client: &mut Client, method: &str, fields: &[&str], body: &[u8]) -> Response {
    client.send(message(method, fields, body));
    client.response()
}

/// One frame of a stream.
fn frame(flags: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    corelay_rpc::envelope::encode(flags, data, &mut frame);
    frame
}

/// The messages of a streamed answer in JSON, and its end message.
fn frames(answer: &Response) -> (Vec<String>, String) {
    let mut decoder = corelay_rpc::envelope::Decoder::new(1 << 20);
    decoder.feed(&answer.body);
    let mut texts = Vec::new();
    while let Some(envelope) = decoder.next_envelope().unwrap() {
        let text = String::from_utf8(envelope.data).unwrap();
        if envelope.flags == corelay_rpc::envelope::END_STREAM {
            assert!(decoder.is_between_envelopes(), "something follows the end message");
            return (texts, text);
        }
        texts.push(text);
    }
    panic!("no end message: {texts:?}");
}

const STREAM_JSON: &str = "Content-Type: application/connect+json";
const JSON: &str = "Content-Type: application/json";
