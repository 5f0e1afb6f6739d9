//! Every kind of method, in both codecs, with and without compression, by the generated client.

use crate::proto::corelay::demo::v1::{Bounds, DrawRequest, ExchangeRequest, RollRequest, SumRequest};
use crate::support::{Engine, Server};
use crate::{channel, client};
use corelay_rpc::{Channel, Code, Codec, Compression, Limits};

crate::on_every_engine!(
    a_unary_method_answers_by_post_and_by_get,
    streams_of_every_kind_are_answered,
    errors_come_with_their_details,
    one_connection_serves_call_after_call,
);

const CODINGS: [Compression; 6] = [
    Compression::Identity,
    Compression::Gzip,
    Compression::Deflate,
    Compression::Brotli,
    Compression::Zstd,
    Compression::Snappy,
];

/// Every codec with every compression, each message compressed however small.
fn channels(server: &Server) -> impl Iterator<Item = Channel> {
    let plain = channel(server).limits(Limits { compress_bytes_min: 0, ..Limits::default() });
    [Codec::Proto, Codec::Json].into_iter().flat_map(move |codec| {
        let plain = plain.clone().codec(codec);
        CODINGS.into_iter().map(move |coding| plain.clone().compression(coding))
    })
}

fn a_unary_method_answers_by_post_and_by_get(engine: Engine) {
    let server = Server::start(engine, &[]);
    for channel in channels(&server) {
        for uses_get in [false, true] {
            let client = client(channel.clone().use_get(uses_get));
            let request = DrawRequest { count: 5000, max: 6, ..DrawRequest::default() };
            let reply = client.draw(&request).unwrap();
            assert_eq!(reply.message.numbers.len(), 5000);
            assert!(reply.message.numbers.iter().all(|number| *number < 6), "{channel:?}");
            assert!(reply.headers.contains_key("content-encoding"), "{:?}", reply.headers);
        }
    }
    let reply = client(channel(&server).accepts_compression(false)).draw(&DrawRequest::default()).unwrap();
    assert!(reply.message.numbers.len() == 1 && reply.message.numbers[0] < 100);
    assert!(!reply.headers.contains_key("content-encoding"));
}

fn streams_of_every_kind_are_answered(engine: Engine) {
    let server = Server::start(engine, &[]);
    for channel in channels(&server) {
        let client = client(channel);
        let mut roll = client.roll(RollRequest { count: 300, sides: 4, ..RollRequest::default() }).unwrap();
        assert_eq!(roll.headers()["x-sides"], "4");
        let faces: Vec<u32> = roll.by_ref().map(|message| message.unwrap().face).collect();
        assert!(faces.len() == 300 && faces.iter().all(|face| (1..=4).contains(face)), "{faces:?}");
        assert_eq!(roll.trailers()["x-thrown"], "300");

        let numbers = (-100..=200).map(|number| SumRequest { number, ..SumRequest::default() });
        let reply = client.sum(numbers).unwrap().message;
        assert_eq!((reply.sum, reply.count), (15_050, 301));
        assert_eq!(client.sum([]).unwrap().message.count, 0);

        let bounds = (1..=50).map(|max| ExchangeRequest { max, ..ExchangeRequest::default() });
        let mut exchange = client.exchange(bounds).unwrap();
        let numbers: Vec<u64> = exchange.by_ref().map(|message| message.unwrap().number).collect();
        assert!(
            numbers.len() == 50 && numbers.iter().zip(1..).all(|(number, max)| *number < max),
            "{numbers:?}"
        );
        assert_eq!(exchange.trailers()["x-exchanged"], "50");
    }
}

fn errors_come_with_their_details(engine: Engine) {
    let server = Server::start(engine, &[]);
    for codec in [Codec::Proto, Codec::Json] {
        let client = client(channel(&server).codec(codec));
        let unary = client.draw(&DrawRequest { count: 10_001, ..DrawRequest::default() }).unwrap_err();
        let roll = RollRequest { count: 1_000_001, ..RollRequest::default() };
        let stream = client.roll(roll).unwrap().next().unwrap().unwrap_err();
        for (error, most) in [(unary, 10_000), (stream, 1_000_000)] {
            assert_eq!(error.code(), Code::OutOfRange);
            assert!(error.message().contains("count must be from 1 to"), "{error}");
            let bounds: Bounds = error.detail().unwrap();
            assert_eq!((bounds.least, bounds.most), (1, most));
        }
        // Half of a stream, and then the error.
        let bounds = [3, 2, 0, 1].map(|max| ExchangeRequest { max, ..ExchangeRequest::default() });
        let mut exchange = client.exchange(bounds).unwrap();
        assert!(exchange.next().unwrap().is_ok() && exchange.next().unwrap().is_ok());
        assert_eq!(exchange.next().unwrap().unwrap_err().code(), Code::InvalidArgument);
        assert!(exchange.next().is_none());
        assert_eq!(exchange.trailers()["x-exchanged"], "4");
    }
}

fn one_connection_serves_call_after_call(engine: Engine) {
    // One connection may come from an address: a second one would be refused.
    let server = Server::start(engine, &["--max-connections-per-peer", "1"]);
    let client = client(channel(&server));
    for _ in 0..5 {
        client.draw(&DrawRequest::default()).unwrap();
        client.draw(&DrawRequest { count: 10_001, ..DrawRequest::default() }).unwrap_err();
        assert_eq!(client.roll(RollRequest::default()).unwrap().count(), 1);
        client.sum([SumRequest::default()]).unwrap();
        assert_eq!(client.exchange([]).unwrap().count(), 0);
    }
}
