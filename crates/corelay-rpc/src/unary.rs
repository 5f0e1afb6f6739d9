//! Unary calls: one message in the body of a request, or in the query of a GET, and one in the body of the answer.
//!
//! The path that most calls take, protobuf in a POST that is here in one piece, copies nothing of its own: the message is
//! decoded from the connection's buffer and encoded into the thread's.

use std::io::Read;

use corelay::http::{Body, HeaderValue, Request, Response, header};

use crate::compression::{SUPPORTED, too_large};
use crate::content::{Shape, UNARY_JSON};
use crate::context::{CallFields, Context, Timing, check, text};
use crate::frames::read_failed;
use crate::get::{BadGet, GetRequest};
use crate::{Code, Codec, Compression, Error, Limits, Message};

/// Answers a POST with what `call` makes of its message.
pub(crate) fn post<Q: Message, R: Message>(
    request: &mut Request<'_>,
    limits: &Limits,
    call: impl FnOnce(&Context<'_>, Q) -> Result<R, Error>,
) -> Response {
    let fields = CallFields::of_unary(request);
    let codec = fields.content_type.and_then(|content_type| Shape::Unary.codec(content_type));
    let Some(codec) = codec else { return Shape::Unary.unsupported() };
    let timing = Timing::of(&fields);
    match request.whole_body() {
        Some(body) => answer_post(request, (fields, timing), codec, limits, Ok(body), call),
        None => {
            let mut body = request.take_body();
            Timing::limit(&timing, &mut body);
            let body = read_body(body, limits.message_bytes_max);
            let body = body.as_deref().map_err(Error::clone);
            answer_post(request, (fields, timing), codec, limits, body, call)
        }
    }
}

/// The same, once the body is here.
fn answer_post<Q: Message, R: Message>(
    request: &Request<'_>,
    (fields, timing): (CallFields<'_>, Result<Option<Timing>, Error>),
    codec: Codec,
    limits: &Limits,
    body: Result<&[u8], Error>,
    call: impl FnOnce(&Context<'_>, Q) -> Result<R, Error>,
) -> Response {
    let (context, checked) = Context::new(request, fields, timing);
    let decode = || {
        checked?;
        let body = body?;
        open(body, codec, Compression::declared(text(fields.content_encoding))?, limits)
    };
    let outcome = decode().and_then(|message| call(&context, message));
    answer(&context, codec, limits, outcome)
}

/// Answers a GET.
pub(crate) fn get<Q: Message, R: Message>(
    request: &Request<'_>,
    limits: &Limits,
    call: impl FnOnce(&Context<'_>, Q) -> Result<R, Error>,
) -> Response {
    let fields = CallFields::of_unary(request);
    let (context, checked) = Context::new(request, fields, Timing::of(&fields));
    let parsed = GetRequest::parse(request.query().unwrap_or_default(), limits.message_bytes_max);
    let (codec, decoded) = match parsed {
        Err(BadGet::Codec) => return Shape::Unary.unsupported(),
        Err(BadGet::Call(error)) => (Codec::Json, Err(error)),
        Ok(get) => (get.codec, open(&get.message, get.codec, get.compression, limits)),
    };
    let outcome = checked.and(decoded).and_then(|message| call(&context, message));
    answer(&context, codec, limits, outcome)
}

/// 404 with the error that says it, for a method that there is not (or whatever method was used).
pub(crate) fn unknown_method(request: &mut Request<'_>) -> Response {
    let error = Error::unimplemented(format!("there is no method {}", request.path()));
    refuse(&error).status(corelay::http::StatusCode::NOT_FOUND)
}

/// A body that is still coming in.
fn read_body(mut from: Body, bytes_max: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    let limit = (bytes_max as u64).saturating_add(1);
    match from.by_ref().take(limit).read_to_end(&mut body) {
        Ok(_) if body.len() > bytes_max => Err(give_up(&mut from, bytes_max)),
        Ok(_) => Ok(body),
        Err(error) => match read_failed(&error) {
            error if error.code() == Code::ResourceExhausted => Err(give_up(&mut from, bytes_max)),
            error => Err(error),
        },
    }
}

/// Nobody knows how much is still to come.
#[cold]
fn give_up(body: &mut Body, bytes_max: usize) -> Error {
    body.abandon();
    too_large(bytes_max)
}

fn open<M: Message>(
    body: &[u8],
    codec: Codec,
    compression: Compression,
    limits: &Limits,
) -> Result<M, Error> {
    match compression {
        Compression::Identity => codec.decode_within(body, limits),
        // Nothing at all is the empty message, compressed or not.
        _ if body.is_empty() => codec.decode_within(body, limits),
        _ => codec.decode_within(&compression.decompress(body, limits.message_bytes_max)?, limits),
    }
}

fn answer<R: Message>(
    context: &Context<'_>,
    codec: Codec,
    limits: &Limits,
    outcome: Result<R, Error>,
) -> Response {
    let outcome = check(context.deadline()).and(outcome);
    let encoded = outcome.and_then(|message| encode(context, codec, limits, message));
    let mut response = encoded.unwrap_or_else(|error| refuse(&error));
    context.put_headers(&mut response);
    context.put_trailers(&mut response);
    response
}

fn encode<R: Message>(
    context: &Context<'_>,
    codec: Codec,
    limits: &Limits,
    message: R,
) -> Result<Response, Error> {
    let accepted = text(context.fields().accept_encoding);
    let compression = accepted.map(Compression::accepted).unwrap_or_default();
    let mut encoded = Ok(Compression::Identity);
    let response = Response::encoded(Shape::Unary.content_type(codec), |out| {
        encoded = codec.encode_anywhere(message, out).and_then(|()| compress(out, compression, limits));
    });
    Ok(match encoded? {
        Compression::Identity => response,
        compression => response
            .header(header::CONTENT_ENCODING, HeaderValue::from_static(compression.name()))
            .header(header::VARY, HeaderValue::from_static("accept-encoding")),
    })
}

/// Compresses a message where that is worth it; what it is then.
fn compress(out: &mut Vec<u8>, compression: Compression, limits: &Limits) -> Result<Compression, Error> {
    if compression == Compression::Identity || out.len() < limits.compress_bytes_min {
        return Ok(Compression::Identity);
    }
    *out = compression.compress(std::mem::take(out))?;
    Ok(compression)
}

/// The answer that is an error: its own status, and JSON whatever the codec.
#[cold]
pub(crate) fn refuse(error: &Error) -> Response {
    let body = error.to_json().to_string();
    let mut response = Response::encoded(&UNARY_JSON, |out| out.extend_from_slice(body.as_bytes()));
    response = response.status(error.code().http_status());
    if error.code() == Code::Unimplemented {
        response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static(SUPPORTED));
    }
    for (name, value) in error.metadata() {
        response.headers_mut().append(name, value.clone());
    }
    response
}
