//! The server's part in a test: parse, gather the body as the handler's signature asks, route and call.
//!
//! It does what an engine does with one request that has arrived whole, in the same order and by the same
//! calls.

use std::borrow::Cow;
use std::io::Cursor;
use std::net::SocketAddr;

use ::http::StatusCode;
use corelay_http::{BodyDecoder, Framing, Limits, Parsed, RequestHead};

use super::app::App;
use super::body::{Body, BodyError};
use super::handler::BodyUse;
use super::into_response::IntoResponse;
use super::params::Params;
use super::request::{Request, RequestBody};
use super::response::Response;

/// How the server is to see a request: what does not show in its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Delivery {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) streamed: bool,
}

/// Answers one message; also returns what of it came behind the request.
pub(crate) fn exchange<'m>(
    app: &App,
    head: &mut RequestHead,
    message: &'m [u8],
    delivery: Delivery,
) -> (Response, &'m [u8]) {
    head.clear();
    let after_head = match head.parse(message, &Limits::default()) {
        Ok(Parsed::Complete { head_len }) => &message[head_len..],
        Ok(Parsed::Partial) => return (incomplete().into_response(), &[]),
        Err(error) => return ((error.status(), error.reason()).into_response(), &[]),
    };
    let head = head.view(message);
    let (body, leftover) = match decode(head.framing(), after_head) {
        Ok(decoded) => decoded,
        Err(error) => return (error.into_response(), &[]),
    };
    let mut params = Params::none();
    let endpoint = app.route(&head, &mut params);
    let length = match head.framing() {
        Framing::Chunked => None,
        Framing::None | Framing::Length(_) => Some(body.len() as u64),
    };
    let body = match endpoint.body_use() {
        BodyUse::Unused => RequestBody::Empty,
        BodyUse::Whole { .. } if !delivery.streamed => RequestBody::Whole(&body),
        BodyUse::Either { limit } if !delivery.streamed && is_gathered(length, limit, app) => {
            RequestBody::Whole(&body)
        }
        BodyUse::Whole { .. } | BodyUse::Either { .. } | BodyUse::Stream => {
            RequestBody::Stream(stream(body.to_vec(), length))
        }
    };
    let mut request = Request::new(head, (endpoint, &params), body, app, &delivery.peer);
    let mut response = Response::empty();
    // A panic is a 500, which the test sees.
    let _ = endpoint.call(&mut request, &mut response);
    (response, leftover)
}

fn is_gathered(length: Option<u64>, limit: Option<usize>, app: &App) -> bool {
    let limit = limit.unwrap_or(app.whole_body_bytes_max);
    length.is_some_and(|length| length <= limit as u64)
}

fn stream(body: Vec<u8>, length: Option<u64>) -> Body {
    Body::from_reader(Box::new(Cursor::new(body)), length)
}

/// The body, and what follows it.
fn decode(framing: Framing, input: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), BodyError> {
    if let Framing::None = framing {
        return Ok((Cow::Borrowed(&[]), input));
    }
    if let Framing::Length(length) = framing {
        let split = usize::try_from(length).ok().and_then(|length| input.split_at_checked(length));
        let (body, leftover) = split.ok_or_else(incomplete)?;
        return Ok((Cow::Borrowed(body), leftover));
    }
    let (mut decoder, mut body, mut rest) = (BodyDecoder::new(framing), Vec::new(), input);
    while !decoder.is_complete() {
        let decoded = decoder
            .decode(rest, &Limits::default())
            .map_err(|error| BodyError::new(error.status(), error.reason()))?;
        if decoded.consumed == 0 && !decoded.complete {
            return Err(incomplete());
        }
        body.extend_from_slice(&rest[decoded.data]);
        rest = &rest[decoded.consumed..];
    }
    Ok((Cow::Owned(body), rest))
}

/// A server would wait for the rest, and in the end answer 408.
fn incomplete() -> BodyError {
    BodyError::new(StatusCode::REQUEST_TIMEOUT, "the request ends before it is complete")
}
