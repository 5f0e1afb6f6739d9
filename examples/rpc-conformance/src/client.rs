//! The client under test: makes each call that the runner describes, and says what came of it.

use std::cell::Cell;
use std::fmt::Display;
use std::rc::Rc;
use std::thread::sleep;
use std::time::Duration;

use corelay_rpc::buffa_types::google::protobuf::Any;
use corelay_rpc::{Channel, Code, Codec, Compression, Error, Incoming, Limits, Message, Reply};

use crate::framed;
use crate::proto::connectrpc::conformance::v1 as suite;
use crate::service::header_list;
use suite::__buffa::oneof::client_compat_request::cancel::CancelTiming;
use suite::__buffa::oneof::client_compat_response::Result as Outcome;
use suite::{
    BidiStreamResponse, ClientCompatRequest, ClientCompatResponse, ClientErrorResult, ClientResponseResult,
    ClientStreamResponse, ConformancePayload, ConformanceServiceClient, IdempotentUnaryResponse,
    ServerStreamResponse, UnaryResponse, UnimplementedResponse,
};

/// Answers one request after the other, until there are no more.
pub(crate) fn run() -> Result<(), Box<dyn std::error::Error>> {
    while let Some(request) = framed::read::<ClientCompatRequest>()? {
        let result = match call(&request) {
            Ok(response) => Outcome::from(response),
            Err(message) => Outcome::from(ClientErrorResult { message, ..ClientErrorResult::default() }),
        };
        let test_name = request.test_name;
        let response =
            ClientCompatResponse { test_name, result: Some(result), ..ClientCompatResponse::default() };
        framed::write(&response)?;
    }
    Ok(())
}

/// An `Err` is a call that could not be made; whatever comes of one that was made is a result.
pub(crate) fn call(request: &ClientCompatRequest) -> Result<ClientResponseResult, String> {
    let client = ConformanceServiceClient::new(channel(request).map_err(text)?);
    let most = given_up_after(request)?;
    Ok(match request.method.as_deref().unwrap_or_default() {
        "Unary" => one(client.unary(&only(request)?)),
        "IdempotentUnary" => one(client.idempotent_unary(&only(request)?)),
        "Unimplemented" => one(client.unimplemented(&only(request)?)),
        "ServerStream" => many(client.server_stream(only(request)?), most),
        "ClientStream" => {
            let (left, messages) = paced(request)?;
            with_unsent(one(client.client_stream(messages)), &left)
        }
        "BidiStream" => {
            let (left, messages) = paced(request)?;
            with_unsent(many(client.bidi_stream(messages), most), &left)
        }
        other => return Err(format!("there is no method {other:?}")),
    })
}

/// After how many answers the call is to be given up. Other cancellations need a second thread, which this client has not.
fn given_up_after(request: &ClientCompatRequest) -> Result<usize, String> {
    match request.cancel.as_option().map(|cancel| &cancel.cancel_timing) {
        None => Ok(usize::MAX),
        Some(Some(CancelTiming::AfterNumResponses(count))) => Ok(*count as usize),
        Some(_) => Err("a blocking call is not cancelled from outside".to_owned()),
    }
}

fn channel(request: &ClientCompatRequest) -> Result<Channel, Error> {
    let mut limits = Limits { compress_bytes_min: 0, ..Limits::default() };
    if request.message_receive_limit > 0 {
        limits.message_bytes_max = request.message_receive_limit as usize;
    }
    let mut channel = Channel::new(&format!("http://{}:{}", request.host, request.port))?
        .codec(if request.codec == suite::Codec::CODEC_JSON { Codec::Json } else { Codec::Proto })
        .compression(compression(request))
        .use_get(request.use_get_http_method)
        .limits(limits);
    if let Some(timeout) = request.timeout_ms {
        channel = channel.timeout(Duration::from_millis(timeout.into()));
    }
    for field in &request.request_headers {
        for value in &field.value {
            channel = channel.header(&field.name, value)?;
        }
    }
    Ok(channel)
}

fn compression(request: &ClientCompatRequest) -> Compression {
    match request.compression.as_known() {
        Some(suite::Compression::COMPRESSION_GZIP) => Compression::Gzip,
        Some(suite::Compression::COMPRESSION_BR) => Compression::Brotli,
        Some(suite::Compression::COMPRESSION_ZSTD) => Compression::Zstd,
        Some(suite::Compression::COMPRESSION_DEFLATE) => Compression::Deflate,
        Some(suite::Compression::COMPRESSION_SNAPPY) => Compression::Snappy,
        _ => Compression::Identity,
    }
}

/// The messages one by one, each after the delay that is asked for; and how many nobody has asked for yet.
fn paced<M: Message>(
    request: &ClientCompatRequest,
) -> Result<(Rc<Cell<usize>>, impl Iterator<Item = M>), String> {
    let (messages, delay) = (messages(request)?, delay(request));
    let left = Rc::new(Cell::new(messages.len()));
    let counted = Rc::clone(&left);
    let messages = messages.into_iter().inspect(move |_| {
        sleep(delay);
        counted.set(counted.get() - 1);
    });
    Ok((left, messages))
}

fn with_unsent(mut result: ClientResponseResult, left: &Cell<usize>) -> ClientResponseResult {
    result.num_unsent_requests = i32::try_from(left.get()).unwrap_or(i32::MAX);
    result
}

/// What came of a call with one answer.
fn one<M: Answer>(reply: Result<Reply<M>, Error>) -> ClientResponseResult {
    match reply {
        Err(error) => failed(&error),
        Ok(Reply { message, headers, trailers, .. }) => ClientResponseResult {
            payloads: vec![message.payload()],
            response_headers: header_list(&headers),
            response_trailers: header_list(&trailers),
            ..ClientResponseResult::default()
        },
    }
}

/// What came of a call with many; `most` of them are read before the call is given up.
fn many<M: Answer>(incoming: Result<Incoming<M>, Error>, most: usize) -> ClientResponseResult {
    let mut incoming = match incoming {
        Ok(incoming) => incoming,
        Err(error) => return failed(&error),
    };
    let mut result = ClientResponseResult::default();
    for message in incoming.by_ref() {
        match message {
            Ok(message) => result.payloads.push(message.payload()),
            Err(error) => result.error = to_suite(&error).into(),
        }
        if result.payloads.len() == most {
            result.error = to_suite(&Error::new(Code::Canceled, "the caller has enough")).into();
            break;
        }
    }
    result.response_headers = header_list(incoming.headers());
    result.response_trailers = header_list(incoming.trailers());
    result
}

fn failed(error: &Error) -> ClientResponseResult {
    ClientResponseResult {
        error: to_suite(error).into(),
        response_trailers: header_list(error.metadata()),
        ..ClientResponseResult::default()
    }
}

fn to_suite(error: &Error) -> suite::Error {
    let details = error.details().iter().map(|detail| Any {
        type_url: format!("type.googleapis.com/{}", detail.type_name),
        value: detail.value.clone().into(),
        ..Any::default()
    });
    suite::Error {
        code: (error.code() as i32).into(),
        message: Some(error.message().to_owned()),
        details: details.collect(),
        ..suite::Error::default()
    }
}

/// An answer of the suite's service.
trait Answer: Message {
    fn payload(self) -> ConformancePayload;
}

macro_rules! answers {
    ($($message:ty),*) => {
        $(impl Answer for $message {
            fn payload(self) -> ConformancePayload {
                self.payload.into_option().unwrap_or_default()
            }
        })*
    };
}

answers!(
    UnaryResponse,
    IdempotentUnaryResponse,
    ServerStreamResponse,
    ClientStreamResponse,
    BidiStreamResponse
);

impl Answer for UnimplementedResponse {
    fn payload(self) -> ConformancePayload {
        ConformancePayload::default()
    }
}

fn delay(request: &ClientCompatRequest) -> Duration {
    Duration::from_millis(request.request_delay_ms.into())
}

fn only<M: Message>(request: &ClientCompatRequest) -> Result<M, String> {
    let mut messages = messages(request)?;
    match (messages.pop(), messages.pop()) {
        (Some(message), None) => Ok(message),
        _ => Err("this method has one message".to_owned()),
    }
}

fn messages<M: Message>(request: &ClientCompatRequest) -> Result<Vec<M>, String> {
    request.request_messages.iter().map(|any: &Any| any.unpack_unchecked::<M>().map_err(text)).collect()
}

fn text(error: impl Display) -> String {
    error.to_string()
}
