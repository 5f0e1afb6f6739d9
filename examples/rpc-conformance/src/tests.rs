//! This client against this server, on every engine: what the suite does on a larger scale, and without its runner.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::thread;

use corelay::config::{Address, Engine};
use corelay_rpc::buffa_types::google::protobuf::Any;
use corelay_rpc::{Code, Message};

use crate::client::call;
use crate::proto::connectrpc::conformance::v1 as suite;
use suite::__buffa::oneof::unary_response_definition::Response as Wanted;
use suite::{
    BidiStreamRequest, ClientCompatRequest, ClientResponseResult, ClientStreamRequest, Codec, Compression,
    Header, IdempotentUnaryRequest, ServerStreamRequest, StreamResponseDefinition, UnaryRequest,
    UnaryResponseDefinition,
};

const COMPRESSIONS: [Compression; 6] = [
    Compression::COMPRESSION_IDENTITY,
    Compression::COMPRESSION_GZIP,
    Compression::COMPRESSION_BR,
    Compression::COMPRESSION_ZSTD,
    Compression::COMPRESSION_DEFLATE,
    Compression::COMPRESSION_SNAPPY,
];

/// Serves on every engine while `check` calls; `message_bytes_max` of 0 is the usual limit.
fn on_every_engine(message_bytes_max: u32, check: impl Fn(&ClientCompatRequest)) {
    for engine in [Engine::Cores, Engine::Threads, Engine::Pool] {
        let server = crate::listen(engine).unwrap();
        let Address::Tcp(address) = server.addresses()[0].clone() else { panic!("no port") };
        let handle = server.handle();
        thread::scope(|scope| {
            let served = scope.spawn(|| server.serve(crate::router(message_bytes_max)));
            for codec in [Codec::CODEC_PROTO, Codec::CODEC_JSON] {
                for compression in COMPRESSIONS {
                    check(&ClientCompatRequest {
                        codec: codec.into(),
                        compression: compression.into(),
                        host: address.ip().to_string(),
                        port: address.port().into(),
                        request_headers: vec![fields("x-sent")],
                        ..ClientCompatRequest::default()
                    });
                }
            }
            handle.drain();
            served.join().unwrap().unwrap();
        });
    }
}

fn fields(name: &str) -> Header {
    Header { name: name.to_owned(), value: vec!["one".to_owned(), "two".to_owned()], ..Header::default() }
}

fn called<M: Message>(base: &ClientCompatRequest, method: &str, messages: &[M]) -> ClientResponseResult {
    let pack = |message| Any::pack(message, format!("type.googleapis.com/{}", M::FULL_NAME));
    let request_messages = messages.iter().map(pack).collect();
    call(&ClientCompatRequest { method: Some(method.to_owned()), request_messages, ..base.clone() }).unwrap()
}

fn unary(response: Wanted) -> UnaryResponseDefinition {
    UnaryResponseDefinition {
        response_headers: vec![fields("x-answered")],
        response_trailers: vec![fields("x-trailed")],
        response: Some(response),
        ..UnaryResponseDefinition::default()
    }
}

fn stream(data: &[&[u8]], error: Option<suite::Error>) -> StreamResponseDefinition {
    StreamResponseDefinition {
        response_headers: vec![fields("x-answered")],
        response_trailers: vec![fields("x-trailed")],
        response_data: data.iter().map(|data| data.to_vec()).collect(),
        error: error.into(),
        ..StreamResponseDefinition::default()
    }
}

fn out_of_range() -> suite::Error {
    let code = suite::Code::CODE_OUT_OF_RANGE.into();
    suite::Error { code, message: Some("too far".to_owned()), ..suite::Error::default() }
}

fn values<'r>(list: &'r [Header], name: &str) -> Vec<&'r str> {
    let named = list.iter().filter(|header| header.name == name);
    named.flat_map(|header| header.value.iter().map(String::as_str)).collect()
}

/// Header fields and trailers came back, and the first answer tells what was sent.
fn assert_told(result: &ClientResponseResult, requests: usize) {
    assert_eq!(result.error.as_option(), None);
    assert_eq!(values(&result.response_headers, "x-answered"), ["one", "two"]);
    assert_eq!(values(&result.response_trailers, "x-trailed"), ["one", "two"]);
    let info = &result.payloads[0].request_info;
    assert_eq!(values(&info.request_headers, "x-sent"), ["one", "two"]);
    assert_eq!(info.requests.len(), requests);
}

#[test]
fn every_kind_of_method_tells_what_it_was_sent() {
    on_every_engine(0, |base| {
        let definition = unary(Wanted::ResponseData(b"data".to_vec()));
        let request =
            UnaryRequest { response_definition: definition.clone().into(), ..UnaryRequest::default() };
        assert_told(&called(base, "Unary", &[request]), 1);

        let get = ClientCompatRequest { use_get_http_method: true, timeout_ms: Some(60_000), ..base.clone() };
        let result = called(
            &get,
            "IdempotentUnary",
            &[IdempotentUnaryRequest {
                response_definition: definition.clone().into(),
                ..Default::default()
            }],
        );
        assert_told(&result, 1);
        let info = &result.payloads[0].request_info;
        assert_eq!(info.timeout_ms, Some(60_000));
        assert_eq!(values(&info.connect_get_info.query_params, "connect"), ["v1"]);

        let first = ClientStreamRequest { response_definition: definition.into(), ..Default::default() };
        let second = ClientStreamRequest { request_data: vec![7; 5000], ..Default::default() };
        assert_told(&called(base, "ClientStream", &[first, second]), 2);

        let definition = stream(&[b"a", b"b", b"c"], None);
        let request =
            ServerStreamRequest { response_definition: definition.clone().into(), ..Default::default() };
        let result = called(base, "ServerStream", &[request]);
        assert_told(&result, 1);
        assert_eq!(
            result.payloads.iter().map(|payload| &*payload.data).collect::<Vec<_>>(),
            [b"a", b"b", b"c"]
        );

        let first = BidiStreamRequest { response_definition: definition.into(), ..Default::default() };
        let result = called(base, "BidiStream", &[first, BidiStreamRequest::default()]);
        assert_told(&result, 2);
        assert_eq!(result.payloads.len(), 3);
    });
}

#[test]
fn errors_come_with_details_and_metadata() {
    on_every_engine(0, |base| {
        let definition = unary(out_of_range().into());
        let request =
            UnaryRequest { response_definition: definition.clone().into(), ..UnaryRequest::default() };
        let first = ClientStreamRequest { response_definition: definition.into(), ..Default::default() };
        let at_once = stream(&[], Some(out_of_range()));
        let at_once = ServerStreamRequest { response_definition: at_once.into(), ..Default::default() };
        for result in [
            called(base, "Unary", &[request]),
            called(base, "ClientStream", &[first]),
            called(base, "ServerStream", &[at_once]),
        ] {
            assert_eq!(result.error.code, suite::Code::CODE_OUT_OF_RANGE);
            assert_eq!(result.error.message.as_deref(), Some("too far"));
            assert!(result.error.details[0].type_url.ends_with("RequestInfo"), "{:?}", result.error);
            assert_eq!(values(&result.response_trailers, "x-trailed"), ["one", "two"]);
        }
        let later = stream(&[b"a", b"b"], Some(out_of_range()));
        let later = BidiStreamRequest { response_definition: later.into(), ..Default::default() };
        let result = called(base, "BidiStream", &[later]);
        assert_eq!((result.payloads.len(), result.error.details.len()), (2, 0));
        assert_eq!(result.error.code.to_i32(), Code::OutOfRange as i32);
    });
}

#[test]
fn a_message_past_the_limit_is_resource_exhausted() {
    on_every_engine(1000, |base| {
        let noise: Vec<u8> = (0..2000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let large = UnaryRequest { request_data: noise.clone(), ..UnaryRequest::default() };
        let result = called(base, "Unary", &[large]);
        assert_eq!(result.error.code, suite::Code::CODE_RESOURCE_EXHAUSTED);
        let large = ClientStreamRequest { request_data: noise, ..ClientStreamRequest::default() };
        let result = called(base, "ClientStream", &[ClientStreamRequest::default(), large]);
        assert_eq!(result.error.code, suite::Code::CODE_RESOURCE_EXHAUSTED);
    });
}
