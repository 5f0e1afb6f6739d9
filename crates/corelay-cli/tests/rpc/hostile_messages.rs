//! Messages that are meant to do harm: nested, lying about their lengths, or larger in memory than on the wire. Each is
//! refused, the server lives, and what it holds stays small.

use crate::proto::corelay::demo::v1::DrawRequest;
use crate::support::{Engine, Server};
use crate::{JSON, STREAM_JSON, channel, client, frame, frames, post};
use corelay_rpc::buffa::Message as _;
use corelay_rpc::{Code, Compression, Limits};

crate::on_every_engine!(
    unknown_fields_are_passed_over_however_deep_in_json_and_refused_in_protobuf,
    what_grows_when_it_is_opened_is_refused_in_every_coding,
    a_stream_of_bombs_leaves_the_server_small,
);

const PROTO: &str = "Content-Type: application/proto";
const STREAM_PROTO: &str = "Content-Type: application/connect+proto";
const CODINGS: [Compression; 5] =
    [Compression::Gzip, Compression::Deflate, Compression::Brotli, Compression::Zstd, Compression::Snappy];

fn unknown_fields_are_passed_over_however_deep_in_json_and_refused_in_protobuf(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    let nested = |levels: usize| {
        [b"{\"new\":".to_vec(), b"[".repeat(levels), b"]".repeat(levels), b"}".to_vec()].concat()
    };
    assert_eq!(post(&mut connection, "Draw", &[JSON], &nested(100)).status, 200);
    for levels in [101, 1_000_000] {
        let answer = post(&mut connection, "Draw", &[JSON], &nested(levels));
        assert!(
            answer.status == 400 && answer.text().contains("nested deeper than 100"),
            "{}",
            answer.text()
        );
    }
    let groups = |levels: usize| [[0xa3, 0x06].repeat(levels), [0xa4, 0x06].repeat(levels)].concat();
    assert_eq!(post(&mut connection, "Draw", &[PROTO], &groups(100)).status, 200);
    for levels in [101, 1_000_000] {
        let answer = post(&mut connection, "Draw", &[PROTO], &groups(levels));
        assert!(
            answer.status == 400 && answer.text().contains("nested deeper than 100"),
            "{}",
            answer.text()
        );
        let answer = post(&mut connection, "Sum", &[STREAM_PROTO], &frame(0, &groups(levels)));
        assert!(answer.text().contains("\"invalid_argument\""), "{}", answer.text());
    }
}

/// A message of 16 MiB of zeros in a field that nobody knows.
fn bomb() -> DrawRequest {
    let mut bytes = vec![0x4a, 0x80, 0x80, 0x80, 0x08];
    bytes.resize(bytes.len() + (16 << 20), 0);
    DrawRequest::decode_from_slice(&bytes).unwrap()
}

fn what_grows_when_it_is_opened_is_refused_in_every_coding(engine: Engine) {
    let server = Server::start(engine, &[]);
    let bomb = bomb();
    for coding in CODINGS {
        let limits = Limits { message_bytes_max: 128 << 20, ..Limits::default() };
        let client = client(channel(&server).compression(coding).limits(limits));
        assert_eq!(client.draw(&bomb).unwrap_err().code(), Code::ResourceExhausted, "{coding:?}");
        assert_eq!(client.draw(&DrawRequest::default()).unwrap().message.numbers.len(), 1);
    }
}

fn a_stream_of_bombs_leaves_the_server_small(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    for _ in 0..3 {
        for (content_type, body) in [
            (PROTO, [0xa0, 0x06, 0x01].repeat(1_300_000)),
            (JSON, [b"{\"new\":[".to_vec(), b"{},".repeat(1_300_000), b"1]}".to_vec()].concat()),
            (JSON, [b"{\"count\":".to_vec(), b"9".repeat(4_000_000), b"}".to_vec()].concat()),
        ] {
            let answer = post(&mut connection, "Draw", &[content_type], &body);
            assert!(matches!(answer.status, 400 | 429), "{content_type}: {}", answer.text());
        }
        let (_, end) = frames(&post(&mut connection, "Sum", &[STREAM_JSON], &[0, 0xff, 0xff, 0xff, 0xff]));
        assert!(end.contains("\"resource_exhausted\""), "{end}");
    }
    assert!(peak_bytes(&server) < 100 << 20, "{} bytes", peak_bytes(&server));
}

/// The most that was ever resident.
fn peak_bytes(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
