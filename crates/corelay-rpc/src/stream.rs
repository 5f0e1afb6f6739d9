//! Streams: messages in frames, in either direction or both, and an end message in place of a status.
//!
//! A request's messages are read by whoever iterates, as they arrive; an answer's are written as its iterator gives them,
//! each as soon as it is there. HTTP/1.1 has no more than half duplex: a client may send all it has to say before it reads
//! a word, so a service that answers before it has heard everything must know that its clients read meanwhile.

use std::io::{self, Write};
use std::marker::PhantomData;
use std::time::Instant;

use corelay::http::{Body, HeaderMap, HeaderValue, Request, Response};
use serde_json::{Map, Value};

use crate::compression::SUPPORTED;
use crate::content::Shape;
use crate::context::{CallFields, Context, Timing, Trailers, check, text};
use crate::envelope::{self, COMPRESSED, END_STREAM};
use crate::frames::{Frame, Frames};
use crate::{Code, Codec, Compression, Error, Limits, Message};

/// The answers of a stream: any iterator, boxed. An `Err` ends it; `None` ends it well.
///
/// ```
/// use corelay_rpc::{Error, Responses};
///
/// let count: Responses<u32> = Box::new((1..=3).map(Ok::<u32, Error>));
/// assert_eq!(count.count(), 3);
/// ```
pub type Responses<M> = Box<dyn Iterator<Item = Result<M, Error>> + Send>;

/// The messages of a request, as they arrive.
///
/// An `Err` says what is wrong with the request; pass it on with `?`. After it, and at the end, there is nothing more.
pub struct Requests<M> {
    frames: Frames<Body>,
    codec: Codec,
    limits: Limits,
    deadline: Option<Instant>,
    ended: bool,
    message: PhantomData<fn() -> M>,
}

impl<M: Message> Requests<M> {
    fn next_message(&mut self) -> Result<Option<M>, Error> {
        check(self.deadline)?;
        let frame = self.frames.next_frame().inspect_err(|error| {
            // Nobody knows how much is still to come.
            if error.code() == Code::ResourceExhausted {
                self.frames.reader_mut().abandon();
            }
        });
        match frame? {
            None => Ok(None),
            Some(Frame::Message(bytes)) => self.codec.decode_within(&bytes, &self.limits).map(Some),
            Some(Frame::End(_)) => Err(Error::invalid_argument("a request has no end message")),
        }
    }

    /// The one message of a call that has one: `unimplemented` for none and for more, as the protocol has it.
    pub(crate) fn only(&mut self) -> Result<M, Error> {
        let Some(message) = self.next_message()? else {
            return Err(Error::unimplemented("the request has no message, and this method takes one"));
        };
        match self.frames.next_frame()? {
            None => Ok(message),
            Some(_) => {
                Err(Error::unimplemented("the request has several messages, and this method takes one"))
            }
        }
    }
}

impl<M: Message> Iterator for Requests<M> {
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

impl<M> std::fmt::Debug for Requests<M> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Requests").field("codec", &self.codec).finish_non_exhaustive()
    }
}

/// What a handler of a stream gives.
pub(crate) enum Answer<R> {
    One(R),
    Many(Responses<R>),
}

/// Answers a POST with the stream that `call` makes of the request's messages.
pub(crate) fn post<Q: Message, R: Message>(
    request: &mut Request<'_>,
    limits: &Limits,
    call: impl FnOnce(&Context<'_>, Requests<Q>) -> Result<Answer<R>, Error>,
) -> Response {
    let fields = CallFields::of_stream(request);
    let codec = fields.content_type.and_then(|content_type| Shape::Stream.codec(content_type));
    let Some(codec) = codec else { return Shape::Stream.unsupported() };
    let timing = Timing::of(&fields);
    let mut body = request.take_body();
    Timing::limit(&timing, &mut body);
    let (context, checked) = Context::new(request, fields, timing);
    let declared = Compression::declared(text(fields.content_encoding));
    let outcome = checked.and(declared).and_then(|compression| {
        let frames = Frames::new(body, compression, limits.message_bytes_max);
        let (limits, deadline) = (*limits, context.deadline());
        call(&context, Requests { frames, codec, limits, deadline, ended: false, message: PhantomData })
    });
    let compression = text(fields.accept_encoding).map(Compression::accepted).unwrap_or_default();
    let sink = Sink {
        codec,
        compression,
        compress_bytes_min: limits.compress_bytes_min,
        trailers: context.trailers(),
        deadline: context.deadline(),
        frame: Vec::new(),
    };
    let mut response = sink.answer(outcome);
    context.put_headers(&mut response);
    let headers = response.headers_mut();
    headers.insert("connect-accept-encoding", HeaderValue::from_static(SUPPORTED));
    if compression != Compression::Identity {
        headers.insert("connect-content-encoding", HeaderValue::from_static(compression.name()));
    }
    response
}

/// Frames an answer's messages.
struct Sink {
    codec: Codec,
    compression: Compression,
    compress_bytes_min: usize,
    trailers: Trailers,
    deadline: Option<Instant>,
    frame: Vec<u8>,
}

impl Sink {
    /// What is known by now is sent as a whole; a stream, as it comes, by a thread that may wait.
    fn answer<R: Message>(mut self, outcome: Result<Answer<R>, Error>) -> Response {
        let content_type = Shape::Stream.content_type(self.codec);
        let outcome = check(self.deadline).and(outcome);
        let end = match outcome {
            Ok(Answer::Many(messages)) => {
                let response = Response::writer(move |out| self.write_all(messages, out));
                return response.header("content-type", content_type.clone());
            }
            Ok(Answer::One(message)) => self.put(message),
            Err(error) => Err(error),
        };
        self.put_end(end.err());
        let frame = self.frame;
        Response::encoded(content_type, |out| out.extend_from_slice(&frame))
    }

    fn write_all<R: Message>(mut self, messages: Responses<R>, out: &mut dyn Write) -> io::Result<()> {
        let end = self.write_messages(messages, out)?;
        self.put_end(end.err());
        out.write_all(&self.frame)
    }

    /// The inner result is the call's, the outer one the connection's.
    fn write_messages<R: Message>(
        &mut self,
        messages: Responses<R>,
        out: &mut dyn Write,
    ) -> io::Result<Result<(), Error>> {
        for message in messages {
            let put = check(self.deadline).and(message).and_then(|message| self.put(message));
            if put.is_err() {
                return Ok(put);
            }
            out.write_all(&self.frame)?;
            out.flush()?;
            self.frame.clear();
        }
        Ok(check(self.deadline))
    }

    /// Adds a message's frame.
    fn put<R: Message>(&mut self, message: R) -> Result<(), Error> {
        let mut plain = Vec::new();
        self.codec.encode_anywhere(message, &mut plain)?;
        if self.compression == Compression::Identity || plain.len() < self.compress_bytes_min {
            envelope::encode(0, &plain, &mut self.frame);
            return Ok(());
        }
        let compressed = self.compression.compress(plain)?;
        envelope::encode(COMPRESSED, &compressed, &mut self.frame);
        Ok(())
    }

    /// Adds the end message: the error, if there is one, and the trailers.
    fn put_end(&mut self, error: Option<Error>) {
        let mut end = Map::new();
        let mut trailers = self.trailers.take();
        if let Some(error) = &error {
            end.insert("error".to_owned(), error.to_json());
            trailers.extend(error.metadata().clone());
        }
        if !trailers.is_empty() {
            end.insert("metadata".to_owned(), metadata_to_json(&trailers));
        }
        envelope::encode(END_STREAM, Value::from(end).to_string().as_bytes(), &mut self.frame);
    }
}

/// Each name with the list of its values.
fn metadata_to_json(fields: &HeaderMap) -> Value {
    let object = fields.keys().map(|name| {
        let values = fields.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        (name.as_str().to_owned(), values.map(|value| Value::from(value.into_owned())).collect())
    });
    Value::Object(object.collect())
}
