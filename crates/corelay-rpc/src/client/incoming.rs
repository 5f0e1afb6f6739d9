//! The messages of a streamed answer, as they arrive.

use std::marker::PhantomData;

use corelay::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use super::answer::Answer;
use super::channel::{check_codec, from_server, refusal};
use crate::content::Shape;
use crate::frames::{Frame, Frames};
use crate::{Code, Codec, Compression, Error, Limits, Message};

/// The answers of a stream. An `Err` is what the server says, or why no more can be read; after it there is nothing more.
pub struct Incoming<M> {
    frames: Frames<Answer>,
    codec: Codec,
    limits: Limits,
    headers: HeaderMap,
    trailers: HeaderMap,
    ended: bool,
    message: PhantomData<fn() -> M>,
}

impl<M> Incoming<M> {
    /// The header fields that came first.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The trailers: empty until the iterator has ended.
    pub fn trailers(&self) -> &HeaderMap {
        &self.trailers
    }

    /// Header fields and trailers.
    pub fn into_metadata(self) -> (HeaderMap, HeaderMap) {
        (self.headers, self.trailers)
    }
}

impl<M: Message> Incoming<M> {
    pub(super) fn new(mut answer: Answer, codec: Codec, limits: Limits) -> Result<Self, Error> {
        let headers = std::mem::take(&mut answer.headers);
        if answer.status != StatusCode::OK {
            let body = answer.read_whole(limits.message_bytes_max).unwrap_or_default();
            return Err(refusal(answer.status, headers, HeaderMap::new(), &body));
        }
        check_codec(Shape::Stream, codec, &headers)?;
        let encoding = headers.get("connect-content-encoding").and_then(|value| value.to_str().ok());
        let compression = Compression::declared(encoding).map_err(from_server)?;
        let frames = Frames::new(answer, compression, limits.message_bytes_max);
        let trailers = HeaderMap::new();
        Ok(Self { frames, codec, limits, headers, trailers, ended: false, message: PhantomData })
    }

    fn next_message(&mut self) -> Result<Option<M>, Error> {
        match self.frames.next_frame().map_err(from_server)? {
            Some(Frame::Message(bytes)) => {
                self.codec.decode_within(&bytes, &self.limits).map(Some).map_err(from_server)
            }
            Some(Frame::End(json)) => self.end(&json),
            None => Err(Error::internal("the stream ends without its end message")),
        }
    }

    fn end(&mut self, json: &[u8]) -> Result<Option<M>, Error> {
        let end: Value = serde_json::from_slice(json)
            .map_err(|error| Error::internal(format!("the end message is not JSON: {error}")))?;
        for (name, values) in end["metadata"].as_object().into_iter().flatten() {
            for value in values.as_array().into_iter().flatten() {
                let value = value.as_str().and_then(|value| HeaderValue::try_from(value).ok());
                let field = HeaderName::try_from(name).ok().zip(value);
                if let Some((name, value)) = field {
                    self.trailers.append(name, value);
                }
            }
        }
        // What follows the end message is no part of the stream, but the end of the body is: then the connection is kept.
        let more = self.frames.next_frame().map_err(from_server)?;
        match &end["error"] {
            Value::Null if more.is_some() => {
                Err(Error::internal("the stream goes on behind its end message"))
            }
            Value::Null => Ok(None),
            error => {
                let mut error = Error::from_json(error, Code::Unknown);
                for (name, value) in self.headers.iter().chain(&self.trailers) {
                    error.metadata_mut().append(name, value.clone());
                }
                Err(error)
            }
        }
    }
}

impl<M: Message> Iterator for Incoming<M> {
    type Item = Result<M, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_message().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<M> std::fmt::Debug for Incoming<M> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Incoming").field("headers", &self.headers).finish_non_exhaustive()
    }
}
